"""How often key frames are decoded, on a film that plays as fast as it can be read."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from agent.surveillance.capture import CHECK_EVERY_S, CHECK_SELDOM_S, Capture
from agent.surveillance.heartbeat import Beat, Heartbeat
from drivers.base import Packet
from drivers.camera.file import FileCamera
from tests.drivers.videos import write_video

PLAYED_S = 41.0


class Leap:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def heartbeat() -> Iterator[Heartbeat]:
    there = Heartbeat.create()
    yield there
    there.close()


def decoded_at(folder: Path, heartbeat: Heartbeat, check_every_s: float) -> tuple[list[float], Beat]:
    """When key frames were decoded while a film played, a key frame every third of a second; and the last beat."""
    film = write_video(folder / "film.mp4", reorders=False)
    leap, seen = Leap(), list[float]()

    def leave_in_time(packet: Packet) -> None:
        if packet.at_monotonic >= 100.0 + PLAYED_S:
            capture.leaving.set()

    capture = Capture(
        heartbeat,
        packets=[leave_in_time],
        pictures=[lambda moment: seen.append(moment.at_monotonic - 100.0)],
        check_every_s=check_every_s,
    )
    with FileCamera(FileCamera.Options(source=film), monotonic=lambda: leap.now, sleep=leap.sleep) as camera:
        capture.run(camera)
    return seen, heartbeat.read()


def test_where_nobody_looks_a_key_frame_is_decoded_every_ten_seconds_and_that_is_no_blindness(
    tmp_path: Path, heartbeat: Heartbeat
) -> None:
    seen, beat = decoded_at(tmp_path, heartbeat, CHECK_SELDOM_S)
    assert seen == pytest.approx([0, 10, 20, 30, 40], abs=0.5)
    assert beat.gop_s >= CHECK_SELDOM_S


def test_where_somebody_looks_key_frames_are_decoded_twice_a_second_at_most(
    tmp_path: Path, heartbeat: Heartbeat
) -> None:
    seen, beat = decoded_at(tmp_path, heartbeat, CHECK_EVERY_S)
    apart = [later - earlier for earlier, later in pairwise(seen)]
    assert 0.49 < min(apart) <= max(apart) < 0.8
    assert beat.gop_s == pytest.approx(0.5, abs=0.01)
