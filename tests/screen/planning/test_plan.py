"""The plan: only what may play plays, all of it within a round, and nothing changes before the plan says so."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.screen.media.medium import Medium
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.plan import Plan, plan
from agent.screen.planning.playlist import ALWAYS, Entry, Playlist, Reason, Window
from agent.screen.scene import Notice
from agent.settings.hours import Hours, office_hours
from agent.settings.model import Counter
from agent.settings.playlist import OutsideHours

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
TET = Window(date(2027, 1, 20), date(2027, 2, 10))
MORNINGS = Window(hours=("07:00-11:30",))


def calendar(hours: Hours | None = None, *, zone: str = "Asia/Ho_Chi_Minh", holidays: str = "vn") -> Calendar:
    counter = {"province": "40", "agent": "na-0123", "timezone": zone, "holidays": holidays}
    return Counter.model_validate({**counter, "hours": hours or office_hours()}).calendar


def picture(name: str, window: Window = ALWAYS, **more: Any) -> Entry:
    return Entry(name, (Medium(f"id-{name}", name, "image", 1000, 1920, 1080),), window=window, **more)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def planned(*entries: Entry, at: datetime, **more: Any) -> Plan:
    known = {"calendar": calendar(), "outside": OutsideHours(), "is_trusted": True, **more}
    return plan([Playlist(entries)], at, **known)


def names(found: Plan) -> list[str]:
    return [item.name for item in found.items]


def reasons(found: Plan) -> dict[str, str]:
    return {out.name: out.reason.code for out in found.out}


def test_what_may_play_plays_and_everything_else_says_why_not() -> None:
    missing = Entry("mất.jpg", fault=Reason("missing", {}))
    found = planned(
        picture("a.jpg"), picture("tết.jpg", TET), picture("sáng.jpg", MORNINGS), missing, at=at("2027-02-11 14:00")
    )
    assert found.mode == "play"
    assert names(found) == ["a.jpg"]
    assert reasons(found) == {"tết.jpg": "over", "sáng.jpg": "other_hours", "mất.jpg": "missing"}


def test_files_nobody_asked_for_are_out_too() -> None:
    found = plan(
        [Playlist((picture("a.jpg"),), ("b.jpg",))],
        at("2027-02-11 14:00"),
        calendar=calendar(),
        outside=OutsideHours(),
        is_trusted=True,
    )
    assert reasons(found) == {"b.jpg": "unlisted"}


def test_an_item_has_as_many_turns_as_its_weight_and_the_pages_of_a_document_follow_each_other() -> None:
    pages = tuple(Medium(f"p{page}", "b.pdf", "image", 1000, 1920, 1080, page=page) for page in (1, 2))
    found = planned(picture("a.jpg", weight=2), Entry("b.pdf", pages), picture("c.jpg"), at=at("2027-02-11 14:00"))
    assert names(found) == ["a.jpg", "b.pdf 1", "b.pdf 2", "a.jpg", "c.jpg"]


def test_a_film_is_as_long_as_it_is_a_picture_twelve_seconds_and_a_notice_as_long_as_it_takes_to_read() -> None:
    film = Medium("f", "f.mp4", "video", 1000, 1920, 1080, length_s=41.5)
    long = Notice("Nghỉ Tết", tuple("một hai ba bốn năm sáu bảy tám chín mười" for _ in range(4)))
    entries = [
        Entry("f.mp4", (film,), seconds=10),
        picture("a.jpg"),
        picture("b.jpg", seconds=30.0),
        Entry("ngắn", notice=Notice("Nghỉ Tết")),
        Entry("dài", notice=long),
    ]
    found = planned(*entries, at=at("2027-02-11 14:00"))
    assert [item.seconds for item in found.items] == [41.5, 12, 30, 12, 18]
    assert [item.kind for item in found.items] == ["video", "image", "image", "notice", "notice"]
    assert found.items[3].id != found.items[4].id


def test_closed_the_screen_says_so_from_a_little_after_until_a_little_before() -> None:
    outside = OutsideHours(before_min=10, after_min=20)
    modes = {
        moment: planned(picture("a.jpg"), at=at(f"2027-02-01 {moment}"), outside=outside).mode
        for moment in ("06:49", "06:50", "11:49", "11:50", "13:20", "17:19", "17:20")
    }
    assert modes == {
        "06:49": "closed",
        "06:50": "play",
        "11:49": "play",
        "11:50": "closed",
        "13:20": "play",
        "17:19": "play",
        "17:20": "closed",
    }
    assert planned(picture("a.jpg"), at=at("2027-02-06 08:00"), outside=outside).mode == "closed"


def test_what_would_play_lies_ready_while_the_counter_is_closed() -> None:
    assert names(planned(picture("a.jpg"), at=at("2027-02-06 08:00"))) == ["a.jpg"]


def test_a_counter_may_play_on_outside_its_hours() -> None:
    found = planned(picture("a.jpg"), at=at("2027-02-06 08:00"), outside=OutsideHours(show="playlist"))
    assert (found.mode, found.until) == ("play", None)


def test_a_clock_nobody_believes_plays_only_what_may_always_play_and_closes_nothing() -> None:
    found = planned(picture("a.jpg"), picture("tết.jpg", TET), at=at("1970-01-01 02:00"), is_trusted=False)
    assert (found.mode, names(found), reasons(found)) == ("play", ["a.jpg"], {"tết.jpg": "clock"})
    assert found.until is None


def test_an_emergency_stands_over_everything_whatever_the_clock_says() -> None:
    for is_trusted in (True, False):
        found = planned(picture("a.jpg"), at=at("2027-02-06 08:00"), is_trusted=is_trusted, is_emergency=True)
        assert (found.mode, names(found)) == ("emergency", ["a.jpg"])


def test_until_is_the_next_minute_at_which_anything_may_change() -> None:
    found = planned(picture("a.jpg"), picture("sáng.jpg", MORNINGS), at=at("2027-02-01 08:00"))
    assert found.until == at("2027-02-01 11:30")
    found = planned(picture("a.jpg"), at=at("2027-02-06 08:00"))
    assert found.until == at("2027-02-07 00:00"), "tomorrow is called today then"
    assert planned(picture("a.jpg"), at=at("2027-02-01 08:00")).until == at("2027-02-01 11:45")


QUARTERS = st.sets(st.integers(0, 96), max_size=4).map(
    lambda marks: tuple(
        f"{a // 4:02}:{a % 4 * 15:02}-{b // 4:02}:{b % 4 * 15:02}"
        for a, b in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False)
    )
)
DATES = st.none() | st.dates(date(2027, 3, 20), date(2027, 4, 5))
WINDOWS = st.just(ALWAYS) | st.builds(Window, DATES, DATES, st.frozensets(st.integers(0, 6)), QUARTERS)
ENTRIES = st.lists(st.tuples(WINDOWS, st.integers(1, 5)), max_size=6).map(
    lambda made: [
        picture(f"{number}.jpg", window, weight=weight) for number, (window, weight) in enumerate(made, start=1)
    ]
)
SEEN = {
    "entries": ENTRIES,
    "minute": st.integers(0, 20 * 24 * 60),
    "zone": st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin"]),
    "before": st.integers(0, 60),
}


def moment(minute: int) -> datetime:
    return datetime(2027, 3, 19, tzinfo=UTC) + timedelta(minutes=minute)


@settings(deadline=None, max_examples=80)
@given(**SEEN, is_trusted=st.booleans())
def test_whatever_plays_is_in_its_window_and_whatever_may_play_plays_within_a_round(
    entries: list[Entry], minute: int, zone: str, before: int, is_trusted: bool
) -> None:
    office, now = calendar(zone=zone), moment(minute)
    outside = OutsideHours(before_min=before)
    found = planned(*entries, at=now, calendar=office, outside=outside, is_trusted=is_trusted)
    may = {
        entry.name
        for entry in entries
        if entry.window == ALWAYS or (is_trusted and _is_open(entry.window, now.astimezone(office.zone)))
    }
    assert set(names(found)) == may
    assert {out.name for out in found.out} == {entry.name for entry in entries} - may
    assert {entry.name for entry in found.playing} == may
    assert found == planned(*entries, at=now, calendar=office, outside=outside, is_trusted=is_trusted)


def _is_open(window: Window, local: datetime) -> bool:
    """The plain reading of a window by a clock on the wall."""
    day, clock = local.date(), f"{local:%H:%M}"
    return (
        (window.first is None or window.first <= day)
        and (window.last is None or day <= window.last)
        and (not window.weekdays or day.weekday() in window.weekdays)
        and (not window.hours or any(span[:5] <= clock < span[6:] for span in window.hours))
    )


@settings(deadline=None, max_examples=60)
@given(**SEEN)
def test_nothing_changes_before_the_plan_says_so(entries: list[Entry], minute: int, zone: str, before: int) -> None:
    office, outside = calendar(zone=zone), OutsideHours(before_min=before)
    now = moment(minute)
    found = planned(*entries, at=now, calendar=office, outside=outside)
    last = min(found.until or now + timedelta(days=2), now + timedelta(days=2))
    step = timedelta(minutes=11)
    for later in (now + step * count for count in range(1, (last - now) // step + 1)):
        if later < last:
            assert replace(planned(*entries, at=later, calendar=office, outside=outside), until=found.until) == found
    if found.until is not None:
        assert found.until > now
        minute_before = max(now, found.until - timedelta(minutes=1))
        assert planned(*entries, at=minute_before, calendar=office, outside=outside).items == found.items
