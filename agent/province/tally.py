"""Whether the votes add up: what a counter says it ever took was released, declared dropped, or is still held.

Each watermark names, at one instant, the last number of lane `record`, the votes `held` in the ballot box, and
`cast`: all ratings the epoch ever took. Once everything up to that number is here, `cast` is the ratings among it
plus `held`; a vote that vanished from the box, or from the counter's own count, shows. `cast` never shrinks.
A rating's nonce is the vote itself: one that comes a second time, out of a database that was restored from an
old copy, is told and counts once. What was found is recorded for good beside the events, and stops nothing.
"""

import logging
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from agent.event import EventType, Lane
from agent.province.arrival import MOST, Arrival
from agent.ranges import Ranges
from agent.uplink.payload import Watermark

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists tally (
    agent text not null, epoch text not null, at text not null, taken integer not null,
    upto integer not null, released integer not null,
    primary key (agent, epoch)
) without rowid;
create table if not exists vote (
    agent text not null, nonce text not null, epoch text not null, seq integer not null,
    primary key (agent, nonce)
) without rowid;
create table if not exists astray (
    agent text not null, epoch text not null, kind text not null, what text not null, found_at text not null,
    primary key (agent, epoch, kind)
) without rowid;
"""
"""`tally` is the last word of each counter on its votes; up to `upto` they were counted, and `released` are ratings."""

_RATING = EventType.RATING.full_name


def note(db: sqlite3.Connection, arrivals: Sequence[Arrival], *, at: str) -> None:
    """Remember the votes among *arrivals*, all just stored, by their nonces. Part of the caller's transaction."""
    for arrival in arrivals:
        data = arrival.event.get("data")
        nonce = data.get("nonce") if arrival.type == _RATING and isinstance(data, dict) else None
        if not isinstance(nonce, str) or not 0 < len(nonce) <= 64:
            continue
        key = arrival.key
        added = db.execute("insert or ignore into vote values (?, ?, ?, ?)", (key.agent, nonce, key.epoch, arrival.seq))
        if not added.rowcount:
            _record(db, (key.agent, key.epoch, "twice"), f"vote {arrival.seq} came before, from another database", at)


def check(db: sqlite3.Connection, agent: str, watermark: Watermark, *, held: Ranges, declared: Ranges, at: str) -> None:
    """Hold *watermark* against what is stored of its lane `record`. Part of the caller's transaction."""
    mark = watermark.lanes.get(Lane.RECORD)
    if mark is None or watermark.cast is None or not 0 <= mark.last <= MOST:
        return
    said_at = watermark.at if watermark.at.tzinfo is not None else watermark.at.replace(tzinfo=UTC)
    row = db.execute(
        "select at, taken, upto, released from tally where agent = ? and epoch = ?", (agent, mark.epoch)
    ).fetchone()
    before_at, before, upto, released = row if row is not None else ("", 0, 0, 0)
    is_newer = not before_at or said_at > datetime.fromisoformat(before_at)  # a broker may repeat an older one
    if is_newer and watermark.cast < before:
        _record(db, (agent, mark.epoch, "fewer"), f"{before} votes were cast, then {watermark.cast}", at)
    known = (before, upto)
    if mark.last >= upto and not Ranges([(1, mark.last)]).without(held).without(declared):
        released += db.execute(
            "select count(*) from event"
            " where agent = ? and epoch = ? and lane = ? and seq between ? and ? and type = ?",
            (agent, mark.epoch, Lane.RECORD, upto + 1, mark.last, _RATING),
        ).fetchone()[0]
        upto = mark.last
        dropped = len(declared.without(held).within(1, mark.last))
        gone = watermark.cast - watermark.held - released
        if not 0 <= gone <= dropped:
            said = f"{watermark.cast} votes were cast, {released} released and {watermark.held} are held"
            _record(db, (agent, mark.epoch, "sum"), said, at)
    if is_newer and (max(before, watermark.cast), upto) != known:
        db.execute(
            "insert or replace into tally values (?, ?, ?, ?, ?, ?)",
            (agent, mark.epoch, said_at.isoformat(), max(before, watermark.cast), upto, released),
        )


def _record(db: sqlite3.Connection, place: tuple[str, str, str], what: str, at: str) -> None:
    added = db.execute("insert or ignore into astray values (?, ?, ?, ?, ?)", (*place, what, at))
    if added.rowcount:
        log.error("the votes of %s do not add up: %s", place[0], what)
