"""What an inspector is shown of the last thirty days: figures by the same definitions as the daily summary's. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.rating.figures.daybook import Daybook
from agent.rating.figures.opening import Span, common, day_of, opening, total_s, whole_day
from agent.rating.figures.outages import Outage, OutageCause, within
from agent.rating.figures.summary import Availability, Satisfaction, Terms, availability, satisfaction

DAYS = 30


@dataclass(frozen=True, slots=True)
class OutageTotal:
    """All outages of one cause."""

    count: int
    opening_s: float
    """How long of it the counter was open."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Thirty days of one counter."""

    raw: int
    valid: int
    flags: Mapping[str, int]
    satisfied: Satisfaction
    outages: Mapping[OutageCause, OutageTotal]
    availability: Availability


def findings(book: Daybook, outages: Iterable[Outage], terms: Terms, *, until: datetime) -> Findings:
    """The figures of the `DAYS` local dates up to *until*; *book* and *outages* hold what happened in them."""
    today = day_of(until, terms.zone)
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    span = Span(whole_day(days[0], terms.zone).start, until)
    by_day = book.ballots_by_day()
    ballots = [ballot for day in days for ballot in by_day.get(day, [])]
    counted = [ballot for ballot in ballots if ballot.is_counted]
    judged = [(ballot, scale) for ballot in counted if (scale := terms.scale_of(ballot)) is not None]
    open_spans = [each for day in days for each in opening(day, terms.zone, terms.hours)]
    parts = within(outages, span)
    totals: dict[OutageCause, OutageTotal] = {}
    for cause in OutageCause:
        spans = [outage.span(until) for outage in parts if outage.cause is cause]
        if spans:
            totals[cause] = OutageTotal(len(spans), sum(total_s(common([each], open_spans)) for each in spans))
    return Findings(
        raw=len(ballots),
        valid=len(counted),
        flags=dict(sorted(Counter(flag for ballot in ballots for flag in ballot.flags).items())),
        satisfied=satisfaction(sum(ballot.level in scale.satisfied for ballot, scale in judged), len(judged)),
        outages=totals,
        availability=availability(parts, terms.inputs, open_spans, until),
    )
