from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.settings.hours import DAYS, Hours, office_hours

MONDAY = datetime(2026, 8, 31, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


def week(**days: list[str]) -> Hours:
    return Hours.model_validate({name.replace("_", "-"): spans for name, spans in days.items()})


def at(day: int, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute))


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        (0, "06:59", False),
        (0, "07:00", True),
        (0, "11:29", True),
        (0, "11:30", False),
        (0, "13:30", True),
        (0, "17:00", False),
        (4, "16:59", True),
        (5, "08:00", False),
        (6, "08:00", False),
    ],
)
def test_office_hours_are_open_from_the_first_minute_until_before_the_last(day: int, clock: str, is_open: bool) -> None:
    assert office_hours().is_open(at(day, clock)) is is_open


def test_a_day_may_last_until_midnight() -> None:
    hours = week(mon=["00:00-24:00"])
    assert hours.is_open(at(0, "00:00"))
    assert hours.is_open(at(0, "23:59"))
    assert not hours.is_open(at(1, "00:00"))


def test_a_range_of_days_may_cross_the_end_of_the_week() -> None:
    assert list(week(sat_mon=["07:00-08:00"]).root) == ["mon", "sat", "sun"]


def test_the_same_week_written_in_two_ways_is_equal() -> None:
    first = week(mon_tue=["07:00-11:00"], tue=["13:00-14:00"])
    second = week(tue=["13:00-14:00", "07:00-11:00"], mon=["07:00-11:00"], sun=[])
    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize(
    "days",
    [
        {"mon-fri": ["07:00-12:00"], "fri": ["11:59-13:00"]},
        {"mon": ["07:00-12:00", "07:00-12:00"]},
        {"mon": ["12:00-12:00"]},
        {"mon": ["24:00-24:00"]},
        {"mon": ["7:00-12:00"]},
        {"mon-": []},
        {"mon-fri-sat": []},
        {"Mon": []},
        {},
    ],
)
def test_a_week_that_makes_no_sense_is_refused(days: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        Hours.model_validate(days)


@settings(deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440)), max_size=12),
    day=st.integers(0, 6),
    minute=st.integers(0, 1439),
)
def test_open_is_exactly_what_one_of_the_spans_covers(spans: list[tuple[int, int, int]], day: int, minute: int) -> None:
    taken: list[tuple[int, int, int]] = []
    for span in spans:
        if span[1] < span[2] and not any(span[0] == d and span[1] < e and s < span[2] for d, s, e in taken):
            taken.append(span)
    days: dict[str, list[str]] = {name: [] for name in DAYS}
    for number, start, end in taken:
        days[DAYS[number]].append(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
    expected = any(d == day and start <= minute < end for d, start, end in taken)
    assert Hours.model_validate(days).is_open(MONDAY + timedelta(days=day, minutes=minute)) is expected
