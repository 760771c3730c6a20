"""Coverage: for how much of the opening hours there is valid video, and why not for the rest. Pure.

Video is valid where the key frames were decoded whole, the view was not tampered with, and, of a camera that is
recorded, it was recorded. What is told is what was lost: spans, each with its cause, which may overlap and need not
come in order. Every instant of a gap has one cause, the strongest (`Cause`); what is in no span was valid.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import Field

from agent.data import EventData, Stamp
from agent.rating.figures.opening import Span, common, total_s, union, without
from agent.surveillance.cause import Cause

LONGEST = 10
"""So many gaps of a day are told one by one."""


class Loss(NamedTuple):
    """No valid video in `span`, because of `cause`."""

    cause: Cause
    span: Span


def gaps(losses: Iterable[Loss], opening: Sequence[Span]) -> list[Loss]:
    """What was lost of *opening*, in order and without overlap, each gap as long as its one cause lasted."""
    by_cause: dict[Cause, list[Span]] = {}
    for loss in losses:
        by_cause.setdefault(loss.cause, []).append(loss.span)
    taken: list[Span] = []
    found: list[Loss] = []
    for cause in Cause:
        spans = common(union(by_cause.get(cause, ())), opening)
        found += (Loss(cause, span) for span in without(spans, taken))
        taken = union([*taken, *spans])
    return sorted(found, key=lambda loss: loss.span)


class GapSum(EventData):
    count: int
    seconds: float


class GapData(EventData):
    cause: Cause
    from_: Stamp = Field(serialization_alias="from", validation_alias="from")
    to: Stamp

    @classmethod
    def of(cls, gap: Loss) -> "GapData":
        return cls.model_validate({"cause": gap.cause, "from": gap.span.start, "to": gap.span.end})


class RecordedData(EventData):
    """What became of the opening hours on the card."""

    there_s: int
    """Can be played."""
    expired_s: int
    """Was recorded, and has been let go to make room or because of its age."""
    never_s: int
    """Was never recorded."""


class CoverageData(EventData):
    """How much of the opening hours there is valid video of, from one camera."""

    opening_s: int
    """From when the camera was first fitted."""
    valid_s: float
    percent: float | None = None
    """Nothing of a day without opening hours."""
    gaps: dict[Cause, GapSum]
    longest: tuple[GapData, ...] = ()
    """The longest gaps, in the order of time."""
    recorded: RecordedData | None = None
    """Of a camera that is recorded."""


def coverage(losses: Iterable[Loss], opening: Sequence[Span], recorded: RecordedData | None = None) -> CoverageData:
    """The figures of *opening*, the past opening hours in which the camera was fitted."""
    found = gaps(losses, opening)
    open_s = total_s(opening)
    valid_s = open_s - sum(gap.span.seconds for gap in found)
    longest = sorted(found, key=lambda gap: -gap.span.seconds)[:LONGEST]
    sums = {cause: [gap.span.seconds for gap in found if gap.cause is cause] for cause in Cause}
    return CoverageData(
        opening_s=round(open_s),
        valid_s=round(valid_s, 1),
        percent=round(100 * valid_s / open_s, 2) if open_s else None,
        gaps={cause: GapSum(count=len(each), seconds=round(sum(each), 1)) for cause, each in sums.items() if each},
        longest=tuple(GapData.of(gap) for gap in sorted(longest, key=lambda gap: gap.span)),
        recorded=recorded,
    )


def on_card(there: Iterable[Span], expired: Iterable[Span], opening: Sequence[Span]) -> RecordedData:
    """What became of *opening*: spans that can be played, spans that could be, and the rest."""
    here = common(union(there), opening)
    gone = without(common(union(expired), opening), here)
    here_s, gone_s = total_s(here), total_s(gone)
    never_s = total_s(opening) - here_s - gone_s
    return RecordedData(there_s=round(here_s), expired_s=round(gone_s), never_s=round(never_s))
