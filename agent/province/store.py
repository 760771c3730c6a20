"""What the province has: every event once, by `(agent, epoch, lane, seq)`, and what is missing.

Storing twice changes nothing, so any number of receivers may share the load in any order. Which numbers
are held is kept as ranges beside the rows and changes in the same transaction; finding gaps never
scans the events. One thread owns a store.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.errors import TryAgain
from agent.event import Lane
from agent.province import links, tally, times
from agent.province.arrival import Arrival, Key
from agent.province.database import connect
from agent.ranges import Ranges
from agent.uplink.payload import Watermark

log = logging.getLogger(__name__)


class ProvinceStore:
    """The province's events in SQLite."""

    def __init__(self, path: Path) -> None:
        """Raises `PersonMustAct`, as `connect` does."""
        self.path = path
        self._db = connect(path)
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
            create table if not exists conflict (
                agent text not null, epoch text not null, lane text not null, seq integer not null,
                body blob not null, received_at text not null,
                unique (agent, epoch, lane, seq, body)
            );
            """
            + times.SCHEMA
            + links.SCHEMA
            + tally.SCHEMA
        )
        self._held: dict[Key, Ranges] = {}
        self._declared: dict[Key, Ranges] = {}
        self._contradicted: set[str] = set()
        """Counters of which a contradiction was named in the log."""
        for agent, epoch, lane, ranges, declared in self._db.execute("select * from held"):
            key = Key(agent, epoch, Lane(lane))
            self._held[key] = Ranges(json.loads(ranges))
            self._declared[key] = Ranges(json.loads(declared))

    def close(self) -> None:
        self._db.close()

    def store(self, arrivals: Iterable[Arrival], *, at: datetime) -> set[Key]:
        """Store *arrivals* durably in one transaction; returns the streams they belong to.

        An event whose number is stored with other bytes is kept beside it for people to look at, and counts as
        stored: its counter would send it for ever, and who is right is not for a receiver to say.

        Raises:
            TryAgain: nothing of it was stored (disk full, locked, input/output error).
        """
        held: dict[Key, Ranges] = {}
        declared: dict[Key, Ranges] = {}
        fresh: list[Arrival] = []
        known: list[Arrival] = []
        for arrival in arrivals:
            here = held.get(arrival.key)
            if here is None:
                here = held[arrival.key] = self.held(arrival.key).copy()
            if arrival.seq in here:
                known.append(arrival)
            else:
                fresh.append(arrival)
                here.add(arrival.seq, arrival.seq)
            if arrival.gap is not None:
                key, numbers = arrival.gap
                gone = declared.setdefault(key, self.declared(key).copy())
                for first, last in numbers:
                    gone.add(first, last)
        touched = held.keys() | declared.keys()
        try:
            with self._transaction():
                self._insert(fresh, known, held, at=at.isoformat(timespec="milliseconds"))
                for key in touched:
                    here, gone = held.get(key, self.held(key)), declared.get(key, self.declared(key))
                    self._db.execute(
                        "insert or replace into held values (?, ?, ?, ?, ?)",
                        (key.agent, key.epoch, key.lane, _json(here), _json(gone)),
                    )
        except sqlite3.Error as error:
            raise TryAgain(f"{self.path}: {error}") from error
        self._held |= held
        self._declared |= declared
        return touched

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def _insert(self, fresh: list[Arrival], known: list[Arrival], held: Mapping[Key, Ranges], *, at: str) -> None:
        """Add what is *fresh*; hold what is *known* against what is stored of it."""
        before = self._db.total_changes
        self._db.executemany(
            "insert or ignore into event values (?, ?, ?, ?, ?, ?, ?, ?)",
            ((*_place(each), each.type, each.time, each.body, at) for each in fresh),
        )
        if self._db.total_changes - before != len(fresh):
            known = [*known, *fresh]  # another receiver of this store was faster
        for arrival in fresh:
            times.note(self._db, _place(arrival), arrival.event)
        links.check(self._db, fresh, held, at=at)
        tally.note(self._db, fresh, at=at)
        for arrival in known:
            self._hold_against(arrival, at)

    def _hold_against(self, arrival: Arrival, at: str) -> None:
        place = _place(arrival)
        contradicts = self._db.execute(
            "insert or ignore into conflict select agent, epoch, lane, seq, ?, ? from event"
            " where (agent, epoch, lane, seq) = (?, ?, ?, ?) and body <> ?",
            (arrival.body, at, *place, arrival.body),
        )
        if contradicts.rowcount and arrival.key.agent not in self._contradicted:
            self._contradicted.add(arrival.key.agent)
            log.error(
                "event %s/%s/%s/%d is already stored with other bytes: a restored copy, or a forgery;"
                " further ones of this counter are kept beside the stored ones and not named here",
                *place,
            )

    def take_watermark(self, agent: str, watermark: Watermark, *, at: datetime) -> None:
        """Hold what a counter says of its votes against what is stored of them.

        Raises:
            TryAgain: the next watermark will be held against it.
        """
        mark = watermark.lanes.get(Lane.RECORD)
        if mark is None:
            return
        key = Key(agent, mark.epoch, Lane.RECORD)
        try:
            with self._transaction():
                said_at = at.isoformat(timespec="milliseconds")
                tally.check(self._db, agent, watermark, held=self.held(key), declared=self.declared(key), at=said_at)
        except sqlite3.Error as error:
            raise TryAgain(f"{self.path}: {error}") from error

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
        """How many ratings and events there are, how many numbers are missing below the last of each stream, how
        many events are not chained to the one before them, and how many came a second time with other bytes."""
        counted = self._ask("select count(*), coalesce(sum(type = 'vn.motcua.rating.v1'), 0) from event")
        events, ratings = counted[0] if counted else (0, 0)
        gaps = 0
        for held, declared in self._ask("select ranges, declared from held"):
            here = Ranges(json.loads(held))
            gaps += len(Ranges([(1, here.last or 0)]).without(here).without(Ranges(json.loads(declared))))
        breaks, conflicts = (sum(map(len, found.values())) for found in (self.breaks(), self.conflicts()))
        return {"ratings": ratings, "events": events, "gaps": gaps, "breaks": breaks, "conflicts": conflicts}

    def breaks(self) -> dict[str, list[str]]:
        """Of each counter whose chain is broken: where, as `epoch/lane/seq`."""
        return self._places("select agent, epoch, lane, seq from broken")

    def conflicts(self) -> dict[str, list[str]]:
        """Of each counter that sent other bytes under a number that is stored: which, as `epoch/lane/seq`."""
        return self._places("select distinct agent, epoch, lane, seq from conflict")

    def astray(self) -> dict[str, list[str]]:
        """Of each counter whose votes do not add up: what was found."""
        return self._places("select agent, what from astray")

    def _places(self, question: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for agent, *place in self._ask(question):
            found.setdefault(agent, []).append("/".join(map(str, place)))
        return found

    def _ask(self, question: str, *values: object) -> list[Any]:
        """The answer; empty while there is no store yet."""
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
                return db.execute(question, values).fetchall()
        except sqlite3.OperationalError:
            return []


def _place(arrival: Arrival) -> tuple[str, str, str, int]:
    return (arrival.key.agent, arrival.key.epoch, arrival.key.lane, arrival.seq)


def _row(seq: int, time: str, kind: str, body: bytes, received_at: str) -> dict[str, Any]:
    data = json.loads(body).get("data")
    data = data if isinstance(data, dict) else {}
    return {
        "seq": seq,
        "time": time,
        "type": kind.removeprefix("vn.motcua.").removesuffix(".v1"),
        "level": data.get("level"),
        "flags": data.get("flags", []),
        "channel": data.get("channel"),
        "comment": data.get("comment"),
        "received_at": _in_the_zone_of(time, received_at),
    }


def _in_the_zone_of(time: str, received_at: str) -> str:
    """*received_at* as the counter's own clock would say it, so that the two can be compared at a glance."""
    try:
        zone = datetime.fromisoformat(time).tzinfo
    except ValueError:
        return received_at
    return datetime.fromisoformat(received_at).astimezone(zone).isoformat(timespec="milliseconds")


def _json(ranges: Ranges) -> str:
    return json.dumps([list(pair) for pair in ranges], separators=(",", ":"))
