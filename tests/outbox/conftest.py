"""An outbox on a real file, with a clock that is moved by hand."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.event import EventType, Fact, Lane, Stream
from agent.outbox.store import Outbox
from agent.ranges import Ranges

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
Rate = Callable[..., Fact]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 9, 1, 8, 15, tzinfo=HANOI))


@pytest.fixture
def outbox(tmp_path: Path, clock: ManualClock) -> Iterator[Outbox]:
    """Open, empty, and without audit days."""
    made = outbox_at(tmp_path / "outbox.db", clock)
    made.open()
    yield made
    made.close()


def outbox_at(path: Path, clock: ManualClock, *, keep_days: int = 0, limit_bytes: int = 512 * 1024**2) -> Outbox:
    return Outbox(path, province="40", agent="na-0123", clock=clock, keep_days=keep_days, limit_bytes=limit_bytes)


def fact(clock: ManualClock, level: int = 3, kind: EventType = EventType.RATING) -> Fact:
    return Fact(kind, clock.now(), clock.quality(), {"level": level})


def stream(outbox: Outbox, lane: Lane = Lane.RECORD) -> Stream:
    """*lane* of the epoch that is being written."""
    return Stream(outbox.epoch, lane)


def seqs(outbox: Outbox, lane: Lane = Lane.RECORD) -> list[int]:
    """What is on the disk of *lane*."""
    return [seq for seq, _ in outbox.read(stream(outbox, lane), 1, 10**6)]


def confirm(outbox: Outbox, upto: int, *missing: tuple[int, int], lane: Lane = Lane.RECORD) -> bool:
    """As the province would: everything up to *upto* but *missing*."""
    return outbox.confirm(stream(outbox, lane), have=Ranges([(1, upto)]), missing=Ranges(missing))
