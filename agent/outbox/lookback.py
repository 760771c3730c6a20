"""Looking back: a lane's events from the newest to the oldest, read in portions while they are asked for.

For whoever makes figures of what was told: nobody holds the store for longer than a portion takes. What was salvaged
of older epochs and still waits for the province comes last.
"""

from collections.abc import Iterator
from typing import NamedTuple

from agent.errors import TryAgain
from agent.event import Lane, Stream
from agent.outbox.store import Outbox

PORTION = 200


class Row(NamedTuple):
    """An event as it is stored."""

    epoch: str
    seq: int
    body: bytes


def newest_first(outbox: Outbox, lane: Lane) -> Iterator[Row]:
    """The events of *lane* that are still here.

    Raises:
        TryAgain: the outbox cannot be read for now.
    """
    mark = last_of(outbox, lane)
    yield from _backwards(outbox, Stream(mark.epoch, lane), outbox.marks()[lane].first, mark.seq)
    older = [(stream, held) for stream, held in outbox.waiting().items() if stream.lane is lane]
    for stream, held in sorted(older, key=lambda each: each[0].epoch, reverse=True):
        if stream.epoch != mark.epoch:
            yield from _backwards(outbox, stream, held.first or 0, held.last or 0)


class Place(NamedTuple):
    """Where a lane ends."""

    epoch: str
    seq: int


def last_of(outbox: Outbox, lane: Lane) -> Place:
    """The newest event of *lane*; number 0 of a lane without any.

    Raises:
        TryAgain: the outbox was not opened yet.
    """
    mark = outbox.marks()[lane]
    if not mark.epoch:
        raise TryAgain(f"{outbox.path} is not open yet")
    return Place(mark.epoch, mark.last)


def _backwards(outbox: Outbox, stream: Stream, first: int, last: int) -> Iterator[Row]:
    while last >= first:
        begin = max(first, last - PORTION + 1)
        for seq, body in reversed(outbox.read(stream, begin, last)):
            yield Row(stream.epoch, seq, body)
        last = begin - 1
