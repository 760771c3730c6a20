"""What share of the opening hours there is valid video of, held to a truth that is counted second by second."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rating.figures.opening import Span, union
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.coverage import LONGEST, CoverageData, Loss, coverage, gaps, on_card

START = datetime(2026, 9, 1, tzinfo=UTC)
LAST = 120


def seconds(first: int, last: int) -> Span:
    return Span(START + timedelta(seconds=first), START + timedelta(seconds=last))


SPAN = st.tuples(st.integers(0, LAST), st.integers(0, LAST)).map(lambda pair: seconds(*sorted(pair)))
SPANS = st.lists(SPAN, max_size=5)
LOSSES = st.lists(st.builds(Loss, st.sampled_from(Cause), SPAN), max_size=14)
ORDER = list(Cause)


def truth(losses: list[Loss], opening: list[Span]) -> list[Cause | None]:
    """Of every second, why there is no valid video; None: there is, or nobody asks. Counted one by one."""
    causes: list[Cause | None] = []
    for second in range(LAST):
        at = START + timedelta(seconds=second)
        here = [loss.cause for loss in losses if loss.span.start <= at < loss.span.end]
        is_open = any(span.start <= at < span.end for span in opening)
        causes.append(min(here, key=ORDER.index) if here and is_open else None)
    return causes


@settings(deadline=None)
@given(LOSSES, SPANS)
def test_every_second_of_a_gap_has_its_strongest_cause_and_every_other_second_none(
    losses: list[Loss], spans: list[Span]
) -> None:
    opening = union(spans)
    found = gaps(losses, opening)
    assert truth(found, opening) == truth(losses, opening)
    assert all(one.span.end <= other.span.start for one, other in pairwise(found))


@settings(deadline=None)
@given(LOSSES, SPANS)
def test_the_figures_are_those_of_the_seconds(losses: list[Loss], spans: list[Span]) -> None:
    opening = union(spans)
    open_s = sum(span.seconds for span in opening)
    causes = truth(losses, opening)
    told = coverage(losses, opening)
    lost = [cause for cause in causes if cause is not None]
    assert (told.opening_s, told.valid_s) == (open_s, open_s - len(lost))
    assert {cause: each.seconds for cause, each in told.gaps.items()} == {cause: lost.count(cause) for cause in lost}
    assert (told.percent is None) is (open_s == 0)
    if told.percent is not None:
        assert told.percent == pytest.approx(100 * (1 - len(lost) / open_s), abs=0.01)
    assert sum(each.count for each in told.gaps.values()) >= len(told.longest)
    assert len(told.longest) <= LONGEST


@settings(deadline=None)
@given(SPANS, SPANS, SPANS)
def test_what_expired_is_never_taken_for_what_was_never_recorded(
    there: list[Span], expired: list[Span], spans: list[Span]
) -> None:
    told = on_card(there, expired, union(spans))
    seen = {"there": 0, "expired": 0, "never": 0}
    for second in range(LAST):
        at = START + timedelta(seconds=second)
        is_in = [any(span.start <= at < span.end for span in each) for each in (spans, there, expired)]
        if is_in[0]:
            seen["there" if is_in[1] else "expired" if is_in[2] else "never"] += 1
    assert (told.there_s, told.expired_s, told.never_s) == tuple(seen.values())


def test_a_covered_camera_whose_cable_is_pulled_too_is_two_causes_one_after_the_other() -> None:
    losses = [Loss(Cause.TAMPER, seconds(10, 60)), Loss(Cause.NETWORK, seconds(30, 40))]
    assert gaps(losses, [seconds(0, 100)]) == [
        Loss(Cause.TAMPER, seconds(10, 30)),
        Loss(Cause.NETWORK, seconds(30, 40)),
        Loss(Cause.TAMPER, seconds(40, 60)),
    ]


def test_the_longest_gaps_are_told_one_by_one_and_all_are_in_the_sums() -> None:
    losses = [Loss(Cause.STALL, seconds(8 * step, 8 * step + (2 if step % 2 else 5))) for step in range(14)]
    told = coverage(losses, [seconds(0, LAST)])
    assert told.gaps[Cause.STALL].count == 14
    assert [round((gap.to - gap.from_).total_seconds()) for gap in told.longest].count(5) == 7
    assert list(told.longest) == sorted(told.longest, key=lambda gap: gap.from_)


def test_a_day_without_opening_hours_has_no_share() -> None:
    assert coverage([Loss(Cause.POWER, seconds(0, 9))], []) == CoverageData(opening_s=0, valid_s=0, gaps={})
