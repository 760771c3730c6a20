"""Press to durable in the store: `Outbox.append` with lane, chain and removal, beside bare writes and other stores.

All take turns, event by event, on the same disk, so that a slow moment of the disk is everybody's. Each press is
a new fact, made before the clock starts. What no store on SQLite goes below is a row of its own: a row as ours,
inserted by nobody who numbers, chains or packs anything.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random, randbytes
from statistics import median

from sqlite_utils import Database

from agent.clock import SystemClock
from agent.event import Lane, Stream
from agent.outbox.database import PAGE_BYTES, WAL_PAGES
from agent.ranges import Ranges
from tests.bench.events import HANOI, encoded_rating, outbox_at, rating
from tests.bench.figures import Row, Size, percentile, ratio_of_blocks, us
from tests.bench.floor import DevicePage

Store = Callable[[bytes], object]
REACH = 1.35
FLOOR, OURS, LEAST = "bare 4 KiB write", "the outbox", "SQLite's own part: a bare insert of a row as ours"
ROW_BYTES = 70
"""What the outbox keeps of a rating: of 585 bytes those that no rating said before."""
SLOW_EVERY = 4
"""The slow rivals get every fourth turn: they take most of the time and need the fewest samples."""


def measure(folder: Path, size: Size) -> Iterator[Row]:
    with ExitStack() as stack:
        page = stack.enter_context(DevicePage(folder / "floor"))
        ours, confirm = _outbox(folder, stack)
        stores: dict[str, Store] = {
            FLOOR: lambda _: page.write(),
            OURS: ours,
            LEAST: _row_as_ours(folder, stack),
            "warm WAL, bare insert of the whole event": _whole_event(folder, stack),
        }
        slow: dict[str, Store] = {
            "sqlite3 defaults": _sqlite3_defaults(folder, stack),
            "sqlite-utils defaults": _sqlite_utils(folder, stack),
        }
        took: dict[str, list[float]] = {name: [] for name in (*stores, *slow)}
        cpu: dict[str, list[float]] = {name: [] for name in took}
        body = encoded_rating()
        chance = Random(1)
        for number in range(-10, size.presses):
            turn = {**stores, **(slow if number % SLOW_EVERY == 0 else {})}
            for name in chance.sample(list(turn), len(turn)):
                began_cpu, began = time.process_time(), time.perf_counter()
                turn[name](body)
                if number >= 0:
                    took[name].append(time.perf_counter() - began)
                    cpu[name].append(time.process_time() - began_cpu)
            confirm()
    yield from _rows(took, median(mine - least for mine, least in zip(cpu[OURS], cpu[LEAST], strict=True)))


def _rows(took: dict[str, list[float]], added_s: float) -> Iterator[Row]:
    floor, ours = took[FLOOR], took[OURS]
    for label, percent in (("p50", 50.0), ("p99", 99.0)):
        blocks = 10 if percent < 90 else min(4, max(1, len(ours) // 100))
        found = ratio_of_blocks(ours, floor, blocks=blocks, percent=percent)
        mine, bare = percentile(ours, percent), percentile(floor, percent)
        yield Row(
            f"press to durable in the store, {label}",
            us(mine),
            f"{FLOOR} {us(bare)}",
            found,
            f"≤ {REACH}",
            found.middle <= REACH,
        )
    yield Row("— of it, CPU to number, encode, hash and pack the event, with cold caches", us(added_s))
    for name, values in took.items():
        if name not in (FLOOR, OURS):
            beside = floor if len(values) == len(floor) else floor[::SLOW_EVERY]
            yield Row(
                f"— for comparison: {name}, p50",
                us(percentile(values, 50)),
                f"{FLOOR} {us(percentile(beside, 50))}",
                ratio_of_blocks(values, beside),
            )


def _outbox(folder: Path, stack: ExitStack) -> tuple[Store, Callable[[], object]]:
    """Ours, and the province's confirmation: nothing is kept for audit, so each append also removes the one before."""
    clock = SystemClock(HANOI)
    outbox = outbox_at(folder / "outbox.db", clock)
    outbox.open()
    stack.callback(outbox.close)
    facts = [rating(clock)]

    def confirm() -> None:
        facts[0] = rating(clock, level=(facts[0].data["level"] + 1) % 4)
        have = Ranges([(1, outbox.marks()[Lane.RECORD].last)])
        outbox.confirm(Stream(outbox.epoch, Lane.RECORD), have=have, missing=Ranges())

    return lambda _: outbox.append(facts[0]), confirm


def _row_as_ours(folder: Path, stack: ExitStack) -> Store:
    """The least that SQLite can do durably for what the outbox stores of an event, beside five small numbers."""
    db = _warm_wal(folder / "row.db", stack)
    db.execute(
        f"create table {Lane.RECORD} (seq integer primary key, body blob not null, crc integer not null,"
        " stored integer not null, form integer, taken integer not null default 0)"
    )
    packed, crc = randbytes(ROW_BYTES), 2**31
    insert, numbers = f"insert into {Lane.RECORD} values (?, ?, ?, ?, ?, ?)", count(1)

    def store(_: bytes) -> None:
        seq = next(numbers)
        db.execute(insert, (seq, packed, crc, seq - 1, 1, seq))

    return store


def _whole_event(folder: Path, stack: ExitStack) -> Store:
    """The same for all of an event's bytes."""
    db = _warm_wal(folder / "warm.db", stack)
    db.execute("create table event (seq integer primary key, body blob not null)")
    return lambda body: db.execute("insert into event (body) values (?)", (body,))


def _warm_wal(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """A database with a write-ahead log that was grown before."""
    db = _open(path, stack)
    db.execute(f"pragma page_size = {PAGE_BYTES}")
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute(f"pragma wal_autocheckpoint = {WAL_PAGES}")
    db.execute("create table growth as select zeroblob(?) as filler", (WAL_PAGES * PAGE_BYTES,))
    db.execute("drop table growth")
    db.execute("pragma wal_checkpoint(restart)").fetchone()
    return db


def _sqlite3_defaults(folder: Path, stack: ExitStack) -> Store:
    db = _open(folder / "defaults.db", stack)
    db.execute("create table event (seq integer primary key, body blob not null)")
    return lambda body: db.execute("insert into event (body) values (?)", (body,))


def _sqlite_utils(folder: Path, stack: ExitStack) -> Store:
    db = Database(folder / "utils.db")
    stack.callback(db.close)
    table = db.table("event")
    return lambda body: table.insert({"body": body})


def _open(path: Path, stack: ExitStack) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    stack.callback(db.close)
    return db
