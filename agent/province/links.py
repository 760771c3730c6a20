"""Whether what arrives continues what is there: every event names the hash of the one before it.

A link is looked at when the second of its two events is stored, whichever that is, so events may come in any
order and as often as they like. A break says that somebody changed, removed or invented an event after the
counter had chained it. It is recorded for good beside the events, and stops nothing: what came is kept.
"""

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence

from agent.event import GENESIS, chain_hash
from agent.province.arrival import Arrival, Key
from agent.ranges import Ranges

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists broken (
    agent text not null, epoch text not null, lane text not null, seq integer not null, found_at text not null,
    primary key (agent, epoch, lane, seq)
) without rowid;
"""
"""`broken` names events that are not chained to the stored event before them."""


def check(db: sqlite3.Connection, arrivals: Sequence[Arrival], held: Mapping[Key, Ranges], *, at: str) -> None:
    """Look at the links of *arrivals*, all just stored, to their neighbours, of which *held* says which are there.

    Part of the caller's transaction. What came in one piece is read from there, only its edges from the database.
    """
    for number, arrival in enumerate(arrivals):
        key, seq = arrival.key, arrival.seq
        beside = arrivals[number - 1] if number else None
        is_beside = beside is not None and (beside.key, beside.seq) == (key, seq - 1)
        before = beside.body if beside is not None and is_beside else _body(db, key, seq - 1, held)
        if not _is_linked(arrival, before):
            _record(db, key, seq, at)
        behind = arrivals[number + 1] if number + 1 < len(arrivals) else None
        if behind is None or (behind.key, behind.seq) != (key, seq + 1):  # otherwise it looks back itself
            after = _body(db, key, seq + 1, held)
            if after is not None and json.loads(after).get("previous") != chain_hash(arrival.body):
                _record(db, key, seq + 1, at)


def _is_linked(arrival: Arrival, before: bytes | None) -> bool:
    """Whether the event says what it should of *before*, the one before it; None: that is not here."""
    if before is not None and arrival.chained_to is before:
        return True
    previous = GENESIS if arrival.seq == 1 else chain_hash(before) if before is not None else None
    return previous is None or arrival.event.get("previous") == previous


def _body(db: sqlite3.Connection, key: Key, seq: int, held: Mapping[Key, Ranges]) -> bytes | None:
    if seq not in held[key]:
        return None
    row = db.execute(
        "select body from event where agent = ? and epoch = ? and lane = ? and seq = ?",
        (key.agent, key.epoch, key.lane, seq),
    ).fetchone()
    return row[0] if row is not None else None


def _record(db: sqlite3.Connection, key: Key, seq: int, at: str) -> None:
    place = (key.agent, key.epoch, key.lane, seq)
    if db.execute("insert or ignore into broken values (?, ?, ?, ?, ?)", (*place, at)).rowcount:
        log.error("the chain is broken: event %s/%s/%s/%d does not follow the one that is stored before it", *place)
