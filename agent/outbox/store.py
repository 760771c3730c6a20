"""The outbox: facts become events here, durable before anyone is thanked.

`append` gives each fact its epoch, sequence number and chain hash and commits them in one
transaction; when it returns, a power cut cannot take them back. Rows leave only after the province has
stored them and their audit days are over, or, when the size limit leaves no choice, after a `gap`
event has declared it. A damaged file is put aside, what can be read of it is sent on as it was, and a new
epoch begins. One connection behind one lock: any thread may call, each call is one short transaction.
Every SQLite error becomes `TryAgain`; the next call reads the file again and believes only what is on disk.
"""

import json
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from secrets import token_bytes

from agent.clock import Clock
from agent.data import EventsDropped, OutboxReplaced
from agent.errors import TryAgain
from agent.event import Event, EventType, Fact, Lane, Stream, chain_hash
from agent.outbox import lanes
from agent.outbox.database import Reserve, aside, connect, draft_beside, is_damage, is_full, replace, used_bytes
from agent.outbox.journal import Journal
from agent.outbox.lanes import LaneState, Mark
from agent.outbox.quota import choose
from agent.outbox.salvage import Salvaged, salvage
from agent.ranges import Ranges

log = logging.getLogger(__name__)

SWEEP = 500
"""While a backlog drains, every so many confirmed rows one transaction says so on disk and removes what may go."""
RIDERS = 4
"""At most so many old rows leave on the back of one append."""
WEIGH_EVERY = 64
"""The size is looked at every so many events."""


class Outbox(Journal):
    """The durable, chained, laned event store of one counter."""

    def __init__(
        self, path: Path, *, province: str, agent: str, clock: Clock, keep_days: int, limit_bytes: int = 512 * 1024**2
    ) -> None:
        super().__init__()
        self.path = path
        self._province = province
        self._agent = agent
        self._clock = clock
        self.keep_days = keep_days
        """Days an event stays after the province has stored it; may be changed while running."""
        self.limit_bytes = limit_bytes
        """What the rows may take; may be changed while running."""
        self.trouble: str | None = None
        """Why the last append was refused; None when it went well."""
        self.replaced: str | None = None
        """Why the file was put aside since the start, if it was."""
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._lanes = {lane: LaneState(lane) for lane in Lane}
        self._old: dict[Stream, Ranges] = {}
        self._listeners: list[Callable[[], None]] = []
        self._epoch = ""
        self._unweighed = 0

    # -- opening ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or create the database, bring its schema up to date, and read where each lane stands.

        Does nothing when it is open. A damaged file is put aside and salvaged.

        Raises:
            TryAgain: the disk refuses for now.
            PersonMustAct: the folder cannot be written, or the file is from a newer version.
        """
        with self._using():
            self._reserve.make()

    def close(self) -> None:
        """Close the database. Idempotent."""
        with self._lock:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._reach()
            except BaseException as error:
                self.close()
                if is_damage(error):
                    with suppress(sqlite3.Error):
                        self._begin_anew(f"damaged: {error}")
                if isinstance(error, sqlite3.Error):
                    raise TryAgain(f"{self.path}: {error}") from error
                raise

    def _reach(self) -> sqlite3.Connection:
        """The open connection; a file that turns out to be damaged is replaced first."""
        if self._connection is None:
            try:
                self._load(self.path)
            except sqlite3.Error as error:
                self.close()
                if not is_damage(error):
                    raise
                self._begin_anew(f"damaged: {error}")
        return self._connected()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise TryAgain(f"{self.path} is closed")
        return self._connection

    def _load(self, path: Path) -> None:
        connection = self._connection = connect(path)
        row = connection.execute("select epoch, lost from store").fetchone()
        if row is None:
            row = (new_epoch(self._clock.now()), "{}")
            connection.execute("insert into store (id, epoch) values (1, ?)", (row[0],))
        self._epoch, lost = row[0], json.loads(row[1])
        self._lanes = {lane: lanes.load(connection, lane, lost=lost.get(lane, 0)) for lane in Lane}
        self._old = {}
        for epoch, lane, seq in connection.execute("select epoch, lane, seq from salvaged"):
            self._old.setdefault(Stream(epoch, Lane(lane)), Ranges()).add(seq, seq)

    def _begin_anew(self, reason: str) -> None:
        """Put the file aside and begin a new epoch with what can still be read of the old one.

        The new database is whole before it takes the place: a power cut leaves the one or the other.

        Raises:
            sqlite3.Error: the disk refuses a new database; the old one is still there.
        """
        self.close()
        log.error("%s is put aside: %s", self.path, reason)
        mark = f"{self._clock.now():%Y%m%d-%H%M%S}-{token_bytes(2).hex()}"
        saved = salvage(self.path)
        draft = draft_beside(self.path)
        self._load(draft)
        self._take_over(saved)
        data = OutboxReplaced(
            reason=reason,
            old_epoch=saved.epoch,
            last_seen={lane: saved.last.get(lane, 0) for lane in Lane},
            salvaged={lane: sum(row[1] is lane for row in saved.rows) for lane in Lane},
            kept_as=aside(self.path, mark).name,
        ).payload()
        self.replaced = reason
        self._append(self._connected(), [Fact.seen(EventType.ALERT, self._clock.read(), data)])
        self.close()
        replace(self.path, draft, mark)
        self._load(self.path)

    def _take_over(self, saved: Salvaged) -> None:
        connection = self._connected()
        connection.execute("begin immediate")
        connection.executemany(
            "insert or ignore into salvaged values (?, ?, ?, ?, ?)",
            ((epoch, lane, seq, body, zlib.crc32(body)) for epoch, lane, seq, body in saved.rows),
        )
        connection.execute("update store set sessions = max(sessions, ?) where id = 1", (saved.sessions,))
        connection.execute("commit")
        for epoch, lane, seq, _ in saved.rows:
            self._old.setdefault(Stream(epoch, lane), Ranges()).add(seq, seq)

    # -- writing ---------------------------------------------------------------------------------

    def append(self, *facts: Fact) -> list[Event]:
        """Store *facts* durably, in order, in one transaction. Returns after the disk has them.

        On a full disk the reserve is given back and ratings and alerts are tried once more; on a damaged
        file a new one is begun and they go there.

        Raises:
            TryAgain: nothing was stored (disk full, read-only, input/output error).
        """
        with self._lock:
            try:
                events = self._try_to_append(facts)
            except BaseException as error:
                self.close()
                if not isinstance(error, sqlite3.Error):
                    raise
                self.trouble = str(error)
                raise TryAgain(f"{self.path}: {error}") from error
            self.trouble = None
            self._unweighed += len(facts)
            if self._unweighed >= WEIGH_EVERY:
                self._unweighed = 0
                self._weigh()
        for listener in tuple(self._listeners):
            listener()
        return events

    def _try_to_append(self, facts: Sequence[Fact]) -> list[Event]:
        if self._are_metrics(facts) and self._connection is not None and not self._reserve.is_there:
            self._reserve.make()
            if not self._reserve.is_there:
                raise sqlite3.OperationalError("the disk is full; what is left is kept for ratings")
        placed: list[tuple[Event, bytes]] = []
        try:
            return self._append(self._reach(), facts, placed)
        except sqlite3.Error as error:
            self.close()
            if is_damage(error):
                self._begin_anew(f"damaged: {error}")
            elif not (is_full(error) and not self._are_metrics(facts) and self._reserve.release()):
                return self._if_it_came_through(placed, error)
        if self._is_on_disk(placed):
            return [event for event, _ in placed]
        return self._append(self._reach(), facts)

    def _if_it_came_through(self, placed: list[tuple[Event, bytes]], error: sqlite3.Error) -> list[Event]:
        """A commit whose answer was an error may be on the disk all the same: then it is not stored twice."""
        with suppress(sqlite3.Error):
            if self._is_on_disk(placed):
                return [event for event, _ in placed]
        raise error

    def _is_on_disk(self, placed: list[tuple[Event, bytes]]) -> bool:
        if not placed:
            return False
        event, body = placed[-1]
        found = self._reach().execute(f"select body from {event.lane} where seq = ?", (event.seq,)).fetchone()
        return found is not None and bytes(found[0]) == body

    @staticmethod
    def _are_metrics(facts: Sequence[Fact]) -> bool:
        return all(fact.type.lane is Lane.METRIC for fact in facts)

    def _append(
        self, connection: sqlite3.Connection, facts: Iterable[Fact], placed: list[tuple[Event, bytes]] | None = None
    ) -> list[Event]:
        """One transaction; *placed* collects what was given a number, for a look at the disk after an error."""
        placed = [] if placed is None else placed
        heads: dict[Lane, tuple[int, str]] = {}
        connection.execute("begin immediate")
        for fact in facts:
            lane = fact.type.lane
            state = self._lanes[lane]
            last, head = heads.get(lane, (state.last, state.head))
            event = Event(self._province, self._agent, self._epoch, lane, last + 1, head, self._clock.boot, fact)
            body = event.encode()
            lanes.insert(connection, lane, event.seq, body, stored=state.acked)
            heads[lane] = (event.seq, chain_hash(body))
            placed.append((event, body))
        removed = {lane: self._remove_old(connection, lane, RIDERS) for lane in heads}
        connection.execute("commit")
        for lane, (last, head) in heads.items():
            state = self._lanes[lane]
            state.last, state.head, state.stored_on_disk = last, head, state.acked
            state.first = max(state.first, removed[lane])
        return [event for event, _ in placed]

    def _remove_old(self, connection: sqlite3.Connection, lane: Lane, limit: int) -> int:
        return lanes.remove_old(
            connection, self._lanes[lane], limit=limit, keep_days=self.keep_days, now=self._clock.read
        )

    def _weigh(self) -> None:
        """Keep to the size limit: what the province has goes first, then metrics, ratings last; drops are declared."""
        try:
            connection = self._connected()
            while used_bytes(connection) > self.limit_bytes and self._make_room(connection):
                pass
        except sqlite3.Error as error:
            log.warning("no room can be made for now: %s", error)
            self.close()

    def _make_room(self, connection: sqlite3.Connection) -> bool:
        """Drop one portion; False when nothing may go any more."""
        stands = {lane: (state.first, state.last, state.acked) for lane, state in self._lanes.items()}
        drop = choose(connection, stands)
        if drop is None:
            return False
        if drop.is_loss:
            ranges, count = list(drop.numbers), len(drop.numbers)
            data = EventsDropped(
                lane=drop.lane, epoch=self._epoch, ranges=ranges, count=count, reason="quota"
            ).payload()
            log.warning("the outbox is full: %d events of lane %s are dropped and declared", count, drop.lane)
            self._append(connection, [Fact.seen(EventType.GAP, self._clock.read(), data)])
        state = self._lanes[drop.lane]
        connection.execute("begin immediate")
        for first, last in drop.numbers:
            connection.execute(f"delete from {drop.lane} where seq between ? and ?", (first, last))
        lost = {
            lane: each.lost + (len(drop.numbers) if drop.is_loss and lane is drop.lane else 0)
            for lane, each in self._lanes.items()
        }
        connection.execute("update store set lost = ? where id = 1", (json.dumps(lost),))
        connection.execute("commit")
        for first, last in drop.numbers:
            state.stored.add(first, last)
        state.lost = lost[drop.lane]
        state.first = connection.execute(f"select min(seq) from {drop.lane}").fetchone()[0] or state.first
        return True

    # -- what the province has -------------------------------------------------------------------

    def confirm(self, stream: Stream, *, have: Ranges, missing: Ranges) -> bool:
        """The province has stored *have* of *stream*, except *missing*. False: not believed, nothing changed.

        Numbers that this lane never gave out were given by a later state of this database: it was restored
        from an old copy. Nothing is believed then, the file is put aside, and a new epoch begins, so that
        no new event takes a number that the province knows as another one.
        """
        with self._lock:
            if stream.epoch != self._epoch:
                return self._confirm_old(stream, have.without(missing))
            state = self._lanes[stream.lane]
            if (have.last or 0) > state.last:
                self._rolled_back(f"the province has {stream.lane} up to {have.last}, this file ends at {state.last}")
                return False
            for first, last in have:
                state.stored.add(first, last)
            for first, last in missing:
                state.stored.remove(first, last)
            if state.acked - state.stored_on_disk >= SWEEP:
                self._sweep(stream.lane)
            return True

    def _confirm_old(self, stream: Stream, have: Ranges) -> bool:
        """The same for what was salvaged: it leaves at once."""
        held = self._old.get(stream)
        if held is None:
            return False
        try:
            with self._using() as connection:
                connection.execute("begin immediate")
                for first, last in have.within(held.first or 0, held.last or 0):
                    connection.execute(
                        "delete from salvaged where epoch = ? and lane = ? and seq between ? and ?",
                        (stream.epoch, stream.lane, first, last),
                    )
                connection.execute("commit")
        except TryAgain as error:
            log.warning("salvaged events stay for now: %s", error)
            return False
        rest = held.without(have)
        if rest:
            self._old[stream] = rest
        else:
            del self._old[stream]
        return True

    def _rolled_back(self, reason: str) -> None:
        try:
            self._begin_anew(f"rolled back: {reason}")
        except sqlite3.Error as error:
            log.warning("a new database cannot be begun for now: %s", error)
            self.close()
            return
        for listener in tuple(self._listeners):
            listener()

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

    def read(self, stream: Stream, first: int, last: int) -> list[tuple[int, bytes]]:
        """The stored events *first* to *last* of *stream* as `(seq, bytes)`, in order; removed ones are left out.

        Raises:
            TryAgain: the disk refuses, or a row is not what was written; then a new epoch has begun.
        """
        with self._using() as connection:
            if stream.epoch == self._epoch:
                rows = connection.execute(
                    f"select seq, body, crc from {stream.lane} where seq between ? and ? order by seq", (first, last)
                ).fetchall()
            else:
                rows = connection.execute(
                    "select seq, body, crc from salvaged where epoch = ? and lane = ? and seq between ? and ?"
                    " order by seq",
                    (stream.epoch, stream.lane, first, last),
                ).fetchall()
            for seq, body, crc in rows:
                if not lanes.is_sound(body, crc):
                    raise lanes.RowDamaged(f"event {stream.lane}/{seq} is damaged")
        return [(seq, body) for seq, body, _ in rows]

    def check(self) -> str | None:
        """Look through the whole file for damage; what was wrong, if anything, has been put aside then.

        Slow, it reads every page; on a connection of its own, so that nobody waits for it.

        Raises:
            TryAgain: the disk refuses for now.
        """
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as connection:
                found: str = connection.execute("pragma quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            if not is_damage(error):
                raise TryAgain(f"{self.path}: {error}") from error
            found = str(error)
        if found == "ok":
            return None
        with self._using():
            self._begin_anew(f"damaged: {found}")
        return found

    def marks(self) -> dict[Lane, Mark]:
        """Where every lane stands."""
        with self._lock:
            return {lane: state.mark(self._epoch) for lane, state in self._lanes.items()}

    def waiting(self) -> dict[Stream, Ranges]:
        """What is here and not yet with the province: this epoch's lanes, then what was salvaged of older ones."""
        with self._lock:
            waiting = {Stream(self._epoch, lane): state.waiting for lane, state in self._lanes.items()}
            return waiting | {stream: Ranges(numbers) for stream, numbers in self._old.items()}

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener* after every append, on the appending thread; it must only wake someone."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Stop calling *listener*."""
        self._listeners.remove(listener)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_epoch(moment: datetime) -> str:
    """A ULID (48 bits of milliseconds, 80 of randomness): sortable where the clock is right, unique where it is not."""
    number = int(moment.timestamp() * 1000) % 2**48 << 80 | int.from_bytes(token_bytes(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
