"""The outage ledger: which part of the counter was gone, from when to when, and why.

Health's changes begin and end outages; the life before, as the alive mark left it, tells of power cuts and of an
agent that was gone. An outage is told in one `alert` event when it is over, and only by a clock that is to be
believed: times are remembered as the age of the boot, and a box that learns the time later dates them right. One
that never learns it tells after an hour, by what it has.

No write of its own: what is open or not yet told rides in the alive mark, at most a minute old, and is taken up by
the next life. Told twice is told once: the events in the lane are read before the first is told. Any thread may
hear and ask; the service's thread works.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from agent.alive import Ending, LastLife
from agent.clock import Clock, ClockQuality, Moment
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact
from agent.health import Report
from agent.rating.figures.daybook import Daybook
from agent.rating.figures.opening import Span, day_of, union
from agent.rating.figures.outages import LEAST_S, NO_NEWS, Outage, OutageCause, OutageData, cause_of
from agent.readings import moment
from agent.service import Service

log = logging.getLogger(__name__)

KEEP = timedelta(days=32)
NOTED = 16
"""So many fit the alive mark without making it a second block of the card."""
UNSURE_S = 3600.0
"""How long an outage waits for a clock that is to be believed."""
RESUMED_S = 300.0
"""A part that was gone before a restart and says nothing of itself for so long after it is not fitted any more."""
MARK_S = 60.0
"""Who was killed may have lived so long after the last mark."""
LOOK_S = 1.0

Opening = Callable[[date], Sequence[Span]]
Told = Iterable[tuple[str, int, bytes]]
"""Events as (epoch, seq, bytes), the newest first."""


@dataclass(frozen=True, slots=True)
class _Instant:
    """A moment and the boot it was in."""

    boot: str
    moment: Moment

    def right(self, boot: str, now: Moment) -> datetime:
        """The wall time of it, by what *now* knows of this *boot*."""
        if self.boot == boot and now.quality.is_trusted:
            return now.booted.astimezone(now.at.tzinfo) + self.moment.age
        return self.moment.at

    def note(self) -> list[str]:
        said = self.moment
        return [self.boot, said.at.isoformat(timespec="milliseconds"), said.booted.isoformat(), said.quality]

    @classmethod
    def of(cls, note: Sequence[str]) -> "_Instant":
        boot, at, booted, quality = note
        began, was = moment(booted), moment(at)
        if began is None or was is None:
            raise ValueError(f"not a time: {note}")
        return cls(boot, Moment(was, ClockQuality(quality), began))


@dataclass(frozen=True, slots=True)
class _Entry:
    """An outage that is open, or over and not yet told."""

    cause: OutageCause
    component: str
    code: str
    start: _Instant
    end: _Instant | None = None
    is_resumed: bool = False
    """Open since before a restart, and the part has not yet spoken for itself."""

    def note(self) -> list[Any]:
        return [self.cause, self.component, self.code, self.start.note(), self.end.note() if self.end else None]

    @classmethod
    def of(cls, note: Sequence[Any]) -> "_Entry":
        cause, component, code, start, end = note
        return cls(OutageCause(cause), str(component), str(code), _Instant.of(start), _Instant.of(end) if end else None)

    def outage(self, boot: str, now: Moment) -> Outage:
        end = self.end.right(boot, now) if self.end is not None else None
        start = self.start.right(boot, now)
        return Outage(self.cause, self.component, self.code, start, max(start, end) if end is not None else None)


def open_in(notes: Iterable[Any]) -> list[Outage]:
    """The outages that an alive mark's *notes* tell of, as its own clock dated them."""
    found = []
    for note in notes:
        with suppress(ValueError, TypeError):
            entry = _Entry.of(note)
            found.append(entry.outage("", entry.start.moment))
    return found


class Ledger:
    """What is known of outages; outlives its service."""

    def __init__(
        self, clock: Clock, *, zone: tzinfo, opening: Opening, life: LastLife | None = None, notes: Iterable[Any] = ()
    ) -> None:
        """*opening*: when the counter is open on a date. *life* and *notes* are what the alive mark tells."""
        self._clock = clock
        self._zone = zone
        self._opening = opening
        self._lock = threading.RLock()
        self._heard: deque[tuple[Report, Moment]] = deque()
        self._entries: list[_Entry] = []
        self._told: list[Outage] | None = None
        self._began_s = clock.monotonic()
        self._start = self._here(clock.read())
        self._life = life
        self._take_over(notes)

    def _here(self, now: Moment) -> _Instant:
        return _Instant(self._clock.boot, now)

    def _take_over(self, notes: Iterable[Any]) -> None:
        """Go on where the life before stopped: its own end is an outage, and cuts those that were open in two."""
        life, gap = self._life, None
        if life is not None:
            is_same_boot = life.boot == self._clock.boot
            last = _Instant(life.boot, life.moment)
            cause = OutageCause.AGENT if is_same_boot else OutageCause.POWER
            gap = _Entry(cause, "agent", life.ending, last, self._start)
            if is_same_boot and self._length_s(gap, self._start.moment) < LEAST_S:
                gap = None
        for note in notes:
            try:
                entry = _Entry.of(note)
            except (ValueError, TypeError) as error:
                log.warning("an outage in the alive mark cannot be read: %s", error)
                continue
            if entry.end is None:
                entry = replace(entry, end=gap.start) if gap is not None else replace(entry, is_resumed=True)
            self._entries.append(entry)
        if gap is not None:
            self._entries.append(gap)

    # -- what happens ------------------------------------------------------------------------------

    def hear(self, report: Report) -> None:
        """Take a change of health; on the reporting thread."""
        self._heard.append((report, self._clock.read()))

    def forget(self, component: str) -> None:
        """*component* is no longer configured: what is gone of it is over."""
        with self._lock:
            self.look()
            self._end(component, self._here(self._clock.read()))

    def look(self) -> None:
        """Enter what was heard."""
        with self._lock:
            while self._heard:
                report, at = self._heard.popleft()
                if report.condition.code not in NO_NEWS:
                    self._enter(report, self._here(at))
            if self._clock.monotonic() - self._began_s > RESUMED_S:
                for entry in [each for each in self._entries if each.is_resumed]:
                    self._end(entry.component, self._start)

    def _enter(self, report: Report, at: _Instant) -> None:
        cause = cause_of(report.component, report.condition)
        is_open = any(each.end is None and each.component == report.component for each in self._entries)
        if cause is None:
            self._end(report.component, at)
        elif is_open:
            self._entries = [
                replace(each, is_resumed=False) if each.component == report.component else each
                for each in self._entries
            ]
        else:
            self._entries.append(_Entry(cause, report.component, report.condition.code, at))

    def _end(self, component: str, at: _Instant) -> None:
        """Close what is open of *component*; what was too short to count is gone."""
        kept = []
        for entry in self._entries:
            if entry.end is None and entry.component == component:
                entry = replace(entry, end=at, is_resumed=False)  # noqa: PLW2901
                if self._length_s(entry, at.moment) < LEAST_S:
                    continue
            kept.append(entry)
        self._entries = kept

    def _length_s(self, entry: _Entry, now: Moment) -> float:
        """How long it surely lasted."""
        end = entry.end or self._here(now)
        if entry.start.boot == end.boot:
            length = end.moment.age - entry.start.moment.age
        else:
            length = end.right(self._clock.boot, now) - entry.start.right(self._clock.boot, now)
        is_vague = entry.component == "agent" and entry.code != Ending.CLEAN
        return length.total_seconds() - (MARK_S if is_vague else 0.0)

    # -- what is told ------------------------------------------------------------------------------

    @property
    def is_complete(self) -> bool:
        """Whether the outages of earlier lives are known here."""
        return self._told is not None

    def recall(self, alerts: Told) -> None:
        """Read what was told before from lane `alert`."""
        since = self._clock.now() - KEEP
        book = Daybook(self._zone)
        for _, _, body in alerts:
            event = json.loads(body)
            book.take(event, body)
            at = moment(event.get("time"))
            if at is not None and at < since and event.get("clock") == ClockQuality.NTP:
                break
        with self._lock:
            self._told, now = book.outages, self._clock.read()
            self._entries = [
                each
                for each in self._entries
                if not any(each.outage(self._clock.boot, now).is_same(other) for other in book.outages)
            ]

    def tell(self, append: Callable[..., object]) -> None:
        """Store what is over, in order.

        Raises:
            TryAgain, PersonMustAct: the outbox refuses; it is told next time.
        """
        with self._lock:
            now = self._clock.read()
            due = list(self._due(now))
        for entry in due:
            outage = entry.outage(self._clock.boot, now)
            is_long_enough = self._length_s(entry, now) >= LEAST_S or not now.quality.is_trusted
            if is_long_enough:
                span = outage.span(now.at)
                data = OutageData.of(outage, until=now.at, opening=self._opening_in(span))
                append(Fact.seen(EventType.ALERT, now, data.payload()))
            with self._lock:
                self._entries.remove(entry)
                if is_long_enough:
                    self._remember(outage, now)

    def _due(self, now: Moment) -> Iterator[_Entry]:
        if self._told is None:
            return
        waited_s = self._clock.monotonic() - self._began_s
        for entry in self._entries:
            if entry.end is not None and (now.quality.is_trusted or waited_s > UNSURE_S):
                yield entry

    def _opening_in(self, span: Span) -> list[Span]:
        first = day_of(span.start, self._zone)
        days = (day_of(span.end, self._zone) - first).days
        return union(part for step in range(days + 1) for part in self._opening(first + timedelta(days=step)))

    def _remember(self, outage: Outage, now: Moment) -> None:
        since = now.at - KEEP
        self._told = [each for each in self._told or () if (each.end or now.at) > since] + [outage]

    def notes(self) -> tuple[Any, ...]:
        """What is open or not yet told, for the alive mark: the newest."""
        with self._lock:
            return tuple(each.note() for each in self._entries[-NOTED:])

    # -- what is asked -----------------------------------------------------------------------------

    def ledger(self, days: int) -> list[Outage]:
        """The outages of the last *days* days in the order of their beginning; those without `end` still are."""
        with self._lock:
            self.look()
            now = self._clock.read()
            since = now.at - timedelta(days=days)
            open_or_new = [
                each.outage(self._clock.boot, now)
                for each in self._entries
                if each.end is None or self._length_s(each, now) >= LEAST_S
            ]
            found = [*(self._told or ()), *open_or_new]
        return sorted((each for each in found if each.end is None or each.end > since), key=lambda each: each.start)


class LedgerService(Service):
    """Works the ledger, once a second."""

    name = "outages"

    def __init__(self, ledger: Ledger, *, append: Callable[..., object], alerts: Callable[[], Told]) -> None:
        """*append* stores facts durably; it and *alerts* raise TryAgain or PersonMustAct."""
        super().__init__()
        self._ledger = ledger
        self._append = append
        self._alerts = alerts
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._turn()
            stop.wait(LOOK_S)
        self._turn()

    def _turn(self) -> None:
        self.progress.beat()
        self._ledger.look()
        try:
            if not self._ledger.is_complete:
                self._ledger.recall(self._alerts())
            self._ledger.tell(self._append)
        except (TryAgain, PersonMustAct) as error:
            if not self._is_refused:
                log.warning("outages cannot be told yet: %s", error)
            self._is_refused = True
        else:
            self._is_refused = False
