"""Whether what arrives continues what is there: every event names the hash of the one before it.

A link is looked at when the second of its two events is stored, whichever that is, so events may come in any
order and as often as they like. A break says that somebody changed, removed or invented an event after the
counter had chained it. It is recorded for good beside the events, and stops nothing: what came is kept.
"""

import json
import logging
import sqlite3

from agent.event import GENESIS, chain_hash

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists broken (
    agent text not null, epoch text not null, lane text not null, seq integer not null, found_at text not null,
    primary key (agent, epoch, lane, seq)
) without rowid;
"""
"""`broken` names events that are not chained to the stored event before them."""


def check(db: sqlite3.Connection, place: tuple[str, str, str, int], body: bytes, previous: object, *, at: str) -> None:
    """Look at the links of the event *body*, just stored at *place* (agent, epoch, lane, seq), to its neighbours.

    *previous* is what it says of the one before it. Part of the caller's transaction.
    """
    *stream, seq = place
    beside = dict(
        db.execute(
            "select seq, body from event where agent = ? and epoch = ? and lane = ? and seq in (?, ?)",
            (*stream, seq - 1, seq + 1),
        )
    )
    before = GENESIS if seq == 1 else chain_hash(beside[seq - 1]) if seq - 1 in beside else None
    if before is not None and previous != before:
        _record(db, place, at)
    if seq + 1 in beside and json.loads(beside[seq + 1]).get("previous") != chain_hash(body):
        _record(db, (*place[:3], seq + 1), at)


def _record(db: sqlite3.Connection, place: tuple[str, str, str, int], at: str) -> None:
    db.execute("insert or ignore into broken values (?, ?, ?, ?, ?)", (*place, at))
    log.error("the chain is broken: event %s/%s/%s/%d does not follow the one that is stored before it", *place)
