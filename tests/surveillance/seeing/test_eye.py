"""The eye looks at what the decoder left, and the counter hears of it once."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from agent.errors import TryAgain
from agent.surveillance.decode import Moment
from agent.surveillance.kept import KeptView
from agent.surveillance.luma import brightness
from agent.surveillance.seeing.eye import Eye
from agent.surveillance.seeing.look import Look
from agent.surveillance.seeing.view import COLUMNS, ROWS, sample_of
from drivers.camera.room import Room
from tests.eventually import eventually
from tests.surveillance.conftest import Running, camera
from tests.surveillance.scenes import Grey


def frame_of(picture: Grey, pixels: str = "yuv420p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pixels)


def room_view(width: int = 320, height: int = 180) -> bytes:
    """What an eye learns of the simulated camera's counter."""
    drawn = Room(width, height)
    samples = [sample_of(brightness(frame_of(drawn.draw(2.0 * n, n)))) for n in range(8)]
    return bytes(np.median(np.stack(samples), axis=0).astype(np.uint8).data.tobytes())


class Told:
    """What an eye told, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.views: list[bytes] = []

    def __call__(self, words: Mapping[str, Any], body: bytes) -> None:
        if words["kind"] == "view":
            self.views.append(body)
        else:
            self.words.append(words["look"])


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj422p", "nv12", "gray", "yuyv422", "rgb24"])
def test_the_brightness_is_the_same_however_a_camera_keeps_its_pixels(pixels: str) -> None:
    picture = Room(322, 180).draw(1.0, 1)
    found = brightness(frame_of(picture, pixels)).astype(int)
    assert found.shape == (180, 322)
    expected = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(int)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


def test_the_brightness_is_not_copied() -> None:
    frame = frame_of(Room(320, 180).draw(1.0, 1))
    brightness_of_it = brightness(frame)
    assert not brightness_of_it.flags.owndata


def test_what_changes_is_told_once_and_the_view_when_it_is_learned_and_every_hour() -> None:
    told, drawn = Told(), Room(320, 180)
    eye = Eye(told)
    for n in range(10):
        eye.see(Moment(frame_of(drawn.draw(2.0 * n, n)), 2.0 * n))
    assert (told.words, len(told.views)) == ([], 1)
    for n in range(10, 20):
        eye.see(Moment(frame_of(drawn.covered(0.0, n)), 2.0 * n))
    assert told.words == ["CAMERA_COVERED"]
    for n in range(1810, 1816):
        eye.see(Moment(frame_of(drawn.draw(2.0 * n, n)), 2.0 * n))
    assert told.words == ["CAMERA_COVERED", "OK"]
    assert len(told.views) == 2


def test_a_new_process_goes_on_where_the_one_before_it_ended() -> None:
    told, drawn = Told(), Room(320, 180)
    eye = Eye(told, view=room_view(), state=Look.COVERED)
    for n in range(4):
        eye.see(Moment(frame_of(drawn.covered(0.0, n)), 2.0 * n))
    assert (told.words, told.views) == ([], [])
    for n in range(4, 9):
        eye.see(Moment(frame_of(drawn.draw(2.0 * n, n)), 2.0 * n))
    assert told.words == ["OK"]


def test_relearning_accepts_what_is_seen() -> None:
    told, drawn = Told(), Room(320, 180)
    eye = Eye(told, view=room_view())
    for n in range(4):
        eye.see(Moment(frame_of(drawn.moved(2.0 * n, n)), 2.0 * n))
    assert told.words == ["CAMERA_MOVED"]
    eye.relearn()
    for n in range(4, 20):
        eye.see(Moment(frame_of(drawn.moved(2.0 * n, n)), 2.0 * n))
    assert told.words == ["CAMERA_MOVED", "OK"]
    assert [bool(view) for view in told.views] == [False, True], "what was known is given up, then the new one is told"


def test_a_key_frame_is_looked_at_in_less_than_five_milliseconds(
    surveillance_clip: Path, record_property: Callable[[str, object], None]
) -> None:
    with av.open(str(surveillance_clip)) as film:
        frames = list(film.decode(video=0))
    cv2.setNumThreads(1)
    eye = Eye(Told())
    spent = []
    for n, frame in enumerate(frames):
        began = time.thread_time()
        eye.see(Moment(frame, 2.0 * n))
        spent.append(1000 * (time.thread_time() - began))
    middle = float(np.median(spent))
    record_property("figure: eye, a key frame of 768x576", f"{middle:.2f} ms")
    assert middle < 5


@pytest.mark.parametrize("body", [b"", b"\x80" * 7, b"\x80" * (COLUMNS * ROWS)])
def test_a_view_is_kept_until_it_is_given_up(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "views" / "quay.view"
    KeptView(path).keep(body)
    assert KeptView(path).view == body
    KeptView(path).keep(b"")
    assert not path.exists()


def script(*entries: tuple[float, str]) -> dict[str, Any]:
    return {"fps": 10, "script": [{"after_s": after_s, "do": do} for after_s, do in entries]}


def test_a_camera_that_is_turned_away_is_told_until_it_is_told_that_this_is_how_it_is(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    kept = KeptView(tmp_path / "quay.view")
    kept.keep(room_view())
    alerts: list[Look] = []
    refusals = iter([True])

    def tampered(look: Look) -> None:
        if next(refusals, False):
            raise TryAgain("the disk is full")
        alerts.append(look)

    running = run(camera("sim", script((0, "moved"))), kept=kept, tampered=tampered)
    running.until("CAMERA_MOVED")
    eventually(lambda: alerts, within_s=2)
    running.service.relearn()
    running.until("OK", after=len(running.said))
    eventually(lambda: kept.view == b"", within_s=2)
    assert alerts == [Look.MOVED]


def test_a_black_picture_is_an_alert_only_while_the_counter_is_open(run: Callable[..., Running]) -> None:
    kept, is_open, alerts = KeptView(), [False], list[Look]()
    kept.keep(room_view())
    quay = camera("sim", script((0, "black")))
    running = run(quay, kept=kept, tampered=alerts.append, is_open=lambda: is_open[0])
    running.until("CAMERA_DARK")
    assert alerts == []
    is_open[0] = True
    running.until("CAMERA_BLACK")
    assert alerts == [Look.BLACK]
