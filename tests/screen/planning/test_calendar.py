"""The office calendar: the week, public holidays, decreed swaps and a counter's own days, at every minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rating.figures.opening import Span, day_of, union
from agent.screen.planning.almanac import vietnam
from agent.screen.planning.calendar import Calendar, Office
from agent.settings.hours import DAYS, Hours, office_hours
from agent.settings.model import Counter

VIETNAM, BERLIN = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin")


def calendar(holidays: object = "vn", *, hours: Hours | None = None, zone: str = "Asia/Ho_Chi_Minh") -> Calendar:
    counter = {"province": "40", "agent": "na-0123", "holidays": holidays, "timezone": zone}
    return Counter.model_validate({**counter, "hours": hours or office_hours()}).calendar


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def test_an_ordinary_day_has_the_hours_of_its_weekday() -> None:
    office = calendar()
    assert office.is_open(at("2027-02-01 07:00"))
    assert not office.is_open(at("2027-02-01 11:30"))
    assert office.is_open(at("2027-02-01 13:30"))
    assert not office.is_open(at("2027-02-07 08:00"))
    assert office.day_off(date(2027, 2, 1)) is None


def test_the_counter_is_closed_on_public_holidays_lunar_ones_included() -> None:
    office = calendar()
    assert [day for day in range(1, 13) if not office.is_open(at(f"2027-02-{day:02} 08:00"))] == [4, 5, 6, 7, 8, 9, 10]
    assert office.day_off(date(2027, 2, 6)) == "Tết Nguyên Đán"
    assert office.day_off(date(2027, 4, 16)) == "Ngày Giỗ Tổ Hùng Vương"
    assert office.day_off(date(2027, 9, 2)) == "Quốc khánh"


def test_whoever_keeps_no_holidays_is_open_on_them() -> None:
    office = calendar("none")
    assert office.is_open(at("2027-02-05 08:00"))
    assert office.day_off(date(2027, 2, 5)) is None
    assert office.is_decreed(2090)


def test_a_day_worked_in_place_of_another_has_the_hours_of_a_working_day() -> None:
    """Monday 31 August 2026 was off between two days off, and Saturday the 22nd was worked for it."""
    short_saturdays = Hours.model_validate({"mon-fri": ["07:00-11:30", "13:30-17:00"], "sat": ["07:30-10:00"]})
    for hours in (office_hours(), short_saturdays):
        office = calendar(hours=hours)
        assert not office.is_open(at("2026-08-31 08:00"))
        assert office.spans(at("2026-08-22 00:00")) == [("07:00", "11:30"), ("13:30", "17:00")]
        assert office.day_off(date(2026, 8, 22)) is None
    assert calendar(hours=short_saturdays).spans(at("2026-08-29 00:00")) == [("07:30", "10:00")]


def test_a_day_of_ones_own_goes_before_the_public_ones() -> None:
    own = [
        "vn",
        "2027-03-09",
        {"date": "2027-03-10", "name": "Ngày truyền thống"},
        {"date": "2027-02-04", "hours": ["07:00-11:30"]},
    ]
    office = calendar(own)
    assert not office.is_open(at("2027-03-09 08:00"))
    assert office.day_off(date(2027, 3, 9)) == ""
    assert office.day_off(date(2027, 3, 10)) == "Ngày truyền thống"
    assert office.is_open(at("2027-02-04 08:00"))
    assert office.day_off(date(2027, 2, 4)) is None
    assert not office.is_open(at("2027-02-04 14:00"))


def test_ones_own_days_may_be_all_there_are() -> None:
    office = calendar(["2027-03-09"])
    assert not office.is_open(at("2027-03-09 08:00"))
    assert office.is_open(at("2027-09-02 08:00"))


def test_names_of_holidays_are_said_in_the_counters_language() -> None:
    counter = Counter(province="40", agent="na-0123", language="en")
    assert counter.calendar.day_off(date(2027, 9, 2)) == "National Day"


def test_a_year_no_decree_is_known_for_is_reckoned_by_the_law_and_says_so() -> None:
    office = calendar()
    assert office.is_decreed(2026)
    assert not office.is_decreed(2031)
    assert office.day_off(date(2031, 1, 23)) == "Tết Nguyên Đán"


@pytest.mark.parametrize("year", [1970, 2061, 9999])
def test_where_the_almanac_ends_no_day_is_off(year: int) -> None:
    assert vietnam(year).off == {}
    assert not calendar().is_decreed(year)


def test_an_open_office_says_when_it_closes_and_a_closed_one_when_it_opens() -> None:
    office = calendar()
    assert office.office(at("2027-02-01 08:00")) == Office(True, at("2027-02-01 11:30"), None)
    assert office.office(at("2027-02-01 11:30")) == Office(False, at("2027-02-01 13:30"), None)
    assert office.office(at("2027-02-03 17:00")) == Office(False, at("2027-02-11 07:00"), None)
    assert office.office(at("2027-02-06 09:00")) == Office(False, at("2027-02-11 07:00"), "Tết Nguyên Đán")


def test_margins_make_the_office_open_earlier_and_close_later() -> None:
    early, late = timedelta(minutes=30), timedelta(minutes=90)
    office = calendar()
    assert office.office(at("2027-02-01 06:29"), early=early, late=late).until == at("2027-02-01 06:30")
    assert office.office(at("2027-02-01 06:30"), early=early, late=late) == Office(True, at("2027-02-01 18:30"), None)
    assert not office.office(at("2027-02-01 18:30"), early=early, late=late).is_open


def test_who_never_closes_and_who_never_opens_have_nothing_in_sight() -> None:
    always = Hours.model_validate({"mon-sun": ["00:00-24:00"]})
    assert calendar("none", hours=always).office(at("2027-02-01 08:00")) == Office(True, None, None)
    never = Hours.model_validate({"mon": []})
    assert calendar(hours=never).office(at("2027-02-01 08:00")) == Office(False, None, None)


def test_midnight_between_two_open_days_closes_nothing() -> None:
    nights = Hours.model_validate({"mon": ["20:00-24:00"], "tue": ["00:00-04:00"]})
    assert calendar("none", hours=nights).office(at("2027-02-01 23:59")).until == at("2027-02-02 04:00")


def test_a_day_on_which_the_clock_is_set_is_as_long_as_it_is() -> None:
    """Germany, 28 March 2027: after 01:59 comes 03:00."""
    hours = Hours.model_validate({"sun": ["01:00-04:00"]})
    office = calendar("none", hours=hours, zone="Europe/Berlin")
    opened = datetime(2027, 3, 28, 1, 0, tzinfo=BERLIN)
    state = office.office(opened)
    assert state.until is not None
    assert state.until.astimezone(UTC) - opened.astimezone(UTC) == timedelta(hours=2)


@st.composite
def weeks(draw: st.DrawFn) -> Hours:
    days: dict[str, list[str]] = {}
    for day in DAYS:
        marks = sorted(draw(st.sets(st.integers(0, 96), max_size=4)))
        days[day] = [_span(*marks[index : index + 2]) for index in range(0, len(marks) - 1, 2)]
    return Hours.model_validate(days)


def _span(start: int, end: int) -> str:
    return "-".join(f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in (start, end))


@settings(deadline=None, max_examples=60)
@given(
    hours=weeks(),
    zone=st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin"]),
    minute=st.integers(0, 60 * 24 * 400),
    early=st.sampled_from([0, 15, 600]),
    late=st.sampled_from([0, 45, 600]),
)
def test_an_office_is_as_it_says_until_the_minute_it_says(
    hours: Hours, zone: str, minute: int, early: int, late: int
) -> None:
    """Held against the spans of a fortnight, joined the plain way."""
    office = calendar(hours=hours, zone=zone)
    moment = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(minutes=minute)
    before, after = timedelta(minutes=early), timedelta(minutes=late)
    today = day_of(moment, office.zone)
    spans = union(
        Span(start - before, end + after)
        for step in range(-3, 25)
        for start, end in office.opening(today + timedelta(days=step))
    )
    found = office.office(moment, early=before, late=after)
    assert found.is_open is any(start <= moment < end for start, end in spans)
    edges = [edge for span in spans for edge in span if edge > moment]
    if found.until is not None:
        assert edges[0] == found.until
    elif edges:
        assert edges[0] - moment >= timedelta(days=8)
    if not early and not late:
        assert found.is_open is office.is_open(moment)
