"""When things really happened: what a counter's clock said, corrected by what it learned later.

An event of an unsure clock says in `booted` when its boot began by that clock, so `time - booted` after the
boot's beginning it happened. A `clock` event says where a trusted clock puts that beginning: a reading.
Whichever arrives second puts the two together, so events and readings may come in any order and any number
of times. Stored events are never changed: corrected times stand beside them, and the view `event_time`
shows both. An event of a boot that never had a trusted clock keeps its time and stays marked as unsure.
`agent.timekeeper` tells the counter's side.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.clock import ClockQuality
from agent.event import EventType

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


@dataclass(frozen=True, slots=True)
class Reading:
    """A trusted clock's word on when a boot began."""

    at: datetime
    since: datetime
    """When the boot began by the clock that said `at`."""
    clock: ClockQuality
    booted: datetime
    """When the boot truly began."""

    @property
    def age(self) -> timedelta:
        """How long after the boot's beginning this was told."""
        return self.at - self.since


def right_time(time: datetime, booted: datetime, clock: str, readings: Iterable[Reading]) -> datetime | None:
    """*time*, said by a *clock* that put the boot's beginning at *booted*, as *readings* of that boot correct it.

    The first reading after the event counts, else the last before it: a crystal drifts. The network's word
    goes before a hardware clock's, and only the network corrects that. None: no reading tells better.
    """
    usable = [each for each in readings if each.clock is ClockQuality.NTP or clock != ClockQuality.RTC]
    if not usable:
        return None
    age = time - booted
    nearest = min(usable, key=lambda each: (each.clock is not ClockQuality.NTP, each.age < age, abs(each.age - age)))
    return (nearest.booted + age).astimezone(nearest.at.tzinfo)


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
        told = list(_told(event))
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
        said, began = _moment(time), _moment(booted)
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


YEARS = range(1969, 2500)
"""Times outside are no clock's, and leave no room to calculate with."""
JUST = timedelta(milliseconds=1)
"""What a clock said before a step holds just before it."""


def _told(event: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The readings in a `clock` event, as rows of the table without agent and boot."""
    at, since, data = _moment(event.get("time")), _moment(event.get("booted")), event.get("data")
    if at is None or since is None or not isinstance(data, dict):
        return
    for side, moment in (("from", at - JUST), ("to", at)):
        said = data.get(side)
        if isinstance(said, dict) and said.get("clock") in (ClockQuality.NTP, ClockQuality.RTC):
            booted = _moment(said.get("booted"))
            if booted is not None:
                yield moment.isoformat(), since.isoformat(), said["clock"], booted.isoformat()


def _moment(text: object) -> datetime | None:
    """An aware moment as an event writes it; None when it is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment.year in YEARS else None
