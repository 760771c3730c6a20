"""Visitors: what a day's `visit` events add up to, beside the day's ratings and never joined with them. Pure.

Many came and nobody rated, or nobody came at all: a day says which, by numbers that its events have told before. Of
each camera by itself, for several may see the same person.
"""

from collections.abc import Collection
from datetime import date
from statistics import median

from agent.data import EventData
from agent.rating.figures.daybook import Call, Daybook


class VisitSum(EventData):
    """Who came, as one camera told it."""

    count: int
    """Visits whose beginning was seen."""
    unseen: int | None = None
    """Those whose beginning was not, since the camera, its view or the agent was away: one may go on in another."""
    minutes: float | None = None
    """The length of the middle one, of those that were seen from beginning to end; nothing of fewer than three."""
    late: int | None = None
    """Visits of earlier days that were told after the summary of their day."""


LEAST = 3
"""So many have a middle one."""


def visits_on(
    day: date, book: Daybook, cameras: Collection[str], before: tuple[date, tuple[str, int]] | None
) -> dict[str, VisitSum]:
    """Who came on *day*, to each of *cameras*, which were to count, and to others that told of visits.

    *before*: the date of the summary told last, and where lane `record` ended when it was made.
    """
    calls = [(book.day(call.said), call) for call in book.calls]
    found = {}
    for camera in sorted({*cameras, *(call.camera for at, call in calls if at == day)}):
        here = [(at, call) for at, call in calls if call.camera == camera]
        today = [call for at, call in here if at == day]
        late = sum(before is not None and at <= before[0] and call.place > before[1] for at, call in here)
        found[camera] = _sum(today, late)
    return found


def _sum(calls: list[Call], late: int) -> VisitSum:
    seen = sum(call.is_begin_seen for call in calls)
    lengths = [call.length_s for call in calls if call.is_begin_seen and call.is_end_seen]
    return VisitSum(
        count=seen,
        unseen=len(calls) - seen or None,
        minutes=round(median(lengths) / 60, 1) if len(lengths) >= LEAST else None,
        late=late or None,
    )
