"""When things really happened: what a counter's clock said, corrected by what it learned later.

An event of an unsure clock and a reading of a trusted one are put together by the rule of `agent.readings`.
Whichever arrives second puts the two together, so events and readings may come in any order and any number
of times. Stored events are never changed: corrected times stand beside them, and the view `event_time`
shows both. An event of a boot that never had a trusted clock keeps its time and stays marked as unsure.
"""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent.clock import ClockQuality
from agent.event import EventType
from agent.readings import Reading, moment, readings_in, right_time

SCHEMA = """
create table if not exists unsure (
    agent text not null, epoch text not null, lane text not null, seq integer not null,
    boot text not null, clock text not null, time text not null, booted text not null, corrected text,
    primary key (agent, epoch, lane, seq)
) without rowid;
create index if not exists unsure_boot on unsure (agent, boot);
create table if not exists reading (
    agent text not null, boot text not null, at text not null, since text not null,
    clock text not null, booted text not null,
    primary key (agent, boot, at, since, clock, booted)
) without rowid;
create view if not exists event_time as
select event.rowid as id, event.*, coalesce(corrected, event.time) as at,
    coalesce(unsure.clock, 'ntp') as clock, corrected is not null as is_corrected
from event left join unsure using (agent, epoch, lane, seq);
"""
"""In `event_time`, `at` is the time to use, `time` what the event says, `clock` how sure its clock was."""


def note(db: sqlite3.Connection, place: tuple[str, str, str, int], event: Mapping[str, Any]) -> None:
    """Keep what *event*, just stored at *place* (agent, epoch, lane, seq), tells of times.

    Part of the caller's transaction; an event that makes no sense tells nothing.
    """
    boot = (place[0], str(event.get("boot")))
    if event.get("clock") != ClockQuality.NTP:
        said = [*place, boot[1], *(str(event.get(name)) for name in ("clock", "time", "booted"))]
        db.execute("insert or ignore into unsure values (?, ?, ?, ?, ?, ?, ?, ?, null)", said)
        _correct(db, boot, "(epoch, lane, seq) = (?, ?, ?)", place[1:])
    if event.get("type") == EventType.CLOCK.full_name:
        told = [(_text(r.at), _text(r.since), r.clock, _text(r.booted)) for r in readings_in(event)]
        db.executemany("insert or ignore into reading values (?, ?, ?, ?, ?, ?)", [(*boot, *row) for row in told])
        if told:
            _correct(db, boot, "true", ())


def _correct(db: sqlite3.Connection, boot: tuple[str, str], which: str, values: tuple[object, ...]) -> None:
    """Put the unsure times of *boot* right that are *which* (SQL)."""
    readings = _readings(db, boot)
    if not readings:
        return
    rows = db.execute(
        f"select epoch, lane, seq, time, booted, clock from unsure where agent = ? and boot = ? and {which}",  # noqa: S608
        (*boot, *values),
    ).fetchall()
    for *place, time, booted, clock in rows:
        said, began = moment(time), moment(booted)
        if said is None or began is None:
            continue
        right = right_time(said, began, clock, readings)
        if right is not None:
            db.execute(
                "update unsure set corrected = ? where agent = ? and epoch = ? and lane = ? and seq = ?",
                (right.isoformat(timespec="seconds"), boot[0], *place),
            )


def _readings(db: sqlite3.Connection, boot: tuple[str, str]) -> list[Reading]:
    read = datetime.fromisoformat
    rows = db.execute("select at, since, clock, booted from reading where agent = ? and boot = ?", boot)
    return [Reading(read(at), read(since), ClockQuality(clock), read(booted)) for at, since, clock, booted in rows]


def _text(at: datetime) -> str:
    return at.isoformat()
