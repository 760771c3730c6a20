"""The daily summary: one day of a counter in figures. Pure.

The model is what the event says, and its docstrings are the definitions; `docs/figures.md` has their sources. What
tells a share from fewer than 30 ratings is left out (`is_enough` false: "chưa đủ dữ liệu"), and so are the percentages
of the levels then, since they would tell it too.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from pydantic import Field

from agent.data import EventData, Stamp
from agent.rating.figures.daybook import Ballot, Daybook, Stand
from agent.rating.figures.opening import Hours, Span, common, longest_without, opening, total_s, whole_day
from agent.rating.figures.outages import Outage, OutageCause, closed, within
from agent.rating.figures.statistics import ENOUGH, hidden, needed_sample, percent, wilson
from agent.rating.figures.visitors import VisitSum, visits_on
from agent.rating.scale import SCALES, Scale
from agent.surveillance.coverage.coverage import CoverageData


class LevelCount(EventData):
    """How many counted ratings chose a level."""

    count: int
    percent: float | None = None


class Satisfaction(EventData):
    """The share of counted ratings at the scale's satisfied levels; "bình thường" is not satisfied."""

    count: int
    of: int
    is_enough: bool
    """Whether there are 30 ratings; otherwise there is no `percent`."""
    percent: float | None = None
    low: float | None = None
    """The 95 % Wilson interval, in percent; nothing of no ratings."""
    high: float | None = None


class Response(EventData):
    """How many of those who were served rated."""

    transactions: int
    percent: float | None = None
    """Valid ratings per hundred transactions; nothing of no transactions."""
    needed: int
    """Ratings it takes for a margin of 5 %."""


class ChannelCount(EventData):
    raw: int
    valid: int


class Silence(EventData):
    """The longest opening time without any press: what lies between opening hours neither counts nor ends it."""

    seconds: int
    from_: Stamp = Field(serialization_alias="from", validation_alias="from")
    to: Stamp


class Availability(EventData):
    """How much of the opening hours a citizen could rate in: the agent ran and stored, a keypad or the QR was there."""

    opening_s: int
    available_s: int
    percent: float | None = None
    """Nothing of a day without opening hours, or of a counter without a keypad and a QR."""


class OutageSum(EventData):
    count: int
    seconds: int
    opening_s: int
    """How much of it lay in opening hours."""


class HourCount(EventData):
    """Counted ratings begun in this hour of the day; without `count`, it is hidden."""

    hour: int
    count: int | None = None


class Head(EventData):
    """An event of lane `record`, and its chain hash."""

    epoch: str
    seq: int
    hash: str

    @classmethod
    def of(cls, stand: Stand) -> "Head":
        return cls(epoch=stand.epoch, seq=stand.seq, hash=stand.hash)


class Integrity(EventData):
    """What would show that somebody worked on the figures."""

    clock_steps: int
    """How often the clock was set by more than two seconds."""
    keymaps: tuple[str, ...]
    """Hashes of the key maps in use; on a day without presses, of the last day with any."""
    keymap_changes: int
    """How many of them were not in use before."""
    head: Head | None = None
    """The last event in lane `record` when the summary was made."""
    missing: int | None = None
    """Events of that lane since the summary before that were no longer here, so that no figure counts them: the card
    was too small, or `outbox.keep_days` shorter than the day."""


class SummaryData(EventData):
    """`data` of `vn.motcua.summary.v1`: one local date of one counter, told once."""

    date: date
    counter: int
    commune: str
    scale: str
    """The scale of `levels`."""
    scale_hash: str
    raw: int
    """Ratings begun: corrections are part of them."""
    valid: int
    """Of those, the ones without a flag, sticker votes left out: what every other figure counts."""
    flags: dict[str, int]
    """How many ratings carry each flag; one may carry several."""
    channels: dict[str, ChannelCount]
    levels: tuple[LevelCount, ...]
    """By level, 0 the worst."""
    other_scale: int | None = None
    """Valid ratings given on another scale than that of `levels`."""
    satisfied: Satisfaction
    upgrades: int
    """Valid ratings that stand above their first press. Honest counters have about as many downgrades."""
    downgrades: int
    bursts: int
    """Ratings that were pressed in a burst: the mark of somebody who presses for many."""
    response: Response | None = None
    """Where the number of transactions was fed."""
    silence: Silence | None = None
    availability: Availability
    outages: dict[OutageCause, OutageSum]
    coverage: dict[str, CoverageData] | None = None
    """Of each camera by its name; nothing of a counter without."""
    visits: dict[str, VisitSum] | None = None
    """Who came, by the name of the camera that counted; nothing of a counter where none does. Beside `raw` it tells a
    day on which nobody rated from one on which nobody came."""
    low_ratings: int
    """Low-rating alerts of the day."""
    reasons: dict[str, int]
    """How often each of the seven aspects was named in valid ratings."""
    hours: tuple[HourCount, ...]
    late: int | None = None
    """Ratings of earlier days that came after the summary of their day: presses after its hours, votes on their way."""
    integrity: Integrity


Coverage = Callable[[date, datetime], Mapping[str, CoverageData]]
"""How much each camera saw of a date, as far as a moment."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the figures of a counter depend on beside its events."""

    zone: tzinfo
    hours: Hours
    scale: Scale
    inputs: Collection[str]
    """The components through which a citizen can rate (`agent.rating.figures.outages.closed`)."""
    counter: int = 1
    commune: str = ""

    def scale_of(self, ballot: Ballot) -> Scale | None:
        """The scale *ballot* was given on, if it is known here."""
        return next((each for each in (self.scale, *SCALES.values()) if each.hash == ballot.scale_hash), None)


def summarise(
    day: date,
    book: Daybook,
    terms: Terms,
    *,
    outages: Iterable[Outage],
    until: datetime,
    coverage: Mapping[str, CoverageData] | None = None,
    counting: Collection[str] = (),
    before: SummaryData | None = None,
    head: Stand | None = None,
) -> SummaryData:
    """The figures of *day* from everything in *book* and the *outages* that touch it, as far as *until*.

    *before* is the summary told last, if any: it says which key maps were in use, and what it could not know comes
    late. *head* is the last event of lane `record`; *coverage* is what the cameras' own book says of the day, and
    *counting* are the cameras that were to count visits.
    """
    ballots = book.ballots_by_day().get(day, [])
    counted = [ballot for ballot in ballots if ballot.is_counted]
    main, scales = _main_scale(counted, terms), [terms.scale_of(ballot) for ballot in counted]
    judged = [(ballot, scale) for ballot, scale in zip(counted, scales, strict=True) if scale is not None]
    midnight = whole_day(day, terms.zone)
    today = Span(midnight.start, min(midnight.end, until))
    open_spans = opening(day, terms.zone, terms.hours)
    of_today = within(outages, today)
    on_main = Counter(ballot.level for ballot, scale in judged if scale == main)
    is_enough = len(judged) >= ENOUGH
    return SummaryData(
        date=day,
        counter=terms.counter,
        commune=terms.commune,
        scale=main.id,
        scale_hash=main.hash,
        raw=len(ballots),
        valid=len(counted),
        flags=_sorted(Counter(flag for ballot in ballots for flag in ballot.flags)),
        channels=_channels(ballots),
        levels=tuple(
            LevelCount(
                count=on_main[level],
                percent=percent(on_main[level], on_main.total()) if is_enough and on_main.total() else None,
            )
            for level in range(len(main.levels))
        ),
        other_scale=len(counted) - on_main.total() or None,
        satisfied=satisfaction(sum(ballot.level in scale.satisfied for ballot, scale in judged), len(judged)),
        upgrades=sum(ballot.level > ballot.first for ballot in counted),
        downgrades=sum(ballot.level < ballot.first for ballot in counted),
        bursts=sum(ballot.is_burst for ballot in ballots),
        response=_response(len(counted), book.transactions.get(day)),
        silence=_silence((book.right(ballot.said).astimezone(UTC) for ballot in ballots), open_spans),
        availability=availability(of_today, terms.inputs, open_spans, today.end),
        outages=_by_cause(of_today, open_spans),
        coverage=dict(coverage) if coverage else None,
        visits=visits_on(day, book, counting, (before.date, _known(before)) if before is not None else None) or None,
        low_ratings=book.lows_on(day),
        reasons=_sorted(Counter(reason for ballot in counted for reason in ballot.reasons)),
        hours=_hours(Counter(book.right(ballot.said).hour for ballot in counted), open_spans, terms.zone),
        late=_late(book, before),
        integrity=_integrity(day, ballots, book, before=before, head=head),
    )


def satisfaction(count: int, of: int) -> Satisfaction:
    interval = wilson(count, of)
    return Satisfaction(
        count=count,
        of=of,
        is_enough=of >= ENOUGH,
        percent=percent(count, of) if of >= ENOUGH else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def availability(
    outages: Sequence[Outage], inputs: Collection[str], open_spans: Sequence[Span], until: datetime
) -> Availability:
    """The share of the opening time, as far as *until*, in which a citizen could rate."""
    past = common(open_spans, [Span(open_spans[0].start, until)]) if open_spans else []
    open_s = total_s(past)
    lost_s = total_s(common(past, closed(outages, inputs, until))) if inputs else open_s
    share = round(100 * (open_s - lost_s) / open_s, 1) if inputs and open_s else None
    return Availability(opening_s=round(open_s), available_s=round(open_s - lost_s), percent=share)


def _main_scale(counted: Sequence[Ballot], terms: Terms) -> Scale:
    """The scale of the newest rating that was given on a known one; the counter's own on a day without."""
    known = (terms.scale_of(ballot) for ballot in reversed(counted))
    return next((scale for scale in known if scale is not None), terms.scale)


def _channels(ballots: Iterable[Ballot]) -> dict[str, ChannelCount]:
    raw, valid = Counter[str](), Counter[str]()
    for ballot in ballots:
        raw[ballot.channel] += 1
        valid[ballot.channel] += ballot.is_valid
    return {channel: ChannelCount(raw=raw[channel], valid=valid[channel]) for channel in sorted(raw)}


def _response(valid: int, transactions: int | None) -> Response | None:
    if transactions is None:
        return None
    share = percent(valid, transactions) if transactions else None
    return Response(transactions=transactions, percent=share, needed=needed_sample(transactions))


def _silence(moments: Iterable[datetime], open_spans: Sequence[Span]) -> Silence | None:
    found = longest_without(moments, open_spans)
    if found is None:
        return None
    seconds = round(total_s(common([found], open_spans)))
    return Silence.model_validate({"seconds": seconds, "from": found.start, "to": found.end})


def _by_cause(outages: Sequence[Outage], open_spans: Sequence[Span]) -> dict[OutageCause, OutageSum]:
    sums = {}
    for cause in OutageCause:
        spans = [Span(each.start, each.end or each.start) for each in outages if each.cause is cause]
        if spans:
            opening_s = sum(total_s(common([span], open_spans)) for span in spans)
            sums[cause] = OutageSum(count=len(spans), seconds=round(total_s(spans)), opening_s=round(opening_s))
    return sums


def _hours(counts: Counter[int], open_spans: Sequence[Span], zone: tzinfo) -> tuple[HourCount, ...]:
    """The hours in which the counter was open or somebody rated."""
    hours = {span.start.astimezone(zone).hour for span in open_spans}
    for span in open_spans:
        first, last = span.start.astimezone(zone), span.end.astimezone(zone)
        end = last.hour + (last.minute > 0) if last.date() == first.date() else 24
        hours.update(range(first.hour, end))
    cells = {hour: counts[hour] for hour in sorted(hours | set(counts))}
    secret = hidden(cells)
    return tuple(HourCount(hour=hour, count=None if hour in secret else count) for hour, count in cells.items())


def _late(book: Daybook, before: SummaryData | None) -> int | None:
    if before is None:
        return None
    known = _known(before)
    return sum(ballot.place > known and book.day(ballot.said) <= before.date for ballot in book.ballots) or None


def _known(before: SummaryData) -> tuple[str, int]:
    """Where lane `record` ended when the summary *before* was made."""
    head = before.integrity.head
    return (head.epoch, head.seq) if head is not None else ("", 0)


def _missing(book: Daybook, before: SummaryData | None, head: Stand | None) -> int | None:
    if before is None or head is None:
        return None
    epoch, seq = _known(before)
    first = seq if epoch == head.epoch else 0
    here = sum(first < place[1] <= head.seq for place in book.places if place[0] == head.epoch)
    return head.seq - first - here or None


def _integrity(
    day: date, ballots: Sequence[Ballot], book: Daybook, *, before: SummaryData | None, head: Stand | None
) -> Integrity:
    known = before.integrity.keymaps if before is not None else ()
    used = tuple(sorted({ballot.keymap for ballot in ballots if ballot.keymap}))
    return Integrity(
        clock_steps=book.steps_on(day),
        keymaps=used or known,
        keymap_changes=len(set(used) - set(known)) if known else 0,
        head=Head.of(head) if head is not None else None,
        missing=_missing(book, before, head),
    )


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def read_summary(data: Mapping[str, Any]) -> SummaryData | None:
    """A summary out of an event's data; None when it is of a version that this one cannot read."""
    try:
        return SummaryData.model_validate(data)
    except ValueError:
        return None
