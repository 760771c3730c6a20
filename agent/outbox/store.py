"""The outbox: facts become events here, durable before anyone is thanked.

`append` gives each fact its epoch, sequence number and chain hash and commits them in one
transaction; when it returns, a power cut cannot take them back (WAL, `synchronous=FULL`, both read
back at `open`). Rows leave only after the province has stored them and their audit days are over.
One connection behind one lock: any thread may call, each call is one short transaction. Every
SQLite error becomes `TryAgain`; the next call reopens the file and believes only what is on disk.
"""

import json
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.event import GENESIS, Event, Fact, Lane, chain_hash
from agent.ranges import Ranges

log = logging.getLogger(__name__)

VERSION = 3
"""How many schema steps this code expects (`agent.outbox.schema`)."""
PAGE_BYTES = 1024
"""Small pages: a rating is a quarter of a 4 KiB page, and a commit writes whole pages to the card."""
WAL_PAGES = 1000
"""Checkpoint every so many pages; the WAL is grown to this size once at start and then overwritten,
because a growing file costs a journal write of the file system on every commit."""
SWEEP = 500
"""While a backlog drains, every so many confirmed rows one transaction says so on disk and removes what may go."""
RIDERS = 4
"""At most so many old rows leave on the back of one append."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One lane of the watermark: what is there, how far it is chained, and what the province has."""

    epoch: str
    first: int
    last: int
    head: str
    acked: int
    pending: int
    lost: int


@dataclass(slots=True)
class _Lane:
    """What is remembered of a lane between two calls; all of it can be read again from the table."""

    first: int = 1
    last: int = 0
    head: str = GENESIS
    stored: Ranges = field(default_factory=Ranges)
    stored_on_disk: int = 0
    """How far the lane's last row says that the province has it."""
    lost: int = 0

    @property
    def acked(self) -> int:
        """Everything up to here is with the province."""
        for first, last in self.stored:
            if last >= self.first:
                return last if first <= self.first else self.first - 1
        return self.first - 1


class Outbox:
    """The durable, chained, laned event store of one counter."""

    def __init__(self, path: Path, *, province: str, agent: str, clock: Clock, keep_days: int) -> None:
        self.path = path
        self._province = province
        self._agent = agent
        self._clock = clock
        self.keep_days = keep_days
        """Days an event stays after the province has stored it; may be changed while running."""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._lanes = {lane: _Lane() for lane in Lane}
        self._listeners: list[Callable[[], None]] = []
        self._epoch = ""
        self._sessions_left = range(0)

    # -- opening ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or create the database, bring its schema up to date, and read where each lane stands.

        Does nothing when it is open.

        Raises:
            TryAgain: the disk refuses for now.
            PersonMustAct: the folder cannot be written, or the file is from a newer version.
        """
        with self._using():
            pass

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PersonMustAct(
                f"{self.path.parent}: {error.strerror}; the outbox needs a folder it may write"
            ) from error
        connection = self._connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=5, cached_statements=64
        )
        connection.execute(f"pragma page_size = {PAGE_BYTES}")
        mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
        connection.execute("pragma synchronous = full")
        if mode != "wal" or connection.execute("pragma synchronous").fetchone()[0] != 2:
            raise PersonMustAct(f"{self.path}: this file system refuses SQLite's write-ahead log")
        connection.execute(f"pragma wal_autocheckpoint = {WAL_PAGES}")
        found = connection.execute("pragma user_version").fetchone()[0]
        if found > VERSION:
            raise PersonMustAct(
                f"{self.path} was written by a newer version (schema {found}, this one knows {VERSION})"
            )
        if found < VERSION:
            from agent.outbox.schema import migrate  # noqa: PLC0415 - sqlite-utils is slow to import

            migrate(connection)
        self._grow_wal()
        self._load()

    def _grow_wal(self) -> None:
        """Write the WAL to its full size once, so that no later commit has to grow the file."""
        wal = self.path.with_name(self.path.name + "-wal")
        frames = WAL_PAGES * (PAGE_BYTES + 24)
        if wal.exists() and wal.stat().st_size >= frames:
            return
        connection = self._use()
        connection.execute("begin immediate")
        connection.execute("create table growth (filler blob)")
        connection.execute("insert into growth values (zeroblob(?))", (WAL_PAGES * PAGE_BYTES,))
        connection.execute("drop table growth")
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(restart)").fetchone()

    def _load(self) -> None:
        connection = self._use()
        row = connection.execute("select epoch, lost from store").fetchone()
        if row is None:
            row = (new_epoch(self._clock.now()), "{}")
            connection.execute("insert into store (id, epoch) values (1, ?)", (row[0],))
        self._epoch, lost = row[0], json.loads(row[1])
        self._lanes = {lane: self._load_lane(lane, lost.get(lane, 0)) for lane in Lane}

    def _load_lane(self, name: Lane, lost: int) -> _Lane:
        connection = self._use()
        newest = connection.execute(f"select seq, body, stored from {name} order by seq desc limit 1").fetchone()
        if newest is None:
            return _Lane(lost=lost)
        last, body, stored = newest
        first = connection.execute(f"select min(seq) from {name}").fetchone()[0]
        return _Lane(first, last, chain_hash(body), Ranges([(first, stored)]), stored, lost)

    def close(self) -> None:
        """Close the database. Idempotent."""
        with self._lock:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one short transaction.

        After an error nothing in memory is believed: the file is closed, and the next call reads it again.
        """
        with self._lock:
            try:
                if self._connection is None:
                    self._open()
                yield self._use()
            except BaseException as error:
                self.close()
                if isinstance(error, sqlite3.Error):
                    raise TryAgain(f"{self.path}: {error}") from error
                raise

    def _use(self) -> sqlite3.Connection:
        if self._connection is None:
            raise TryAgain(f"{self.path} is closed")
        return self._connection

    # -- writing ---------------------------------------------------------------------------------

    def append(self, *facts: Fact) -> list[Event]:
        """Store *facts* durably, in order, in one transaction. Returns after the disk has them.

        Raises:
            TryAgain: nothing was stored (disk full, read-only, input/output error).
        """
        with self._using() as connection:
            events = self._append(connection, facts)
        for listener in tuple(self._listeners):
            listener()
        return events

    def _append(self, connection: sqlite3.Connection, facts: Iterable[Fact]) -> list[Event]:
        events: list[Event] = []
        heads: dict[Lane, tuple[int, str]] = {}
        removed: dict[Lane, int] = {}
        connection.execute("begin immediate")
        for fact in facts:
            lane = fact.type.lane
            state = self._lanes[lane]
            last, head = heads.get(lane, (state.last, state.head))
            event = Event(self._province, self._agent, self._epoch, lane, last + 1, head, self._clock.boot, fact)
            body = event.encode()
            connection.execute(
                f"insert into {lane} values (?, ?, ?, ?)", (event.seq, body, zlib.crc32(body), state.acked)
            )
            heads[lane] = (event.seq, chain_hash(body))
            events.append(event)
        for lane in heads:
            removed[lane] = self._remove_old(connection, lane, RIDERS)
        connection.execute("commit")
        for lane, (last, head) in heads.items():
            state = self._lanes[lane]
            state.last, state.head, state.stored_on_disk = last, head, state.acked
            state.first = max(state.first, removed[lane])
        return events

    def _remove_old(self, connection: sqlite3.Connection, lane: Lane, limit: int) -> int:
        """Delete up to *limit* rows that the province has and whose audit days are over; returns the new first."""
        state = self._lanes[lane]
        through = min(state.acked, state.last - 1, state.first + limit - 1)
        if through < state.first:
            return state.first
        if self.keep_days:
            through = self._oldest_kept(connection, lane, state.first, through) - 1
        if through < state.first:
            return state.first
        connection.execute(f"delete from {lane} where seq <= ?", (through,))
        return through + 1

    def _oldest_kept(self, connection: sqlite3.Connection, lane: Lane, first: int, through: int) -> int:
        """The first of the rows *first*..*through* that is still within its audit days."""
        before = self._clock.now() - timedelta(days=self.keep_days)
        rows = connection.execute(
            f"select seq, body from {lane} where seq between ? and ? order by seq", (first, through)
        )
        for seq, body in rows:
            if datetime.fromisoformat(json.loads(body)["time"]) >= before:
                return int(seq)
        return through + 1

    # -- what the province has -------------------------------------------------------------------

    def confirm(self, lane: Lane, *, epoch: str, have: Ranges, missing: Ranges) -> bool:
        """The province has stored *have* of *lane*, except *missing*. False: not believed, nothing changed.

        A confirmation of another epoch or of numbers this lane never gave out is not believed: it was said
        to the future self of a database that was restored since.
        """
        with self._lock:
            state = self._lanes[lane]
            if epoch != self._epoch or (have.last or 0) > state.last:
                log.warning("ignored a confirmation of %s up to %s (epoch %s)", lane, have.last, epoch)
                return False
            for first, last in have:
                state.stored.add(first, last)
            for first, last in missing:
                state.stored.remove(first, last)
            if state.acked - state.stored_on_disk >= SWEEP:
                self._sweep(lane)
            return True

    def _sweep(self, lane: Lane) -> None:
        state = self._lanes[lane]
        try:
            with self._using() as connection:
                connection.execute("begin immediate")
                first = self._remove_old(connection, lane, 2 * SWEEP)
                connection.execute(f"update {lane} set stored = ? where seq = ?", (state.acked, state.last))
                connection.execute("commit")
                state.first, state.stored_on_disk = first, state.acked
        except TryAgain as error:
            log.warning("old events stay for now: %s", error)

    # -- reading ---------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        """Identifies this database: new whenever the database is new; empty before the first `open`."""
        return self._epoch

    def read(self, lane: Lane, first: int, last: int) -> list[tuple[int, bytes]]:
        """The stored events *first* to *last* of *lane* as `(seq, bytes)`, in order; removed ones are left out.

        Raises:
            TryAgain: the disk refuses, or a row is not what was written.
        """
        with self._using() as connection:
            rows = connection.execute(
                f"select seq, body, crc from {lane} where seq between ? and ? order by seq", (first, last)
            ).fetchall()
        for seq, body, crc in rows:
            if zlib.crc32(body) != crc:
                raise TryAgain(f"{self.path}: event {lane}/{seq} is damaged")
        return [(seq, body) for seq, body, _ in rows]

    def marks(self) -> dict[Lane, Mark]:
        """Where every lane stands."""
        with self._lock:
            return {
                name: Mark(
                    epoch=self._epoch,
                    first=lane.first,
                    last=lane.last,
                    head=lane.head,
                    acked=lane.acked,
                    pending=lane.last - lane.first + 1 - len(lane.stored.within(lane.first, lane.last)),
                    lost=lane.lost,
                )
                for name, lane in self._lanes.items()
            }

    def waiting(self, lane: Lane) -> Ranges:
        """The numbers of *lane* that are here and not yet with the province."""
        with self._lock:
            state = self._lanes[lane]
            return Ranges([(state.first, state.last)]).without(state.stored)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener* after every append, on the appending thread; it must only wake someone."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Stop calling *listener*."""
        self._listeners.remove(listener)

    # -- sessions and commands -------------------------------------------------------------------

    def next_session(self) -> int:
        """A number no earlier connection of this counter had.

        Numbers are reserved on disk a hundred at a time, so reconnecting does not wear the card;
        after a restart the count goes on above the last reservation.
        """
        with self._using() as connection:
            if not self._sessions_left:
                connection.execute("update store set sessions = sessions + 100 where id = 1")
                top = connection.execute("select sessions from store").fetchone()[0]
                self._sessions_left = range(top - 99, top + 1)
            session, self._sessions_left = self._sessions_left[0], self._sessions_left[1:]
            return session

    def begin_command(self, command_id: str, name: str) -> bytes | None:
        """Remember an order before it is carried out; the stored result if this id was seen before.

        Returns None for a new id, `b""` for one that is still being carried out.
        """
        with self._using() as connection:
            row = connection.execute("select result from command where id = ?", (command_id,)).fetchone()
            if row is not None:
                return row[0].encode() if row[0] is not None else b""
            connection.execute("begin immediate")
            connection.execute("insert into command (id, name) values (?, ?)", (command_id, name))
            connection.execute(
                "delete from command where rowid <= (select max(rowid) from command) - 500 and result is not null"
            )
            connection.execute("commit")
            return None

    def finish_command(self, command_id: str, result: bytes) -> None:
        """Keep an order's final result for repeated ids."""
        with self._using() as connection:
            connection.execute("update command set result = ? where id = ?", (result.decode(), command_id))

    def open_commands(self) -> list[tuple[str, str]]:
        """Orders a crash left without a result, as `(id, name)`."""
        with self._using() as connection:
            return connection.execute("select id, name from command where result is null order by rowid").fetchall()


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_epoch(moment: datetime) -> str:
    """A ULID (48 bits of milliseconds, 80 of randomness): sortable where the clock is right, unique where it is not."""
    number = int(moment.timestamp() * 1000) % 2**48 << 80 | int.from_bytes(token_bytes(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
