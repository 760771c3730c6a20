"""What goes when the outbox has reached its size limit: a rule, and the rows it points at.

First what the province has stored anyway, audit days or not: no loss. Then, each portion declared by a
`gap` event before it goes: metrics, then records that are no ratings, then alerts, and ratings last.
A lane's last row never goes: it carries the next number and the chain's head.
"""

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from agent.data import EventsDropped
from agent.event import EventType, Fact, Lane
from agent.outbox.book import Book
from agent.outbox.database import used_bytes
from agent.ranges import Ranges

log = logging.getLogger(__name__)

PORTION = 1000
"""Rows dropped at a time: a few hundred kilobytes."""
_WORDS = {kind.value: f'"type":"{kind.full_name}"'.encode() for kind in (EventType.RATING, EventType.GAP)}


@dataclass(frozen=True, slots=True)
class Drop:
    """Rows of one lane that may go now."""

    lane: Lane
    numbers: Ranges
    is_loss: bool


def _other_than(kind: str) -> str:
    """That a row is no *kind*, in SQL: its form says so, or else it says so itself."""
    return (
        f"case when form is null then instr(body, :{kind}) = 0"
        f" else form in (select id from form where kind != '{kind}') end"
    )


def choose(connection: sqlite3.Connection, stands: Mapping[Lane, tuple[int, int, int]]) -> Drop | None:
    """The next portion to drop; *stands* has each lane's first, last and acknowledged number. None: nothing may go."""
    for lane, (first, last, acked) in stands.items():
        through = min(acked, last - 1, first + PORTION - 1)
        if through >= first:
            return Drop(lane, Ranges([(first, through)]), is_loss=False)
    for lane, condition in (
        (Lane.METRIC, "1"),
        (Lane.RECORD, _other_than("rating")),
        (Lane.ALERT, _other_than("gap")),
        (Lane.RECORD, "1"),
    ):
        rows = connection.execute(
            f"select seq from {lane} where seq < :last and {condition} order by seq limit {PORTION}",
            {"last": stands[lane][1]} | _WORDS,
        ).fetchall()
        if rows:
            numbers = Ranges()
            for (seq,) in rows:
                numbers.add(seq, seq)
            return Drop(lane, numbers, is_loss=True)
    return None


def keep_to(limit_bytes: int, book: Book, *, keep_days: int) -> None:
    """Drop portions until the rows of *book* take no more than *limit_bytes*, or nothing may go any more."""
    while used_bytes(book.connection) > limit_bytes and _make_room(book, keep_days):
        pass


def _make_room(book: Book, keep_days: int) -> bool:
    drop = choose(book.connection, {lane: (state.first, state.last, state.acked) for lane, state in book.lanes.items()})
    if drop is None:
        return False
    count = len(drop.numbers)
    if drop.is_loss:
        data = EventsDropped(
            lane=drop.lane, epoch=book.epoch, ranges=list(drop.numbers), count=count, reason="quota"
        ).payload()
        log.warning("the outbox is full: %d events of lane %s are dropped and declared", count, drop.lane)
        book.append([Fact.seen(EventType.GAP, book.author.clock.read(), data)], keep_days=keep_days)
    book.drop(drop.lane, drop.numbers, lost=count if drop.is_loss else 0)
    return True
