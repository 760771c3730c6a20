"""What a rating costs the memory card in its whole life: inserted, confirmed by the province, removed.

Counted at the device of a private ext4, so journal and metadata are in it. The floor is a log that
exists in full, is overwritten page by page and flushed each time.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from agent.clock import ManualClock
from agent.event import Lane, Stream
from agent.outbox.store import Outbox
from agent.ranges import Ranges
from tests.bench.disk import CountedDisk, Wear
from tests.bench.events import START, encoded_rating, fill, outbox_at, rating
from tests.bench.figures import Row, Size

DAY_S = 86400.0
A_DAY = 500
"""Ratings of a busy counter."""
KEEP_DAYS = 5
"""Enough for a steady state: how many days lie in the file does not change what one more rating costs."""
REACH_FLUSHES, REACH_BYTES = 1.02, 6000
CONFIRMED_AT_ONCE = 100
"""As the province confirms a batch."""


def measure(folder: Path, size: Size) -> Iterator[Row]:
    with CountedDisk(folder) as disk:
        floor = _log(disk, size.lives)
    yield Row("flash wear of a rating: a 4 KiB page of a log, overwritten and flushed", _said(floor, size.lives))
    with CountedDisk(folder) as disk:
        yield _row("confirmed at once, keep_days 0", _live(disk, size.lives), size.lives)
    with CountedDisk(folder) as disk:
        yield _row(f"steady state, keep_days {KEEP_DAYS}", _kept(disk, size.lives), size.lives)
    with CountedDisk(folder) as disk:
        yield from _backlog(disk, size)
    with CountedDisk(folder) as disk:
        lives = size.lives // 4
        yield Row("— for comparison: sqlite-utils defaults, the insert alone", _said(_sqlite_utils(disk, lives), lives))


def _row(what: str, wear: Wear, lives: int) -> Row:
    reached = wear.flushes <= REACH_FLUSHES * lives and wear.written_bytes <= REACH_BYTES * lives
    return Row(
        f"flash wear of a rating for life: {what}",
        _said(wear, lives),
        reach=f"≤ {REACH_FLUSHES} flushes, ≤ {REACH_BYTES:,} B",
        reached=reached,
    )


def _said(wear: Wear, lives: int) -> str:
    return f"{wear.flushes / lives:.3f} flushes, {wear.written_bytes / lives:,.0f} B"


def _log(disk: CountedDisk, lives: int) -> Wear:
    path = disk.folder / "log"
    path.write_bytes(bytes(4096 * 64))
    handle = os.open(path, os.O_WRONLY)
    try:
        before = disk.wear()
        for number in range(lives):
            os.pwrite(handle, bytes([number % 255 + 1]) * 4096, number % 64 * 4096)
            os.fdatasync(handle)
        return disk.wear().since(before)
    finally:
        os.close(handle)


def _live(disk: CountedDisk, lives: int) -> Wear:
    """Each rating is confirmed before the next is pressed: a counter whose link is up."""
    clock = ManualClock(START)
    with closing(outbox_at(disk.folder / "outbox.db", clock)) as outbox:
        outbox.open()
        return _count(disk, outbox, lambda: _press_and_confirm(outbox, clock), lives)


def _kept(disk: CountedDisk, lives: int) -> Wear:
    """Every new rating pushes one out whose audit days are over."""
    path, clock = disk.folder / "outbox.db", ManualClock(START)
    held = KEEP_DAYS * A_DAY
    fill(path, held, days=KEEP_DAYS)
    clock.advance(KEEP_DAYS * DAY_S)
    with closing(outbox_at(path, clock, keep_days=KEEP_DAYS)) as outbox:
        outbox.open()
        _confirm(outbox)

        def live() -> None:
            clock.advance(DAY_S / A_DAY)
            _press_and_confirm(outbox, clock)

        for _ in range(A_DAY // 10):
            live()
        wear = _count(disk, outbox, live, lives)
        mark = outbox.marks()[Lane.RECORD]
        kept = mark.last - mark.first
        assert abs(kept - held) < held / 5, f"{kept} ratings are kept where {held} should be"
        return wear


def _backlog(disk: CountedDisk, size: Size) -> Iterator[Row]:
    """Presses while weeks of them wait; then all of it is confirmed and leaves."""
    path, clock = disk.folder / "outbox.db", ManualClock(START)
    fill(path, size.backlog)
    with closing(outbox_at(path, clock)) as outbox:
        outbox.open()
        lives = size.lives // 2
        pressed = _count(disk, outbox, lambda: outbox.append(rating(clock)), lives)
        last, confirmed = outbox.marks()[Lane.RECORD].last, 0

        def confirm() -> None:
            nonlocal confirmed
            confirmed = min(confirmed + CONFIRMED_AT_ONCE, last)
            _confirm(outbox, confirmed)

        drained = _count(disk, outbox, confirm, -(-last // CONFIRMED_AT_ONCE))
    share = lives / last
    life = Wear(
        round(pressed.written_bytes + drained.written_bytes * share), round(pressed.flushes + drained.flushes * share)
    )
    yield _row(f"pressed and removed with {size.backlog:,} waiting", life, lives)
    yield Row(
        "— of this, leaving in a drain", f"{drained.flushes / last:.4f} flushes, {drained.written_bytes / last:,.0f} B"
    )


def _sqlite_utils(disk: CountedDisk, lives: int) -> Wear:
    db = Database(disk.folder / "utils.db")
    with closing(db):
        body = encoded_rating()
        db.table("event").insert({"body": body})
        before = disk.wear()
        for _ in range(lives):
            db.table("event").insert({"body": body})
        return disk.wear().since(before)


def _press_and_confirm(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(rating(clock))
    _confirm(outbox)


def _confirm(outbox: Outbox, upto: int | None = None) -> None:
    have = Ranges([(1, upto if upto is not None else outbox.marks()[Lane.RECORD].last)])
    outbox.confirm(Stream(outbox.epoch, Lane.RECORD), have=have, missing=Ranges())


def _count(disk: CountedDisk, outbox: Outbox, act: Callable[[], object], times: int) -> Wear:
    """The wear of *times* acts, from one empty log to the next: what a checkpoint would still write is in it."""
    _checkpoint(outbox.path)
    before = disk.wear()
    for _ in range(times):
        act()
    flushes = disk.wear().since(before).flushes
    _checkpoint(outbox.path)
    return Wear(disk.wear().since(before).written_bytes, flushes)


def _checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=5)) as db:
        db.execute("pragma wal_checkpoint(full)").fetchone()
