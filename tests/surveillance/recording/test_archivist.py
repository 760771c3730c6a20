"""The archivist on a card that is full: video goes first, also where its index can neither be written nor opened."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.clock import ManualClock, Moment
from agent.rating.figures.opening import Span
from agent.surveillance.coverage.footage import spans_in
from agent.surveillance.process import Told
from agent.surveillance.recording.archive import Archive, Finished
from agent.surveillance.recording.archivist import Archivist, Recorded
from agent.surveillance.recording.retention import Limits
from tests.disk import fill
from tests.eventually import eventually

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
SIZE_BYTES = 256 * 1024
LIMITS = Limits(keep_days=15, limit_bytes=10**9, free_bytes=1024**2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.surveillance.recording.archivist.WAIT_S", 0.2)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@contextmanager
def working(folder: Path, recorded: Recorded, clock: ManualClock) -> Iterator[None]:
    service = Archivist("archive-quay", folder, LIMITS, recorded, camera="quay", clock=clock)
    stop = threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,), name="archive-quay")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        service.wake()
        thread.join(5)
        assert not thread.is_alive()


def film(folder: Path, number: int) -> Path:
    path = folder / "20260920" / f"{number:06}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(SIZE_BYTES))
    at = (NOW - timedelta(minutes=60 - number)).timestamp()
    os.utime(path, (at, at))
    return path


def told(path: Path, clock: ManualClock) -> Told:
    now = clock.monotonic()
    return Told(f"{path.parent.name}/{path.name}", now - 60, now, SIZE_BYTES, 600)


def enter(archive: Archive, path: Path, moment: Moment) -> None:
    file = str(path.relative_to(archive.folder))
    archive.enter(Finished(file, moment.at - timedelta(minutes=1), moment.at, moment, "boot", SIZE_BYTES, 600))


def playable(folder: Path) -> list[str]:
    archive = Archive(folder)
    archive.open()
    try:
        return [Path(recording.file).name for recording in archive.recordings()]
    finally:
        archive.close()


def test_on_a_card_that_is_full_at_the_start_the_oldest_recordings_go_and_what_was_told_is_entered(
    small_disk: Path, clock: ManualClock
) -> None:
    folder = small_disk / "quay"
    archive = Archive(folder)
    films = [film(folder, number) for number in range(10)]
    for each in films[:-1]:
        enter(archive, each, clock.read())
    archive.close()
    fill(small_disk / "filler")
    recorded = Recorded()
    recorded.put(told(films[-1], clock))
    with working(folder, recorded, clock):
        eventually(lambda: recorded.stock)
    left = playable(folder)
    assert left == [each.name for each in films if each.exists()] == [each.name for each in films[-len(left) :]]
    assert 4 <= len(left) <= 6  # a megabyte is free, and no more went than had to


def test_on_a_card_that_fills_while_it_works_entering_goes_on(small_disk: Path, clock: ManualClock) -> None:
    folder, recorded = small_disk / "quay", Recorded()
    films = [film(folder, number) for number in range(10)]
    with working(folder, recorded, clock):
        eventually(lambda: recorded.stock)
        fill(small_disk / "filler")
        clock.advance(31)
        for each in films:
            recorded.put(told(each, clock))
        eventually(lambda: recorded.stock is not None and recorded.stock.size_bytes < 7 * SIZE_BYTES)
    assert films[-1].name in playable(folder)


def test_what_was_told_last_is_entered_before_the_end(tmp_path: Path, clock: ManualClock) -> None:
    recorded = Recorded()
    service = Archivist("archive-quay", tmp_path, LIMITS, recorded, camera="quay", clock=clock)
    recorded.put(told(film(tmp_path, 1), clock))
    stopped = threading.Event()
    stopped.set()
    service.run(stopped)
    archive = Archive(tmp_path)
    assert archive.stock().since == NOW - timedelta(minutes=1)
    archive.close()


def test_what_an_earlier_boot_left_is_entered_as_of_its_own_time_and_of_no_boot(
    tmp_path: Path, clock: ManualClock
) -> None:
    left_at = NOW - timedelta(hours=9)
    recorded = Recorded()
    service = Archivist("archive-quay", tmp_path, LIMITS, recorded, camera="quay", clock=clock)
    recorded.put(replace(told(film(tmp_path, 1), clock), left_at=left_at.timestamp()))
    stopped = threading.Event()
    stopped.set()
    service.run(stopped)
    there, _ = spans_in(tmp_path, Span(NOW - timedelta(days=1), NOW), {clock.boot: NOW + timedelta(hours=7)})
    assert there == [Span(left_at - timedelta(minutes=1), left_at)]
