"""The bookkeeper: tells each day's summary once, and the low-rating alert when its rule begins to hold.

A day is summarised when it is over for the figures: a bucket after its last opening hour, as soon as the ballot box
holds nothing more; a day without opening hours, and one whose votes wait for company, a bucket after midnight,
when the box has let them go (with `PATIENCE_S` for a counter that never closes and so never holds nothing). Only by
a clock that is to be believed: which day it is must not be guessed. The event itself is the mark that the day
was told: it is read from lane `metric` at the start, so a power cut at any instant leaves a day told or to be told.
Days that passed while the agent was off follow at the next start, each from the events of its own date.

The alert's rule walks along lane `record`, which is written when the ballot box releases and never at a press; the
alert says how far it had walked, and the next life goes on from there.

One thread. What the outbox refuses is tried again; nothing here stands in the way of a rating.
"""

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import takewhile
from typing import Any, Literal

from agent.clock import Clock, ClockQuality
from agent.data import EventData
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact, Lane
from agent.rating.figures.daybook import METRIC, RATING, SUMMARY, UNINDEXED, Daybook
from agent.rating.figures.ledger import Ledger
from agent.rating.figures.opening import day_of, opening, whole_day
from agent.rating.figures.statistics import LowRatings
from agent.rating.figures.summary import Coverage, SummaryData, Terms, read_summary, summarise
from agent.readings import moment
from agent.service import Service

log = logging.getLogger(__name__)

LOOK_S = 1.0
MARGIN_S = 60.0
"""After a bucket's end, for the ballot box to release it."""
PATIENCE_S = 600.0
"""After midnight, for a box that still holds something."""
MOST_DAYS = 31
"""So many missed days are told; of older ones the events themselves have to tell."""
BACK = timedelta(days=1)
"""Events are read so much further back than the day that is asked for: lanes are only roughly in order of time."""
WARM = 200
"""Rows of lane `record` that are read at the start for the low-rating rule."""

Row = tuple[str, int, bytes]
"""Epoch, number and bytes of an event."""
NOTHING, EVERYTHING = ("", 0), ("~", 0)
"""Places before and after all events."""


class LowRatingsData(EventData):
    """An `alert`: at least 3 of the last 20 valid ratings are of the lowest level. Told when that begins."""

    code: Literal["LOW_RATINGS"] = "LOW_RATINGS"
    lowest: int
    of: int
    epoch: str
    upto: int
    """The number in lane `record` with which it began to hold."""


class TransactionsData(EventData):
    """A `metric`: how many people were served on a date, by count only."""

    code: Literal["TRANSACTIONS"] = "TRANSACTIONS"
    date: date
    count: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """The store of events, as the bookkeeper uses it; all raise TryAgain."""

    append: Callable[..., object]
    newest_first: Callable[[Lane], Iterable[Row]]
    last: Callable[[Lane], tuple[str, int]]
    """Epoch and number of a lane's newest event."""


class Bookkeeper(Service):
    """Makes figures of what was told."""

    name = "bookkeeper"
    patience_s = 60.0
    """A month of missed days on a slow card takes its time."""

    def __init__(
        self,
        terms: Terms,
        lanes: Lanes,
        *,
        ledger: Ledger,
        clock: Clock,
        held: Callable[[], int] = lambda: 0,
        bucket_s: float = 0.0,
        coverage: Coverage = lambda _day, _until: {},
        counting: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """*held*: how many votes wait in the ballot box; *bucket_s*: how long one of its buckets is; *coverage*: what
        the cameras missed of a date, as far as a moment; *counting*: the cameras that count visits."""
        super().__init__()
        self._terms = terms
        self._lanes = lanes
        self._ledger = ledger
        self._clock = clock
        self._held = held
        self._coverage = coverage
        self._counting = counting
        self._bucket = timedelta(seconds=bucket_s + MARGIN_S)
        self._rule: LowRatings | None = None
        self._walked = NOTHING
        self._newest: SummaryData | None = None
        self._next: date | None = None
        """The day to be told next, once the calendar was read."""
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.progress.beat()
            self._turn(stop)
            stop.wait(LOOK_S)

    def _turn(self, stop: threading.Event) -> None:
        try:
            self._walk()
            self._look_at_calendar(stop)
        except (TryAgain, PersonMustAct) as error:
            self._rule = None
            if not self._is_refused:
                log.warning("the figures cannot be kept for now: %s", error)
            self._is_refused = True
        else:
            self._is_refused = False

    # -- low ratings -------------------------------------------------------------------------------

    def _walk(self) -> None:
        """Go on along lane `record`, if there is more of it."""
        if self._rule is None:
            self._rule = self._warmed_up()
        elif self._lanes.last(Lane.RECORD) != self._walked:
            rows = self._newest_records(lambda row: row[:2] == self._walked or row[0] != self._walked[0])
            for began in self._began(self._rule, rows):
                self._alert(self._rule, began)

    def _warmed_up(self) -> LowRatings:
        """Learn how the newest ratings are; tell what began since the last alert and still holds."""
        rule, left = LowRatings(), iter(range(WARM))
        self._walked = self._lanes.last(Lane.RECORD)
        rows = self._newest_records(lambda _: next(left, None) is None)
        began = list(self._began(rule, rows))
        if began and rule.holds and began[-1][:2] > self._last_alert():
            self._alert(rule, began[-1])
        return rule

    def _newest_records(self, is_enough: Callable[[Row], bool]) -> list[Row]:
        """The newest rows of lane `record`, in order, without the first that *is_enough* and all before it."""
        rows = list(takewhile(lambda row: not is_enough(row), self._lanes.newest_first(Lane.RECORD)))
        if rows:
            self._walked = rows[0][:2]
        return rows[::-1]

    def _began(self, rule: LowRatings, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows with which the rule began to hold; one at a time, the rule stands at it."""
        for row in rows:
            event = json.loads(row[2])
            data = event["data"]
            is_counted = event["type"] == RATING and data.get("valid") and data.get("channel") != UNINDEXED
            if is_counted and rule.take(event["id"], data["level"], corrects=data.get("corrects")):
                yield row

    def _last_alert(self) -> tuple[str, int]:
        for _, _, body in self._newest_until(Lane.ALERT, b"LOW_RATINGS", days=MOST_DAYS):
            data = json.loads(body)["data"]
            if data.get("code") == "LOW_RATINGS":
                return data["epoch"], data["upto"]
        return NOTHING

    def _alert(self, rule: LowRatings, row: Row) -> None:
        data = LowRatingsData(lowest=rule.lowest, of=rule.size, epoch=row[0], upto=row[1])
        self._lanes.append(Fact.seen(EventType.ALERT, self._clock.read(), data.payload()))

    # -- days --------------------------------------------------------------------------------------

    def _look_at_calendar(self, stop: threading.Event) -> None:
        now = self._clock.read()
        if not (now.quality.is_trusted and self._ledger.is_complete):
            return
        oldest = day_of(now.at, self._terms.zone) - timedelta(days=MOST_DAYS)
        if self._next is None:
            self._newest = self._told_last()
            self._next = self._first(oldest)
        if self._is_over(day := max(self._next, oldest)):
            self._tell_from(day, stop)

    def _first(self, oldest: date) -> date:
        """The first day that is not told yet: after the newest summary, or that of the first event."""
        if self._newest is not None:
            return self._newest.date + timedelta(days=1)
        today = oldest + timedelta(days=MOST_DAYS)
        return min([today, *(day for day in self._book(oldest).days() if day >= oldest)])

    def _is_over(self, day: date) -> bool:
        now = self._clock.now().astimezone(UTC)
        midnight = whole_day(day, self._terms.zone).end
        spans = opening(day, self._terms.zone, self._terms.hours)
        if now < (spans[-1].end if spans else midnight) + self._bucket:
            return False
        return self._held() == 0 or now >= midnight + self._bucket + timedelta(seconds=PATIENCE_S)

    def _tell_from(self, day: date, stop: threading.Event) -> None:
        """Tell *day* and every further one that is over, in order."""
        book = self._book(day)
        outages = self._ledger.ledger(MOST_DAYS + 1)
        while self._is_over(day) and not stop.is_set():
            now = self._clock.read()
            data = summarise(
                day,
                book,
                self._terms,
                outages=outages,
                until=now.at,
                coverage=self._coverage(day, now.at),
                counting=self._counting(),
                before=self._newest,
                head=book.head,
            )
            self._lanes.append(Fact.seen(EventType.SUMMARY, now, data.payload()))
            log.info("the summary of %s is made", day)
            self.progress.beat()
            day += timedelta(days=1)
            self._newest, self._next = data, day

    def _book(self, first: date) -> Daybook:
        """The events from *first* on, and those that came after the newest summary."""
        book = Daybook(self._terms.zone)
        head = self._newest.integrity.head if self._newest is not None else None
        known = (head.epoch, head.seq) if head is not None else NOTHING
        days = (day_of(self._clock.now(), self._terms.zone) - first + BACK).days
        rows = list(self._newest_until(Lane.RECORD, b"", days=days, known=known))
        rows += self._newest_until(Lane.METRIC, METRIC.encode(), days=days)
        rows += self._newest_until(Lane.ALERT, b"", days=days)
        for _, _, body in reversed(rows):
            book.take(json.loads(body), body)
        return book

    def _told_last(self) -> SummaryData | None:
        """The newest summary in the lane."""
        for _, _, body in self._newest_until(Lane.METRIC, SUMMARY.encode(), days=2 * MOST_DAYS):
            data: dict[str, Any] = json.loads(body)["data"]
            found = read_summary(data)
            if found is not None:
                return found
        return None

    def _newest_until(self, lane: Lane, word: bytes, *, days: int, known: tuple[str, int] = ("", 0)) -> Iterator[Row]:
        """The rows of *lane* with *word* in them, the newest first: so many days back, and all that are not *known*."""
        since = self._clock.now() - timedelta(days=days)
        for number, row in enumerate(self._lanes.newest_first(lane)):
            if word in row[2]:
                yield row
            if number % 100:
                continue
            self.progress.beat()
            event = json.loads(row[2])
            at = moment(event.get("time"))
            if at is not None and at < since and event.get("clock") == ClockQuality.NTP and row[:2] <= known:
                return
