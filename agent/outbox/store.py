"""The outbox: facts become events here, durable before anyone is thanked.

`append` gives each fact its epoch, sequence number and chain hash and commits them in one
transaction; when it returns, a power cut cannot take them back. Rows leave only after the province has
stored them and their audit days are over, or, when the size limit leaves no choice, after a `gap`
event has declared it. A damaged file is put aside, what can be read of it is sent on as it was, and a new
epoch begins. One book behind one lock: any thread may call, each call is one short transaction.
Every SQLite error becomes `TryAgain`; the next call reads the file again and believes only what is on disk.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.clock import Clock
from agent.data import OutboxReplaced
from agent.errors import BallotGone, TokenSpent, TryAgain
from agent.event import Event, EventType, Fact, Lane, Stream
from agent.outbox.ballots import Ballots, Stored
from agent.outbox.book import Author, Book
from agent.outbox.box import Choose
from agent.outbox.database import Reserve, is_damage, is_full
from agent.outbox.journal import Journal
from agent.outbox.lanes import Mark
from agent.outbox.quota import keep_to
from agent.outbox.rows import Forms
from agent.outbox.succession import begin_anew
from agent.ranges import Ranges

log = logging.getLogger(__name__)

SWEEP = 500
"""While a backlog drains, every so many confirmed rows one transaction says so on disk and removes what may go."""
WEIGH_EVERY = 64
"""The size is looked at every so many events."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the watermark tells."""

    lanes: dict[Lane, Mark]
    held: int
    """Ratings in the ballot box."""
    cast: int
    """Ratings ever taken in this epoch: held, or released since."""


class Outbox(Journal, Ballots):
    """The durable, chained, laned event store of one counter."""

    def __init__(
        self, path: Path, *, province: str, agent: str, clock: Clock, keep_days: int, limit_bytes: int = 512 * 1024**2
    ) -> None:
        super().__init__()
        self.path = path
        self.keep_days = keep_days
        """Days an event stays after the province has stored it; may be changed while running."""
        self.limit_bytes = limit_bytes
        """What the rows may take; may be changed while running."""
        self.trouble: str | None = None
        """Why the last append was refused; None when it went well."""
        self.replaced: str | None = None
        """Why the file was put aside since the start, if it was."""
        self._book = Book(path, Author(province, agent, clock))
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], None]] = []
        self._unweighed = 0

    # -- opening ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or create the database, bring its schema up to date, and read where each lane stands.

        Does nothing when it is open. A damaged file is put aside and salvaged.

        Raises:
            TryAgain: the disk refuses for now.
            PersonMustAct: the folder cannot be written, or the file is from a newer version.
        """
        with self._asking():
            self._reserve.make()

    def close(self) -> None:
        """Close the database. Idempotent."""
        with self._lock:
            self._book.close()

    @contextmanager
    def _asking(self) -> Iterator[Book]:
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

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._asking() as book:
            yield book.connection

    def _reach(self) -> Book:
        """The open book; a file that turns out to be damaged is replaced first."""
        if not self._book.is_open:
            try:
                self._book.open()
            except sqlite3.Error as error:
                self.close()
                if not is_damage(error):
                    raise
                self._begin_anew(f"damaged: {error}")
        return self._book

    def tell_that_it_was_gone(self) -> None:
        """Say in the lane, and to health, that there was no file though this box has had one.

        Raises:
            TryAgain: the disk refuses.
        """
        self.replaced = "gone: the box has run before, and its file is not there any more"
        nothing = dict.fromkeys(Lane, 0)
        data = OutboxReplaced(
            reason=self.replaced, old_epoch="", last_seen=nothing, salvaged=nothing, kept_as=""
        ).payload()
        self.append(Fact.seen(EventType.ALERT, self._book.author.clock.read(), data))

    def _begin_anew(self, reason: str) -> None:
        self.close()
        begin_anew(self.path, self._book.author, reason)
        self.replaced = reason
        self._book.open()

    # -- writing ---------------------------------------------------------------------------------

    def append(self, *facts: Fact) -> list[Event]:
        """Store *facts* durably, in order, in one transaction. Returns after the disk has them.

        On a full disk the reserve is given back and ratings and alerts are tried once more; on a damaged
        file a new one is begun and they go there.

        Raises:
            TryAgain: nothing was stored (disk full, read-only, input/output error).
        """
        placed: list[tuple[Event, bytes]] = []

        def write(book: Book) -> list[Event]:
            placed.clear()
            return book.append(facts, keep_days=self.keep_days, placed=placed)

        def landed(book: Book) -> list[Event] | None:
            return [event for event, _ in placed] if placed and book.holds(*placed[-1]) else None

        are_metrics = all(fact.type.lane is Lane.METRIC for fact in facts)
        with self._lock:
            events = self._write(write, landed, is_precious=not are_metrics)
            self._grown(len(facts))
        self._tell()
        return events

    def _write(
        self, write: Callable[[Book], Stored], landed: Callable[[Book], Stored | None], *, is_precious: bool
    ) -> Stored:
        """One write, under the caller's lock; what went wrong is remembered and told as `TryAgain`."""
        try:
            if not is_precious:
                self._spare_the_reserve()
            stored = self._durably(write, landed, is_precious=is_precious)
        except (TokenSpent, BallotGone):
            raise
        except BaseException as error:
            self.close()
            if not isinstance(error, sqlite3.Error):
                raise
            self.trouble = str(error)
            raise TryAgain(f"{self.path}: {error}") from error
        self.trouble = None
        return stored

    def _spare_the_reserve(self) -> None:
        """What it made room for is not for metrics."""
        if self._book.is_open and not self._reserve.is_there:
            self._reserve.make()
            if not self._reserve.is_there:
                raise sqlite3.OperationalError("the disk is full; what is left is kept for ratings")

    def _durably(
        self, write: Callable[[Book], Stored], landed: Callable[[Book], Stored | None], *, is_precious: bool
    ) -> Stored:
        """*write*, once more where that helps. A commit whose answer was an error may be on the disk all the same:
        what has *landed* is not stored twice."""
        try:
            return write(self._reach())
        except sqlite3.Error as error:
            self.close()
            if is_damage(error):
                self._begin_anew(f"damaged: {error}")
            elif not (is_full(error) and is_precious and self._reserve.release()):
                with suppress(sqlite3.Error):
                    if (found := landed(self._reach())) is not None:
                        return found
                raise
        if (found := landed(self._reach())) is not None:
            return found
        return write(self._reach())

    def _grown(self, count: int) -> None:
        self._unweighed += count
        if self._unweighed >= WEIGH_EVERY:
            self._unweighed = 0
            self._weigh()

    def _weigh(self) -> None:
        """Keep to the size limit: what the province has goes first, then metrics, ratings last; drops are declared."""
        try:
            keep_to(self.limit_bytes, self._book, keep_days=self.keep_days)
        except sqlite3.Error as error:
            log.warning("no room can be made for now: %s", error)
            self.close()

    def _vote(self, write: Callable[[Book], Stored], landed: Callable[[Book], Stored | None]) -> Stored:
        with self._lock:
            stored = self._write(write, landed, is_precious=True)
        self._tell()
        return stored

    def release(self, choose: Choose) -> int:
        """Move the votes that *choose* picks into lane `record`, shuffled, in one transaction; how many they are.

        Raises:
            TryAgain: the box and the lane are as they were.
        """
        with self._asking() as book:
            events = book.release(choose, keep_days=self.keep_days)
            self._grown(len(events))
        if events:
            self._tell()
        return len(events)

    # -- what the province has -------------------------------------------------------------------

    def confirm(self, stream: Stream, *, have: Ranges, missing: Ranges) -> bool:
        """The province has stored *have* of *stream*, except *missing*. False: not believed, nothing changed.

        Numbers that this lane never gave out were given by a later state of this database: it was restored
        from an old copy. Nothing is believed then, the file is put aside, and a new epoch begins, so that
        no new event takes a number that the province knows as another one.
        """
        with self._lock:
            if stream.epoch != self.epoch:
                return self._confirm_older(stream, have.without(missing))
            state = self._book.lanes[stream.lane]
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

    def _confirm_older(self, stream: Stream, have: Ranges) -> bool:
        """The same for what was salvaged: it leaves at once."""
        if stream not in self._book.older:
            return False
        try:
            with self._asking():
                self._book.forget(stream, have)
        except TryAgain as error:
            log.warning("salvaged events stay for now: %s", error)
            return False
        return True

    def _rolled_back(self, reason: str) -> None:
        try:
            self._begin_anew(f"rolled back: {reason}")
        except sqlite3.Error as error:
            log.warning("a new database cannot be begun for now: %s", error)
            self.close()
            return
        self._tell()

    def _sweep(self, lane: Lane) -> None:
        try:
            with self._asking():
                self._book.sweep(lane, limit=2 * SWEEP, keep_days=self.keep_days)
        except TryAgain as error:
            log.warning("old events stay for now: %s", error)

    def tidy(self, *, least: int = SWEEP) -> None:
        """Remove what may go where that is at least *least* rows of a lane, up to a thousand: one flush for all.

        For who comes by every few seconds. What a press takes along is enough from day to day; this is for the
        rest of a backlog that was confirmed at one go, and, with *least* 1, for a lane in which little happens.
        """
        with self._lock:
            for lane in Lane:
                try:
                    with self._using():
                        due = self._book.due(lane, limit=max(SWEEP, least), keep_days=self.keep_days)
                except TryAgain as error:
                    log.warning("old events stay for now: %s", error)
                    return
                if due >= least:
                    self._sweep(lane)

    # -- reading ---------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        """Identifies this database: new whenever the database is new; empty before the first `open`."""
        return self._book.epoch

    def read(self, stream: Stream, first: int, last: int) -> list[tuple[int, bytes]]:
        """The stored events *first* to *last* of *stream* as `(seq, bytes)`, in order; removed ones are left out.

        Raises:
            TryAgain: the disk refuses, or a row is not what was written; then a new epoch has begun.
        """
        with self._asking():
            return self._book.read(stream, first, last)

    def check(self) -> str | None:
        """Look through the whole file for damage; what was wrong, if anything, has been put aside then.

        Slow, it reads every page; on a connection of its own, so that nobody waits for it.

        Raises:
            TryAgain: the disk refuses for now.
        """
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as connection:
                found: str = connection.execute("pragma quick_check(1)").fetchone()[0]
                if found == "ok" and not Forms(connection).are_sound():
                    found = "a form is not what was written"
        except sqlite3.Error as error:
            if not is_damage(error):
                raise TryAgain(f"{self.path}: {error}") from error
            found = str(error)
        if found == "ok":
            return None
        with self._asking():
            self._begin_anew(f"damaged: {found}")
        return found

    def marks(self) -> dict[Lane, Mark]:
        """Where every lane stands."""
        with self._lock:
            return {lane: state.mark(self.epoch) for lane, state in self._book.lanes.items()}

    def standing(self) -> Standing:
        """Where every lane and the ballot box stand, at one instant."""
        with self._lock:
            return Standing(self.marks(), *self._book.votes)

    def waiting(self) -> dict[Stream, Ranges]:
        """What is here and not yet with the province: this epoch's lanes, then what was salvaged of older ones."""
        with self._lock:
            waiting = {Stream(self.epoch, lane): state.waiting for lane, state in self._book.lanes.items()}
            return waiting | {stream: Ranges(numbers) for stream, numbers in self._book.older.items()}

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener* after every append, on the appending thread; it must only wake someone."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Stop calling *listener*."""
        self._listeners.remove(listener)

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()
