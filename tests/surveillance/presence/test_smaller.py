"""A smaller stream that fails, in whatever way, is told, opened again, and missed by nobody."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import av
import pytest

from agent.surveillance.decode import Moment
from agent.surveillance.presence.onset import Behind
from agent.surveillance.seeing import lookout
from agent.surveillance.seeing.eye import Eye
from agent.surveillance.seeing.lookout import LATE_S, Lookout
from drivers.base import Camera, DriverNotReady, Packet
from drivers.camera.file import FileCamera
from drivers.camera.room import Room
from tests.drivers.videos import write_video
from tests.eventually import eventually
from tests.surveillance.seeing.test_eye import frame_of

Spoil = Callable[[Packet], Packet]


class Smaller:
    """What is opened as the smaller stream: a film as fast as it can be read, spoiled in one way after the other."""

    def __init__(self, film: Path, *ways: Spoil) -> None:
        self._film = film
        self._ways = list(ways)
        self._now = time.monotonic()
        self.is_over = threading.Event()
        self.told: list[str] = []

    def __call__(self) -> Camera:
        if self.is_over.is_set() or not self._ways:
            raise BrokenPipeError
        way = self._ways.pop(0)
        options = FileCamera.Options(source=self._film)
        camera = FileCamera(options, monotonic=lambda: self._now, sleep=self._sleep)
        read = camera.read

        def spoiled() -> Packet:
            if self.is_over.is_set():
                raise BrokenPipeError
            return way(read())

        camera.read = spoiled  # type: ignore[method-assign]
        return camera

    def _sleep(self, seconds: float) -> None:
        self._now += seconds

    def tell(self, words: Mapping[str, Any], _body: bytes) -> None:
        if words["kind"] == "smaller":
            self.told.append(words["trouble"])


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Smaller, Lookout]]]:
    monkeypatch.setattr(lookout, "FIRST_AGAIN_S", 0.01)
    begun: list[Smaller] = []

    def make(*ways: Spoil) -> tuple[Smaller, Lookout]:
        smaller = Smaller(write_video(tmp_path / "film.mp4", reorders=False), *ways)
        begun.append(smaller)
        made = Lookout(
            Eye(smaller.tell), Behind(lambda: pytest.fail("of the main stream"), list), smaller.tell, smaller
        )
        made.start()
        return smaller, made

    yield make
    for smaller in begun:
        smaller.is_over.set()
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "smaller"])


def whole(packet: Packet) -> Packet:
    return packet


def blind(packet: Packet) -> Packet:
    """It comes, and is no picture."""
    data: av.Packet[Any] = av.Packet(bytes(100))
    data.pts = cast("av.Packet[Any]", packet.data).pts
    return replace(packet, data=data)


def failing(_: Packet) -> Packet:
    raise RuntimeError("nobody thought of this")


def test_a_stream_whose_pictures_do_not_decode_is_told_and_opened_again(
    follow: Callable[..., tuple[Smaller, Lookout]],
) -> None:
    smaller, _ = follow(blind, whole)
    told = eventually(lambda: smaller.told if smaller.told[1:] else None)
    assert "no valid key frame" in told[0]
    assert told[1] == ""


def test_whatever_goes_wrong_is_told_once_and_tried_again(
    follow: Callable[..., tuple[Smaller, Lookout]], caplog: pytest.LogCaptureFixture
) -> None:
    smaller, _ = follow(failing, failing, whole)
    told = eventually(lambda: smaller.told if smaller.told[1:] else None)
    assert told[:2] == ["nobody thought of this", ""]
    assert caplog.text.count("the smaller stream cannot be looked at") == 1


def test_a_stream_that_neither_comes_nor_fails_is_told_when_it_is_late(
    follow: Callable[..., tuple[Smaller, Lookout]],
) -> None:
    hangs = threading.Event()

    def hanging(_: Packet) -> Packet:
        hangs.wait()
        raise DriverNotReady("CAMERA_AWAY", "at last")

    smaller, made = follow(hanging)
    frame = frame_of(Room(320, 180).empty(0.0, 0))
    made.see(Moment(frame, 100.0))
    made.see(Moment(frame, 100.0 + LATE_S - 1))
    assert smaller.told == []
    made.see(Moment(frame, 100.0 + LATE_S))
    assert smaller.told == ["no picture for 30 s"]
    hangs.set()
