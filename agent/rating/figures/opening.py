"""Opening time as spans on one line of time. Pure.

A span is a beginning and an end in UTC: two aware times of one zone are subtracted as if the zone had no summer
time. Sets of spans are lists, sorted and without overlap. What a day's opening hours are is handed in as `HH:MM`
pairs, so holidays and odd days are the business of whoever knows them.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import NamedTuple

Hours = Callable[[datetime], Sequence[tuple[str, str]]]
"""The opening hours of a moment's day, as pairs of `HH:MM` up to `24:00`; none: closed all day."""


class Span(NamedTuple):
    """From `start` up to, and without, `end`."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def day_of(moment: datetime, zone: tzinfo) -> date:
    """The local date of *moment*."""
    return moment.astimezone(zone).date()


def whole_day(day: date, zone: tzinfo) -> Span:
    """From midnight to midnight."""
    return Span(_at(day, "00:00", zone), _at(day, "24:00", zone))


def opening(day: date, zone: tzinfo, hours: Hours) -> list[Span]:
    """When the counter is open on *day*."""
    noon = datetime.combine(day, time(12), zone)
    return union(Span(_at(day, start, zone), _at(day, end, zone)) for start, end in hours(noon))


def _at(day: date, clock: str, zone: tzinfo) -> datetime:
    """The moment at which a local clock shows *clock* (`HH:MM`, up to 24:00) on *day*."""
    hour, minute = map(int, clock.split(":"))
    midnight = datetime.combine(day + timedelta(days=hour // 24), time(hour % 24, minute), zone)
    return midnight.astimezone(UTC)


def union(spans: Iterable[Span]) -> list[Span]:
    """What at least one of *spans* covers."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if joined and start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Span(start, end))
    return joined


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What both sets cover."""
    return union(Span(max(one.start, other.start), min(one.end, other.end)) for one in some for other in others)


def without(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What the first set covers and the second does not."""
    left: list[Span] = []
    nearby = 0
    for start, end in some:
        at = start
        while nearby < len(others) and others[nearby].end <= start:
            nearby += 1
        for other in islice(others, nearby, None):
            if other.start >= end:
                break
            left.append(Span(at, other.start))
            at = other.end
        left.append(Span(at, end))
    return [span for span in left if span.start < span.end]


def total_s(spans: Iterable[Span]) -> float:
    """How long *spans*, which do not overlap, are together."""
    return sum(span.seconds for span in spans)


def longest_without(moments: Iterable[datetime], spans: Sequence[Span]) -> Span | None:
    """The stretch of *spans* that is longest without any of *moments*: what lies between spans neither counts nor ends
    it. None without spans."""
    if not spans:
        return None
    begins = spans[0].start
    longest, longest_s = Span(begins, begins), -1.0
    for at in [*sorted(at for at in moments if begins < at < spans[-1].end), spans[-1].end]:
        quiet_s = total_s(common([Span(begins, at)], spans))
        if quiet_s > longest_s:
            longest, longest_s = Span(begins, at), quiet_s
        begins = at
    return longest
