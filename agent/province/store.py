"""What the province has: every event once, by `(agent, epoch, lane, seq)`, and what is missing.

Storing twice changes nothing, so any number of receivers may share the load in any order. Which numbers
are held is kept as ranges beside the rows and changes in the same transaction; finding gaps never
scans the events. One thread owns a store.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.event import Lane
from agent.province import times
from agent.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Key:
    """One numbered stream: a lane of one database of one counter."""

    agent: str
    epoch: str
    lane: Lane


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it came in."""

    key: Key
    seq: int
    body: bytes
    event: dict[str, Any]


class UnreadableEvent(ValueError):
    """The bytes are not an event of the counter whose topic they came on."""


def read_event(agent: str, body: bytes) -> Arrival:
    """Take an event's bytes apart.

    Raises:
        UnreadableEvent: not an event, or another counter's.
    """
    try:
        event = json.loads(body)
        key = Key(event["source"].rpartition("/")[2], event["epoch"], Lane(event["lane"]))
        seq = event["seq"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableEvent(str(error)) from error
    if key.agent != agent or not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        raise UnreadableEvent(f"event {seq} of {key.agent} came on the topic of {agent}")
    return Arrival(key, seq, body, event)


class ProvinceStore:
    """The province's events in SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(
            """
            create table if not exists event (
                agent text not null, epoch text not null, lane text not null, seq integer not null,
                type text not null, time text not null, body blob not null, received_at text not null,
                unique (agent, epoch, lane, seq)
            );
            create table if not exists held (
                agent text not null, epoch text not null, lane text not null,
                ranges text not null, declared text not null,
                primary key (agent, epoch, lane)
            );
            """
            + times.SCHEMA
        )
        self._held: dict[Key, Ranges] = {}
        self._declared: dict[Key, Ranges] = {}
        for agent, epoch, lane, ranges, declared in self._db.execute("select * from held"):
            key = Key(agent, epoch, Lane(lane))
            self._held[key] = Ranges(json.loads(ranges))
            self._declared[key] = Ranges(json.loads(declared))

    def close(self) -> None:
        self._db.close()

    def store(self, arrivals: Iterable[Arrival], *, at: datetime) -> set[Key]:
        """Store *arrivals* durably in one transaction; returns the streams they belong to."""
        touched: set[Key] = set()
        self._db.execute("begin immediate")
        try:
            for arrival in arrivals:
                inserted = self._db.execute(
                    "insert or ignore into event values (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        arrival.key.agent,
                        arrival.key.epoch,
                        arrival.key.lane,
                        arrival.seq,
                        arrival.event.get("type", ""),
                        arrival.event.get("time", ""),
                        arrival.body,
                        at.isoformat(timespec="milliseconds"),
                    ),
                )
                key = arrival.key
                if inserted.rowcount:
                    times.note(self._db, (key.agent, key.epoch, key.lane, arrival.seq), arrival.event)
                self._held.setdefault(key, Ranges()).add(arrival.seq, arrival.seq)
                touched |= {key, *self._take_declaration(arrival)}
            for key in touched:
                self._db.execute(
                    "insert or replace into held values (?, ?, ?, ?, ?)",
                    (key.agent, key.epoch, key.lane, _json(self.held(key)), _json(self.declared(key))),
                )
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        return touched

    def _take_declaration(self, arrival: Arrival) -> Iterable[Key]:
        """A `gap` event says which numbers were dropped on purpose: they are no longer waited for."""
        if arrival.event.get("type") != "vn.motcua.gap.v1":
            return ()
        data = arrival.event["data"]
        key = Key(arrival.key.agent, data.get("epoch", arrival.key.epoch), Lane(data["lane"]))
        self._declared.setdefault(key, Ranges()).add(data["from"], data["to"])
        return (key,)

    def held(self, key: Key) -> Ranges:
        """Which numbers of a stream are stored."""
        return self._held.get(key, Ranges())

    def declared(self, key: Key) -> Ranges:
        """Which numbers of a stream the counter itself declared dropped."""
        return self._declared.get(key, Ranges())

    def missing(self, key: Key, first: int, last: int) -> Ranges:
        """Which of *first*..*last* are neither stored nor declared dropped."""
        return Ranges([(first, last)]).without(self.held(key)).without(self.declared(key))

    def streams(self) -> list[Key]:
        """Every stream something is known of."""
        return sorted({*self._held, *self._declared}, key=lambda key: (key.agent, key.epoch, key.lane))

    def bodies(self, key: Key) -> Iterable[tuple[int, bytes]]:
        """A stream's events as `(seq, bytes)`, in order."""
        return self._db.execute(
            "select seq, body from event where agent = ? and epoch = ? and lane = ? order by seq",
            (key.agent, key.epoch, key.lane),
        )


class ProvinceView:
    """Reads a province's store that another process writes: for pages and reports. Any thread may ask."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def newest(self, limit: int = 40) -> list[dict[str, Any]]:
        """The newest events as they arrived, newest first; `time` corrected where the clock was wrong."""
        rows = self._ask("select seq, at, type, body, received_at from event_time order by id desc limit ?", limit)
        return [_row(*row) for row in rows]

    def totals(self) -> dict[str, int]:
        """How many ratings and events there are, and how many numbers are missing below the last of each stream."""
        counted = self._ask("select count(*), coalesce(sum(type = 'vn.motcua.rating.v1'), 0) from event")
        held = [Ranges(json.loads(ranges)) for (ranges,) in self._ask("select ranges from held")]
        events, ratings = counted[0] if counted else (0, 0)
        gaps = sum((ranges.last or 0) - len(ranges) for ranges in held)
        return {"ratings": ratings, "events": events, "gaps": gaps}

    def _ask(self, question: str, *values: object) -> list[Any]:
        """The answer; empty while there is no store yet."""
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
                return db.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []


def _row(seq: int, time: str, kind: str, body: bytes, received_at: str) -> dict[str, Any]:
    data = json.loads(body)["data"]
    return {
        "seq": seq,
        "time": time,
        "type": kind.removeprefix("vn.motcua.").removesuffix(".v1"),
        "level": data.get("level"),
        "flags": data.get("flags", []),
        "received_at": _in_the_zone_of(time, received_at),
    }


def _in_the_zone_of(time: str, received_at: str) -> str:
    """*received_at* as the counter's own clock would say it, so that the two can be compared at a glance."""
    zone = datetime.fromisoformat(time).tzinfo
    return datetime.fromisoformat(received_at).astimezone(zone).isoformat(timespec="milliseconds")


def _json(ranges: Ranges) -> str:
    return json.dumps([list(pair) for pair in ranges], separators=(",", ":"))
