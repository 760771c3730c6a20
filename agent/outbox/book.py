"""The database of one epoch while it is open: what is known of it, and each change as one transaction.

What is known follows the disk: it changes after the commit has returned, never before. A book has no lock
and translates no errors; whoever gets one closes the book, and opening it reads the file again.
"""

import json
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import SystemRandom

from agent.clock import Clock
from agent.errors import TryAgain
from agent.event import Event, EventType, Fact, Lane, Stream, chain_hash
from agent.outbox import lanes
from agent.outbox.box import Box, Choose
from agent.outbox.database import connect
from agent.outbox.epoch import new_epoch
from agent.outbox.lanes import LaneState
from agent.outbox.rows import Forms, RowDamaged
from agent.outbox.salvage import Salvaged
from agent.ranges import Ranges

RIDE_EVERY = 128
"""Old rows leave on the back of every so many-th event of their lane: together, which wears the card least."""
RIDERS = 2 * RIDE_EVERY
"""At most so many at a time."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: what stands in every event beside its fact and its place."""

    province: str
    agent: str
    clock: Clock


class Book:
    """One database file. After `close`, what was known of it can still be asked."""

    def __init__(self, path: Path, author: Author) -> None:
        self.path = path
        self.author = author
        self.epoch = ""
        self.lanes = {lane: LaneState(lane) for lane in Lane}
        self.older: dict[Stream, Ranges] = {}
        """What was salvaged of older epochs and is still here."""
        self._connection: sqlite3.Connection | None = None
        self._forms: Forms | None = None
        self._box: Box | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @property
    def connection(self) -> sqlite3.Connection:
        """Raises `TryAgain` when the book is closed."""
        if self._connection is None:
            raise TryAgain(f"{self.path} is closed")
        return self._connection

    @property
    def forms(self) -> Forms:
        """Raises `TryAgain` when the book was never open."""
        if self._forms is None:
            raise TryAgain(f"{self.path} is closed")
        return self._forms

    @property
    def box(self) -> Box:
        """Raises `TryAgain` when the book was never open."""
        if self._box is None:
            raise TryAgain(f"{self.path} is closed")
        return self._box

    @property
    def votes(self) -> tuple[int, int]:
        """Ratings in the ballot box, and ratings ever taken in this epoch."""
        return (self._box.held, self._box.cast) if self._box is not None else (0, 0)

    def open(self) -> None:
        """Open or create the file, bring its schema up to date, and read where each lane stands.

        Raises:
            sqlite3.Error: the disk refuses, or the file is damaged.
            PersonMustAct: the folder cannot be written, or the file is from a newer version.
        """
        self._connection = connect(self.path)
        try:
            self._read_all(self._connection)
        except BaseException:
            self.close()
            raise

    def _read_all(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("select epoch, lost from store").fetchone()
        if row is None:
            row = (new_epoch(self.author.clock.now()), "{}")
            connection.execute("insert into store (id, epoch) values (1, ?)", (row[0],))
        self.epoch, lost = row[0], json.loads(row[1])
        self._forms = Forms(connection)
        self._forms.begin(self.author.clock.boot)
        self.lanes = {lane: lanes.load(connection, self._forms, lane, lost=lost.get(lane, 0)) for lane in Lane}
        self.older = {}
        for epoch, lane, seq in connection.execute("select epoch, lane, seq from salvaged"):
            self.older.setdefault(Stream(epoch, Lane(lane)), Ranges()).add(seq, seq)
        self._box = Box(connection, straight=self.lanes[Lane.RECORD].taken)

    def close(self) -> None:
        """Idempotent."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    # -- writing ---------------------------------------------------------------------------------

    def append(
        self,
        facts: Sequence[Fact],
        *,
        keep_days: int,
        placed: list[tuple[Event, bytes]] | None = None,
        ballots: Sequence[int] = (),
    ) -> list[Event]:
        """Store *facts*, and remove what may go; *placed* collects them as they get their numbers, also in vain.

        *ballots* are the keys that *facts* had in the ballot box: they leave it.
        """
        placed = [] if placed is None else placed
        connection, forms, heads = self.connection, self.forms, self._place(facts, placed)
        leaving = self._leaving(heads, keep_days)
        models = {event.fact.type: body for event, body in placed if forms.are_missing(event.fact)}
        taken: dict[Lane, int] = {}
        is_alone = len(placed) == 1 and not (leaving or models or ballots)  # a statement by itself is a transaction
        if not is_alone:
            connection.execute("begin immediate")
        for kind, body in models.items():
            forms.add(kind, body)
        for event, body in placed:
            state = self.lanes[event.lane]
            count = taken.get(event.lane, state.taken) + (event.fact.type is EventType.RATING and not ballots)
            lanes.insert(connection, forms, event, body, stored=state.acked, taken=count)
            taken[event.lane] = count
        for lane, through in leaving.items():
            connection.execute(f"delete from {lane} where seq <= ?", (through,))
        if ballots:
            self.box.let_go(ballots)
        if not is_alone:
            connection.execute("commit")
        for lane, (last, head) in heads.items():
            state = self.lanes[lane]
            self.box.count(left=len(ballots), straight=taken[lane] - state.taken)
            state.last, state.head, state.stored_on_disk, state.taken = last, head, state.acked, taken[lane]
            state.first = leaving.get(lane, state.first - 1) + 1
        return [event for event, _ in placed]

    def _place(self, facts: Sequence[Fact], placed: list[tuple[Event, bytes]]) -> dict[Lane, tuple[int, str]]:
        """Give *facts* their numbers and bytes; the last number and the head of each lane they are in."""
        province, agent, boot = self.author.province, self.author.agent, self.author.clock.boot
        heads: dict[Lane, tuple[int, str]] = {}
        for fact in facts:
            lane = fact.type.lane
            state = self.lanes[lane]
            last, head = heads.get(lane) or (state.last, state.head)
            event = Event(province, agent, self.epoch, lane, last + 1, head, fact.boot or boot, fact)
            body = event.encode()
            heads[lane] = (event.seq, chain_hash(body))
            placed.append((event, body))
        return heads

    def _leaving(self, heads: dict[Lane, tuple[int, str]], keep_days: int) -> dict[Lane, int]:
        """Up to where each lane's rows leave with the events that are being stored; most take none along."""
        leaving = {}
        for lane, (last, _) in heads.items():
            state = self.lanes[lane]
            if last // RIDE_EVERY > state.last // RIDE_EVERY:
                through = self._removable(lane, limit=RIDERS, keep_days=keep_days)
                if through >= state.first:
                    leaving[lane] = through
        return leaving

    def release(self, choose: Choose, *, keep_days: int) -> list[Event]:
        """Move what *choose* picks out of the ballot box into its lane, in an order that nobody knows before."""
        leaving = list(choose(self.box.ballots()))
        if not leaving:
            return []
        SystemRandom().shuffle(leaving)
        return self.append([fact for _, fact in leaving], keep_days=keep_days, ballots=[key for key, _ in leaving])

    def holds(self, event: Event, body: bytes) -> bool:
        """Whether *event* is on the disk, as *body*."""
        row = self.connection.execute(
            f"select body, form, crc from {event.lane} where seq = ?", (event.seq,)
        ).fetchone()
        return row is not None and self.forms.event(*row) == body

    def sweep(self, lane: Lane, *, limit: int, keep_days: int) -> None:
        """Say on disk how far the province has *lane*, and remove up to *limit* rows that may go."""
        connection, state = self.connection, self.lanes[lane]
        through = self._removable(lane, limit=limit, keep_days=keep_days)
        connection.execute("begin immediate")
        connection.execute(f"delete from {lane} where seq <= ?", (through,))
        connection.execute(f"update {lane} set stored = ? where seq = ?", (state.acked, state.last))
        connection.execute("commit")
        state.first, state.stored_on_disk = through + 1, state.acked

    def due(self, lane: Lane, *, limit: int, keep_days: int) -> int:
        """How many rows of *lane* may go, counted no further than *limit*."""
        return self._removable(lane, limit=limit, keep_days=keep_days) - self.lanes[lane].first + 1

    def _removable(self, lane: Lane, *, limit: int, keep_days: int) -> int:
        return lanes.removable(
            self.connection, self.forms, self.lanes[lane], limit=limit, keep_days=keep_days, now=self.author.clock.read
        )

    def drop(self, lane: Lane, numbers: Ranges, *, lost: int) -> None:
        """Remove *numbers* of *lane* for want of room, *lost* of them undelivered."""
        connection, state = self.connection, self.lanes[lane]
        losses = {each.lane: each.lost for each in self.lanes.values()} | {lane: state.lost + lost}
        connection.execute("begin immediate")
        for first, last in numbers:
            connection.execute(f"delete from {lane} where seq between ? and ?", (first, last))
        connection.execute("update store set lost = ? where id = 1", (json.dumps(losses),))
        connection.execute("commit")
        for first, last in numbers:
            state.stored.add(first, last)
        state.lost = losses[lane]
        state.first = connection.execute(f"select min(seq) from {lane}").fetchone()[0] or state.first

    def take_over(self, saved: Salvaged) -> None:
        """Keep what was read of a damaged file; its events travel as what they always were."""
        connection = self.connection
        connection.execute("begin immediate")
        connection.executemany(
            "insert or ignore into salvaged values (?, ?, ?, ?, ?)",
            ((epoch, lane, seq, body, zlib.crc32(body)) for epoch, lane, seq, body in saved.rows),
        )
        connection.execute("update store set sessions = max(sessions, ?) where id = 1", (saved.sessions,))
        self.box.take_over(saved.ballots, saved.spent)
        connection.execute("commit")
        for epoch, lane, seq, _ in saved.rows:
            self.older.setdefault(Stream(epoch, lane), Ranges()).add(seq, seq)

    def forget(self, stream: Stream, have: Ranges) -> None:
        """Remove what the province has of an older epoch's *stream*."""
        connection, held = self.connection, self.older[stream]
        connection.execute("begin immediate")
        for first, last in have.within(held.first or 0, held.last or 0):
            connection.execute(
                "delete from salvaged where epoch = ? and lane = ? and seq between ? and ?",
                (stream.epoch, stream.lane, first, last),
            )
        connection.execute("commit")
        rest = held.without(have)
        if rest:
            self.older[stream] = rest
        else:
            del self.older[stream]

    # -- reading ---------------------------------------------------------------------------------

    def read(self, stream: Stream, first: int, last: int) -> list[tuple[int, bytes]]:
        """The events *first* to *last* of *stream* that are here, in order.

        Raises:
            RowDamaged: one of them is not what was written.
        """
        if stream.epoch == self.epoch:
            rows = self.connection.execute(
                f"select seq, body, form, crc from {stream.lane} where seq between ? and ? order by seq", (first, last)
            )
        else:
            rows = self.connection.execute(
                "select seq, body, null, crc from salvaged where epoch = ? and lane = ? and seq between ? and ?"
                " order by seq",
                (stream.epoch, stream.lane, first, last),
            )
        events, event = [], self.forms.event
        for seq, packed, form, crc in rows.fetchall():
            body = event(packed, form, crc)
            if body is None:
                raise RowDamaged(f"event {stream.lane}/{seq} is damaged")
            events.append((seq, body))
        return events
