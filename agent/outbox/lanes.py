"""One lane in its table: where it stands, and which rows may leave it.

Rows are only ever added at the right edge; the last one never leaves, so the next number and the chain's
head survive an emptied lane. `stored` in a row is how far the province had confirmed the lane when the
row was written: the confirmation reaches the disk with the next event and costs no flush of its own.
"""

import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from agent.clock import Moment
from agent.event import GENESIS, Event, Lane, chain_hash
from agent.outbox.age import first_kept
from agent.outbox.rows import Forms, RowDamaged
from agent.ranges import Ranges


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
class LaneState:
    """What is remembered of a lane between two transactions; all of it can be read again from the table."""

    lane: Lane
    first: int = 1
    last: int = 0
    head: str = GENESIS
    stored: Ranges = field(default_factory=Ranges)
    stored_on_disk: int = 0
    """How far the lane's last row says that the province has it."""
    lost: int = 0
    """Rows dropped undelivered, each declared."""
    taken: int = 0
    """Ratings that went straight into the lane."""

    @property
    def acked(self) -> int:
        """Everything up to here is with the province."""
        for first, last in self.stored:
            if last >= self.first:
                return last if first <= self.first else self.first - 1
        return self.first - 1

    @property
    def waiting(self) -> Ranges:
        """What is here and not with the province."""
        return Ranges([(self.first, self.last)]).without(self.stored)

    def mark(self, epoch: str) -> Mark:
        pending = self.last - self.first + 1 - len(self.stored.within(self.first, self.last))
        return Mark(epoch, self.first, self.last, self.head, self.acked, pending, self.lost)


def load(connection: sqlite3.Connection, forms: Forms, lane: Lane, *, lost: int) -> LaneState:
    """Where *lane* stands, from its table."""
    newest = connection.execute(
        f"select seq, body, crc, form, stored, taken from {lane} order by seq desc limit 1"
    ).fetchone()
    if newest is None:
        return LaneState(lane, lost=lost)
    last, packed, crc, form, stored, taken = newest
    body = forms.event(packed, form, crc)
    if body is None or not all(isinstance(count, int) and 0 <= count <= last for count in (stored, taken)):
        raise RowDamaged(f"event {lane}/{last} is damaged")  # the next event would be chained to what it says now
    first = connection.execute(f"select min(seq) from {lane}").fetchone()[0]
    have = Ranges([(first, stored)])
    if lost:  # what was dropped from the middle is not waited for
        present = Ranges()
        for (seq,) in connection.execute(f"select seq from {lane}"):
            present.add(seq, seq)
        for gap in Ranges([(first, last)]).without(present):
            have.add(*gap)
    return LaneState(lane, first, last, chain_hash(body), have, stored, lost, taken)


def insert(connection: sqlite3.Connection, forms: Forms, event: Event, body: bytes, *, stored: int, taken: int) -> None:
    """Add a row at the right edge, with what the province is known to have, and the ratings taken so far."""
    packed, form = forms.pack(event.fact.type, body)
    connection.execute(_INSERT[event.lane], (event.seq, packed, zlib.crc32(body), stored, form, taken))


_INSERT = {lane: f"insert into {lane} values (?, ?, ?, ?, ?, ?)" for lane in Lane}


def removable(
    connection: sqlite3.Connection,
    forms: Forms,
    state: LaneState,
    *,
    limit: int,
    keep_days: int,
    now: Callable[[], Moment],
) -> int:
    """Up to which number rows may go, at most *limit* of them: the province has them, their audit days are over.

    The last row is never among them; the number before the first one says that none is. *now* is asked only
    when it matters: reading the clock takes as long as writing an event down.
    """
    through = min(state.acked, state.last - 1, state.first + limit - 1)
    if through < state.first or not keep_days:
        return through

    def body(seq: int) -> bytes | None:
        row = connection.execute(
            f"select body, form, crc from {state.lane} where seq >= ? order by seq limit 1", (seq,)
        ).fetchone()
        if row is None:
            return None
        event = forms.event(*row)
        if event is None:
            raise RowDamaged(f"an event of {state.lane} from {seq} on is damaged")
        return event

    return first_kept(now(), timedelta(days=keep_days), first=state.first, through=through, body=body) - 1
