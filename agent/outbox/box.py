"""The ballot box in its table: votes that are durable, and have no number, no place in a lane and no order yet.

A vote's row has a random key, so the table does not tell which came first. It leaves in the transaction
that writes its event: at any instant a vote is in the box or in the lane, never in both, never in neither.
`cast` counts every rating this database ever took, in the box or straight into the lane, so that what is held
and what was released must add up to it. Of a spent token there is the token and its slot, and
nothing that leads to the vote it was spent for.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import randbits

from agent.clock import ClockQuality, Moment
from agent.errors import BallotGone, TokenSpent
from agent.event import EventType, Fact
from agent.outbox.rows import RowDamaged, is_sound

SPENT_KEPT = timedelta(days=400)
"""So long a spent token is remembered; nothing waits longer for its counter."""

Choose = Callable[[Mapping[int, Fact]], Sequence[tuple[int, Fact]]]
"""From the votes held, by their keys, to those that leave, as they shall be told."""


def new_key() -> int:
    """63 random bits."""
    return randbits(63)


class Box:
    """The box of one open database. Every change is one transaction, and what is known follows the disk."""

    def __init__(self, connection: sqlite3.Connection, straight: int) -> None:
        """*straight*: ratings that never were in the box."""
        self._connection = connection
        self.held: int = connection.execute("select count(*) from box").fetchone()[0]
        """Votes in the box."""
        self.cast: int = connection.execute("select taken from store").fetchone()[0] + straight
        """Ratings ever taken in this epoch: held, or released since."""

    def hold(self, key: int, fact: Fact, now: Callable[[], Moment], *, token: bytes | None, slot: int) -> None:
        """Put *fact* in, and spend *token*; does nothing when *key* is in there.

        Raises:
            TokenSpent: the token has voted; nothing changed.
        """
        connection = self._connection
        if self.has(key):
            return
        connection.execute("begin immediate")
        if token is not None:
            if self.is_spent(token, slot):
                connection.execute("rollback")
                raise TokenSpent("this token has voted")
            moment = now()
            if moment.quality.is_trusted:
                forgotten = int((moment.at - SPENT_KEPT).timestamp())
                connection.execute("delete from spent where slot < ? and slot != ?", (forgotten, slot))
            connection.execute("insert into spent values (?, ?)", (slot, token))
        self._insert(key, encode(fact))
        connection.execute("update store set taken = taken + 1 where id = 1")
        connection.execute("commit")
        self.held, self.cast = self.held + 1, self.cast + 1

    def amend(self, key: int, fact: Fact) -> None:
        """Put *fact* in the place of the one held under *key*.

        Raises:
            BallotGone: there is none.
        """
        body = encode(fact)
        changed = self._connection.execute(
            "update box set body = ?, crc = ? where ballot = ?", (body, zlib.crc32(body), key)
        )
        if not changed.rowcount:
            raise BallotGone("this vote is not in the box any more")

    def take_over(self, ballots: Iterable[tuple[int, bytes]], spent: Iterable[tuple[int, bytes]]) -> None:
        """Add what was read of a damaged database; inside the caller's transaction."""
        for key, body in ballots:
            self._insert(key, body)
            self.held, self.cast = self.held + 1, self.cast + 1
        self._connection.execute("update store set taken = ? where id = 1", (self.cast,))
        self._connection.executemany("insert or ignore into spent values (?, ?)", spent)

    def _insert(self, key: int, body: bytes) -> None:
        self._connection.execute("insert into box values (?, ?, ?)", (key, body, zlib.crc32(body)))

    def let_go(self, keys: Sequence[int]) -> None:
        """The votes under *keys* leave the box; inside the caller's transaction."""
        self._connection.executemany("delete from box where ballot = ?", ((key,) for key in keys))

    def count(self, *, left: int, straight: int) -> None:
        """After the commit: so many votes left the box, and so many ratings went straight into the lane."""
        self.held, self.cast = self.held - left, self.cast + straight

    def has(self, key: int) -> bool:
        return self._connection.execute("select 1 from box where ballot = ?", (key,)).fetchone() is not None

    def ballots(self) -> dict[int, Fact]:
        """Every vote held.

        Raises:
            RowDamaged: one of them is not what was written.
        """
        rows = self._connection.execute("select ballot, body, crc from box").fetchall()
        if not all(is_sound(body, crc) for _, body, crc in rows):
            raise RowDamaged("a vote in the ballot box is damaged")
        return {key: decode(body) for key, body, _ in rows}

    def is_spent(self, token: bytes, slot: int) -> bool:
        found = self._connection.execute("select 1 from spent where slot = ? and token = ?", (slot, token))
        return found.fetchone() is not None

    def spent_in(self, slot: int, kind: bytes = b"") -> int:
        """How many tokens of *slot* that begin with *kind* have voted."""
        asked = "select count(*) from spent where slot = ? and substr(token, 1, ?) = ?"
        count: int = self._connection.execute(asked, (slot, len(kind), kind)).fetchone()[0]
        return count


def encode(fact: Fact) -> bytes:
    """*fact* as a row of the box."""
    return json.dumps(
        {
            "at": fact.at.isoformat(),
            "clock": fact.clock,
            "booted": fact.booted.isoformat() if fact.booted is not None else None,
            "boot": fact.boot,
            "data": fact.data,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def decode(body: bytes) -> Fact:
    row = json.loads(body)
    return Fact(
        EventType.RATING,
        datetime.fromisoformat(row["at"]),
        ClockQuality(row["clock"]),
        row["data"],
        datetime.fromisoformat(row["booted"]) if row["booted"] is not None else None,
        row["boot"],
    )
