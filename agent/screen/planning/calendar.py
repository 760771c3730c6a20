"""The office calendar: whether the counter is open at a moment, and when that changes. Pure, but for the almanac.

The one place between the hours of a week and whoever asks for opening time: the desk, the figures, the ledger of
outages, the cameras, the screen and its panel. What a day's hours are, in this order:

1. a day that the settings name has the hours they give it, or is closed;
2. a public holiday is closed;
3. a weekend's day that is worked in the place of another has the hours of the last weekday before it that has any;
4. any other day has the hours of its weekday.

Moments are compared on one line of time (`agent.rating.figures.opening`), so a zone with summer time is no exception.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.rating.figures.opening import Span, day_of, opening, union
from agent.screen.planning.almanac import Almanac, vietnam
from agent.settings.holidays import Holidays
from agent.settings.hours import DAYS, Hours, pairs

FAR = timedelta(days=400)
"""How far ahead an opening is looked for: the longest leave is shorter."""
NEAR = timedelta(days=8)
"""How far ahead a closing is looked for: who is open that long never closes."""
ONE_DAY = timedelta(days=1)
NO_TIME = timedelta()


class Office(NamedTuple):
    """How the office is at a moment."""

    is_open: bool
    until: datetime | None
    """When it closes, or, closed, opens next, in the counter's zone; None: not in sight."""
    day_off: str | None
    """The name of the holiday that this day is, perhaps empty; None: an ordinary day."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The opening time of one counter."""

    hours: Hours
    holidays: Holidays
    zone: ZoneInfo
    language: str = "vi"

    def spans(self, moment: datetime) -> list[tuple[str, str]]:
        """The opening hours of *moment*'s day in the counter's zone, as pairs of `HH:MM`, in order."""
        return self.hours_on(moment.astimezone(self.zone).date())

    def hours_on(self, day: date) -> list[tuple[str, str]]:
        """The opening hours of *day*, as pairs of `HH:MM`, in order."""
        own = self.holidays.of(day)
        if own is not None:
            return pairs(own.hours)
        year = self._year(day)
        if day in year.off:
            return []
        weekday = day.weekday()
        if day in year.worked:
            weekday = next((each for each in range(weekday - 1, -1, -1) if self.hours.root.get(DAYS[each])), weekday)
        return pairs(self.hours.root.get(DAYS[weekday], ()))

    def day_off(self, day: date) -> str | None:
        """The name of the holiday that *day* is, perhaps empty; None: none, or the counter is open all the same."""
        own = self.holidays.of(day)
        if own is not None:
            return None if own.hours else own.name or self._year(day).off.get(day, "")
        return self._year(day).off.get(day)

    def is_decreed(self, year: int) -> bool:
        """Whether that year's public holidays, where they are kept, are known with what was decreed for it."""
        return not self.holidays.is_vietnamese or vietnam(year, self.language).is_decreed

    def opening(self, day: date) -> list[Span]:
        """When the counter is open on *day*, in UTC."""
        return opening(day, self.zone, self.spans)

    def is_open(self, moment: datetime) -> bool:
        """Whether the counter is open at *moment*, of any zone."""
        return any(start <= moment < end for start, end in self.opening(day_of(moment, self.zone)))

    def office(self, moment: datetime, *, early: timedelta = NO_TIME, late: timedelta = NO_TIME) -> Office:
        """How the office is at *moment*, were it opened so much earlier and closed so much later than it is."""
        day_off = self.day_off(day_of(moment, self.zone))
        for start, end in self._spans_from(moment, early, late):
            if moment < start:
                return Office(is_open=False, until=self._seen(start), day_off=day_off)
            if moment < end:
                is_in_sight = end - moment < NEAR
                return Office(is_open=True, until=self._seen(end) if is_in_sight else None, day_off=day_off)
        return Office(is_open=False, until=None, day_off=day_off)

    def _spans_from(self, moment: datetime, early: timedelta, late: timedelta) -> Iterator[Span]:
        """The joined spans that end after *moment*, in order, as far as anybody looks."""
        day = day_of(moment - late, self.zone) - ONE_DAY
        last = day_of(moment + FAR, self.zone)
        joined: list[Span] = []
        while day <= last:
            wider = [Span(start - early, end + late) for start, end in self.opening(day)]
            joined = [span for span in union([*joined, *wider]) if span.end > moment]
            day += ONE_DAY
            # What another day may still join on to is not told yet, but for who never closes.
            settled = [span for span in joined if span.end < datetime.combine(day, _MIDNIGHT, self.zone) - early]
            yield from settled
            joined = joined[len(settled) :]
            if joined and joined[0].end - moment >= NEAR:
                break
        yield from joined

    def _seen(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def _year(self, day: date) -> Almanac:
        return vietnam(day.year, self.language) if self.holidays.is_vietnamese else _ORDINARY


_MIDNIGHT = datetime.min.time()
_ORDINARY = Almanac()
