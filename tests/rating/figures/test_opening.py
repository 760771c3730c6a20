"""Opening time on one line of time: days, spans, what lies in both, and the longest silence."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rating.figures.opening import (
    Span,
    common,
    day_of,
    longest_without,
    opening,
    total_s,
    union,
    whole_day,
    without,
)
from agent.settings.hours import office_hours

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2026, 9, 1, tzinfo=UTC)


def minutes(first: int, last: int) -> Span:
    return Span(START + timedelta(minutes=first), START + timedelta(minutes=last))


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: minutes(*pair)), max_size=8)


def covered(spans: list[Span]) -> set[int]:
    """The minutes that *spans* cover, counted one by one."""
    return {
        minute
        for minute in range(61)
        if any(span.start <= START + timedelta(minutes=minute) < span.end for span in spans)
    }


@settings(deadline=None)
@given(SPANS, SPANS)
def test_spans_are_joined_and_met_as_sets_of_minutes_are(some: list[Span], others: list[Span]) -> None:
    one, other = union(some), union(others)
    assert covered(one) == covered(some)
    assert total_s(one) == 60 * len(covered(some))
    assert covered(common(one, other)) == covered(some) & covered(others)
    assert covered(without(one, other)) == covered(some) - covered(others)
    assert all(first.end < second.start for first, second in pairwise(one))


def test_office_hours_are_two_spans_and_a_sunday_has_none() -> None:
    hours = office_hours().spans
    assert [span.seconds for span in opening(date(2026, 9, 1), ZONE, hours)] == [4.5 * 3600, 3.5 * 3600]
    assert opening(date(2026, 9, 6), ZONE, hours) == []


def test_a_counter_that_never_closes_is_open_from_midnight_to_midnight() -> None:
    day = date(2026, 9, 1)
    assert opening(day, ZONE, lambda _: [("00:00", "24:00")]) == [whole_day(day, ZONE)]


def test_a_day_ends_at_its_own_midnight() -> None:
    end = whole_day(date(2026, 9, 1), ZONE).end
    assert day_of(end - timedelta(microseconds=1), ZONE) == date(2026, 9, 1)
    assert day_of(end, ZONE) == date(2026, 9, 2)


def test_a_day_of_summer_time_is_an_hour_shorter() -> None:
    assert whole_day(date(2026, 3, 29), ZoneInfo("Europe/Berlin")).seconds == 23 * 3600


@pytest.mark.parametrize(
    ("pressed", "longest"),
    [
        ([], (0, 30)),
        ([5, 8], (8, 30)),
        ([9, 21, 25], (0, 9)),  # not 9 to 21: the break counts nothing
        ([3, 27], (3, 27)),  # 7 minutes before the break and 7 after it: the break ends no silence
        ([-5, 40], (0, 30)),
    ],
)
def test_the_longest_silence_counts_opening_time_only(pressed: list[int], longest: tuple[int, int]) -> None:
    spans = [minutes(0, 10), minutes(20, 30)]
    found = longest_without([START + timedelta(minutes=each) for each in pressed], spans)
    assert found == minutes(*longest)


def test_a_day_without_opening_hours_has_no_silence() -> None:
    assert longest_without([START], []) is None
