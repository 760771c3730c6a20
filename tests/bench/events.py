"""Ratings as a counter makes them, one by one or a million at once with a chain that holds."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from agent.clock import Clock, ManualClock
from agent.event import GENESIS, Event, EventType, Fact, Lane, chain_hash
from agent.outbox.rows import Forms
from agent.outbox.store import Outbox
from agent.rating.record import RatingData

PROVINCE, AGENT = "40", "na-0123"
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2026, 9, 1, 8, 15, tzinfo=HANOI)
LEVELS = (3, 3, 3, 2, 3, 2, 1, 3, 2, 3, 0, 3)


def outbox_at(path: Path, clock: Clock, *, keep_days: int = 0) -> Outbox:
    return Outbox(path, province=PROVINCE, agent=AGENT, clock=clock, keep_days=keep_days)


def rating(clock: Clock, level: int = 3) -> Fact:
    data = RatingData(
        level=level,
        raw=f"{0x34 - level:02x}",
        keymap="0d5f4b1c9e7a2836",
        scale="vn4",
        scale_hash="6b8c2f9d4e1a7053",
        counter=1,
        commune="17329",
        valid=True,
    )
    return Fact.seen(EventType.RATING, clock.read(), data.payload())


def encoded_rating() -> bytes:
    """The bytes of one event: what software that only stores bytes is given to store."""
    clock = ManualClock(START)
    return Event(PROVINCE, AGENT, "0" * 26, Lane.RECORD, 7, GENESIS, clock.boot, rating(clock)).encode()


def fill(path: Path, count: int, *, days: float | None = None) -> None:
    """Make the outbox at *path* hold *count* ratings, evenly over *days*, or one each minute or so.

    They are what `append` would have stored, and took a fraction of its time: nothing here is durable.
    """
    clock = ManualClock(START)
    with closing(outbox_at(path, clock)) as outbox:
        outbox.open()
        epoch = outbox.epoch
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma journal_mode = off")
        db.execute("pragma synchronous = off")
        db.execute("begin")
        forms = Forms(db)
        forms.begin(clock.boot)
        for seq, body in _bodies(epoch, count, clock, days):
            if seq == 1:
                forms.add(EventType.RATING, body)
            packed, form = forms.pack(EventType.RATING, body)
            row = (seq, packed, zlib.crc32(body), form, seq)
            db.execute(f"insert into {Lane.RECORD} values (?, ?, ?, 0, ?, ?)", row)
        db.execute("commit")


def _bodies(epoch: str, count: int, clock: ManualClock, days: float | None) -> Iterator[tuple[int, bytes]]:
    """Written by filling the places of one encoded event: a JSON encoder would take five times as long."""
    chance = Random(1)
    templates = {level: _template(epoch, clock, level) for level in set(LEVELS)}
    step_s = 86400 * days / count if days is not None else 60.0
    moment, previous = clock.now(), GENESIS
    for seq in range(1, count + 1):
        at = moment.isoformat(timespec="seconds")
        body = templates[LEVELS[int(chance.random() * len(LEVELS))]] % (seq, at.encode(), seq, previous.encode())
        yield seq, body
        previous = chain_hash(body)
        moment += timedelta(seconds=step_s * 2 * chance.random())


def _template(epoch: str, clock: Clock, level: int) -> bytes:
    event = Event(PROVINCE, AGENT, epoch, Lane.RECORD, 7, GENESIS, clock.boot, rating(clock, level))
    body = event.encode().replace(b"%", b"%%")
    for found, place in (
        (f'{epoch}/record/7"', f'{epoch}/record/%d"'),
        (f'"time":"{event.fact.at.isoformat(timespec="seconds")}"', '"time":"%b"'),
        ('"seq":7,', '"seq":%d,'),
        (f'"previous":"{GENESIS}"', '"previous":"%b"'),
    ):
        body = body.replace(found.encode(), place.encode(), 1)
    return body
