"""Coverage of a real camera on the network with injected faults, held to what the camera itself sent."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import SystemClock
from agent.rating.figures.opening import Span
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.review import review
from agent.surveillance.coverage.watchbook import Watchbook
from agent.surveillance.coverage.watchman import Lapses
from tests.drivers.videos import write_video
from tests.eventually import eventually
from tests.rtsp import Film, RtspCamera, rtsp_camera
from tests.surveillance.conftest import START_S, Running, camera
from tests.surveillance.faults import IMPATIENT

STEADY_S = 0.8
"""Between two faults."""
EDGE_S = 1.0
"""A key frame that is looked at, of this film, at either end of a gap. 28 such faults would be 0.1 % of eight hours."""


def gaps_in(device: RtspCamera, first: float, last: float) -> list[tuple[float, float]]:
    """When no whole pictures were sent: from the last that was whole to the next whole key frame, maybe in another
    session."""
    gaps: list[tuple[float, float]] = []
    current, good_until = 0, 0.0
    for at, session, is_key, is_whole in device.sent:
        if not is_whole:
            current = 0
        elif session == current:
            good_until = at
        elif is_key:
            if gaps and good_until - gaps[-1][1] < STEADY_S / 2:  # sent on a session that was given up
                good_until = gaps.pop()[0]
            gaps.append((good_until, at))
            current, good_until = session, at
    return [(start, end) for start, end in gaps if end > first and end <= last]


def seen_again(running: Running, since: float) -> float:
    """Wait for a picture that came after *since*, and tell when it came."""

    def came() -> float | None:
        process = running.service._there
        try:
            at = process.heartbeat.read().picture_at if process is not None else 0.0
        except ValueError:  # it was given up in between
            return None
        return at if at > since else None

    return eventually(came, START_S)


def steady(running: Running) -> float:
    """Wait for pictures, and for some more of them; tell when the newest came."""
    return seen_again(running, seen_again(running, time.monotonic()) + STEADY_S)


def lose(running: Running, device: RtspCamera, fault: Callable[[], None]) -> float:
    """Do what costs the session, wait until it is noticed, put the camera right, and wait for a picture: when it
    came."""
    process = running.process
    fault()
    eventually(lambda: running.service._there is not process, START_S)
    device.mend()
    return steady(running)


def test_every_gap_of_a_real_camera_has_its_length_and_its_cause(tmp_path: Path) -> None:
    film = Film.of(write_video(tmp_path / "film.mp4", reorders=False))
    clock = SystemClock(UTC)
    lapses, book = Lapses(clock), Watchbook(tmp_path, clock)
    book.fit(["quay"])
    vigil = lapses.vigil("quay")
    vigil.wait(Cause.AGENT, since=clock.monotonic())
    with rtsp_camera(film) as device:
        settings = camera("network", {"source": device.url})
        running = Running(settings, IMPATIENT, vigil=vigil)
        try:
            steady(running)
            first = time.monotonic()
            lose(running, device, device.stall)
            lose(running, device, device.drop)
            lose(running, device, lambda: os.kill(running.process.pid, signal.SIGKILL))
            device.corrupt(75)
            eventually(lambda: device.is_through, START_S)
            steady(running)
            last = lose(running, device, device.refuse)
            seen_again(running, last)  # the stop is no gap before `last`
        finally:
            running.stop()
        true = gaps_in(device, first, last)
    book.enter(lapses.take())
    book.close()
    told = review(tmp_path, [settings], [Span(wall(clock, first), wall(clock, last))], until=wall(clock, last))["quay"]
    assert [gap.cause for gap in told.gaps] == [
        *(Cause.STALL, Cause.NETWORK, Cause.AGENT, Cause.CORRUPT, Cause.NETWORK),
    ]
    assert len(true) == len(told.gaps)
    for gap, (start, end) in zip(told.gaps, true, strict=True):
        assert abs((gap.span.start - wall(clock, start)).total_seconds()) < EDGE_S, gap
        assert abs((gap.span.end - wall(clock, end)).total_seconds()) < EDGE_S, gap
    error_s = sum(gap.span.seconds for gap in told.gaps) - sum(end - start for start, end in true)
    print(f"coverage, real faults: {len(true)} gaps, off by {error_s:+.2f} s together")


def wall(clock: SystemClock, monotonic: float) -> datetime:
    return clock.now() - timedelta(seconds=clock.monotonic() - monotonic)
