"""Votes on their way from the rating page to their counters: durable before the phone is thanked.

A vote is sealed for its counter before it comes here, and stays until that counter says what became of it;
its id is remembered longer, so that a token is used once however often its form is sent. One
connection behind one lock: the pages' threads put, the courier's takes.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.errors import TryAgain
from agent.province.database import connect

REMEMBERED_S = 86_400
"""An answered id is kept for so long: far beyond the ten minutes in which its form could be sent again."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One sealed vote."""

    id: str
    agent: str
    sealed: bytes


class BallotStore:
    """The portal's votes in SQLite."""

    def __init__(self, path: Path, *, now: Callable[[], float]) -> None:
        """*now* gives seconds since 1970. Raises `PersonMustAct`, as `connect` does."""
        self.path = path
        self._now = now
        self._lock = threading.Lock()
        self._db = connect(path, check_same_thread=False)
        for statement in (
            "pragma secure_delete = on",
            """create table if not exists ballot (
                id text primary key, agent text not null, sealed blob, put_at integer not null, answered_at integer
            ) without rowid""",
            "create index if not exists ballot_waiting on ballot (agent, put_at) where sealed is not null",
            """create table if not exists counter (agent text primary key, info blob not null) without rowid""",
        ):
            self._db.execute(statement)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def put(self, ballot: Ballot) -> bool:
        """Store *ballot*; when it returns, a power cut cannot take it back. False: this id was used before.

        Raises:
            TryAgain: the disk refuses; nothing was stored.
        """
        with self._using() as db:
            found = db.execute(
                "insert or ignore into ballot values (?, ?, ?, ?, null)",
                (ballot.id, ballot.agent, ballot.sealed, int(self._now())),
            )
            return found.rowcount == 1

    def is_used(self, ballot_id: str) -> bool:
        """Whether a vote with this id has been put."""
        with self._using() as db:
            return db.execute("select 1 from ballot where id = ?", (ballot_id,)).fetchone() is not None

    def waiting(self, agent: str, *, limit: int) -> list[Ballot]:
        """The oldest votes that *agent* has not answered."""
        with self._using() as db:
            rows = db.execute(
                "select id, agent, sealed from ballot where sealed is not null and agent = ?"
                " order by put_at, id limit ?",
                (agent, limit),
            )
            return [Ballot(*row) for row in rows]

    def count_waiting(self) -> dict[str, int]:
        """How many votes wait for each counter that has any."""
        with self._using() as db:
            return dict(db.execute("select agent, count(*) from ballot where sealed is not null group by agent"))

    def answered(self, agent: str, ballot_id: str) -> bool:
        """*agent* has taken or refused this vote: its sealed words are deleted. False: it does not wait for *agent*."""
        with self._using() as db:
            now = int(self._now())
            found = db.execute(
                "update ballot set sealed = null, answered_at = ? where id = ? and agent = ? and sealed is not null",
                (now, ballot_id, agent),
            )
            db.execute("delete from ballot where answered_at < ?", (now - REMEMBERED_S,))
            return found.rowcount == 1

    def learn(self, agent: str, info: bytes) -> None:
        """Keep *agent*'s birth certificate: the page is there again before the broker is."""
        with self._using() as db:
            db.execute("insert or replace into counter values (?, ?)", (agent, info))

    def known(self) -> dict[str, bytes]:
        """The last birth certificate of every counter."""
        with self._using() as db:
            return dict(db.execute("select agent, info from counter"))

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("begin immediate")
                yield self._db
                self._db.execute("commit")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise TryAgain(f"{self.path}: {error}") from error
