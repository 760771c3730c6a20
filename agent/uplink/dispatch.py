"""Which events go next: streams in their order, live before backlog, a small window. Pure; no I/O, no clock.

An event is *waiting* (to be sent), *in flight* (sent, no PUBACK), *with the broker* (PUBACK) and
then *stored* (the province said so). Only the last one lets go of it. Whatever is not stored when
a connection begins is waiting again; storing twice changes nothing at the other end.

Weeks of backlog never delay today's rating: it goes before any of them, and one place of the window is never
theirs. So it leaves at once, and where the next ones come close behind it, each with the next PUBACK.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agent.event import Stream
from agent.ranges import Ranges

BATCH_FROM = 20
"""From so many waiting events on, a stream's backlog travels in batches."""
BATCH_SIZE = 100
TODAYS_PLACES = 1
"""Places of the window that the backlog leaves free. More would cost a far broker's counters their speed: a place
carries one batch a round trip."""
HANDFUL_S = 1.0


class Parcel(NamedTuple):
    """Events `first`..`last` of one stream, travelling as one message."""

    stream: Stream
    first: int
    last: int
    is_live: bool
    is_batch: bool


@dataclass(frozen=True, slots=True)
class _Handful:
    """Events of one stream that the broker took within `HANDFUL_S`: a million of them are a few ranges."""

    since_s: float
    events: Ranges


class Dispatch:
    """What of each stream is waiting, in flight and with the broker, during one connection."""

    def __init__(self, waiting: Mapping[Stream, Ranges], *, batches: bool) -> None:
        """*waiting* names every stream there is, the most urgent first."""
        self._backlog = dict(waiting)
        self._live = {stream: Ranges() for stream in waiting}
        self._with_broker: dict[Stream, deque[_Handful]] = {stream: deque() for stream in waiting}
        self._backlog_in_flight = 0
        self._batches = batches
        self.batch_size = BATCH_SIZE
        """Events in a batch at most; less where the broker takes only small packets."""

    def appended(self, stream: Stream, first: int, last: int) -> None:
        """New events were committed just now."""
        self._live[stream].add(first, last)
        if len(self._live[stream]) >= BATCH_FROM:
            for pair in list(self._live[stream]):
                self._backlog[stream].add(*pair)
            self._live[stream] = Ranges()

    def again(self, stream: Stream, first: int, last: int) -> None:
        """These are to be sent once more."""
        self._backlog[stream].add(first, last)

    def next(self, window: int) -> Parcel | None:
        """Take the parcel to send now; *window* is how many messages may be in flight altogether."""
        for stream in self._backlog:
            run = self._live[stream].take(1)
            if run is not None:
                return Parcel(stream, *run, is_live=True, is_batch=False)
        if self._backlog_in_flight >= max(1, window - TODAYS_PLACES):
            return None
        for stream in self._backlog:
            waiting = self._backlog[stream]
            is_batch = self._batches and len(waiting) >= BATCH_FROM
            run = waiting.take(self.batch_size if is_batch else 1)
            if run is not None:
                self._backlog_in_flight += 1
                return Parcel(stream, *run, is_live=False, is_batch=is_batch)
        return None

    def arrived(self, parcel: Parcel, *, at_s: float) -> None:
        """The broker took *parcel*."""
        self._landed(parcel)
        handfuls = self._with_broker[parcel.stream]
        if not handfuls or at_s - handfuls[-1].since_s > HANDFUL_S:
            handfuls.append(_Handful(at_s, Ranges()))
        handfuls[-1].events.add(parcel.first, parcel.last)

    def refused(self, parcel: Parcel) -> None:
        """The broker would not take *parcel*: the caller decides when `again`."""
        self._landed(parcel)

    def _landed(self, parcel: Parcel) -> None:
        if not parcel.is_live:
            self._backlog_in_flight -= 1

    def stored(self, stream: Stream, *, have: Ranges, missing: Ranges, settled_before_s: float) -> None:
        """The province has *have* of *stream*, except *missing*.

        What is missing although the broker took it before *settled_before_s* was lost on the way and waits again;
        what the broker took later may still be travelling.
        """
        safe = have.without(missing)
        for first, last in safe:
            self._live[stream].remove(first, last)
            self._backlog[stream].remove(first, last)
        kept: deque[_Handful] = deque()
        for handful in self._with_broker[stream]:
            rest = handful.events.without(safe)
            if handful.since_s + HANDFUL_S < settled_before_s:
                lost = Ranges(pair for first, last in missing for pair in rest.within(first, last))
                for first, last in lost:
                    self._backlog[stream].add(first, last)
                rest = rest.without(lost)
            if rest:
                kept.append(_Handful(handful.since_s, rest))
        self._with_broker[stream] = kept

    def overdue(self, stream: Stream, *, before_s: float) -> None:
        """What the broker took of *stream* before *before_s* and nobody confirmed waits again."""
        kept: deque[_Handful] = deque()
        for handful in self._with_broker[stream]:
            if handful.since_s + HANDFUL_S < before_s:
                for first, last in handful.events:
                    self._backlog[stream].add(first, last)
            else:
                kept.append(handful)
        self._with_broker[stream] = kept

    @property
    def waiting(self) -> int:
        """Events not yet handed to the broker in this connection (in flight ones not counted)."""
        return sum(len(ranges) for ranges in (*self._live.values(), *self._backlog.values()))

    @property
    def unanswered_since_s(self) -> float | None:
        """When the oldest event that the province has not confirmed reached the broker."""
        return min((handfuls[0].since_s for handfuls in self._with_broker.values() if handfuls), default=None)
