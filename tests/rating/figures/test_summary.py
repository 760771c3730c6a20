"""A day in figures: what counts, on which day, and what is not told."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import ClockQuality
from agent.event import EventType, chain_hash
from agent.rating.figures.daybook import Daybook
from agent.rating.figures.outages import Outage, OutageCause
from agent.rating.figures.summary import SummaryData, read_summary, summarise
from agent.rating.scale import VN5
from tests.rating.days import DAY, TERMS, ZONE, Week, at

TODAY = date(2026, 9, 1)


def figures(week: Week, day: date = TODAY, **more: Any) -> SummaryData:
    return summarise(day, week.book, TERMS, **{"outages": (), "until": at(24, days=9), **more})


@pytest.fixture
def week() -> Week:
    return Week()


def test_raw_valid_and_flagged_are_counted_and_only_valid_ones_weigh(week: Week) -> None:
    week.rates([3] * 27 + [2, 1, 0], at(8))
    week.rate(3, at(8, 31), flags=["lockout"])
    week.rate(3, at(12), flags=["lockout", "off_hours"])
    found = figures(week)
    assert (found.raw, found.valid, found.flags) == (32, 30, {"lockout": 2, "off_hours": 1})
    assert [(level.count, level.percent) for level in found.levels] == [(1, 3.3), (1, 3.3), (1, 3.3), (27, 90.0)]
    satisfied = found.satisfied
    assert (satisfied.count, satisfied.of, satisfied.percent, satisfied.is_enough) == (28, 30, 93.3, True)


def test_below_thirty_there_is_an_interval_and_no_share_from_anywhere(week: Week) -> None:
    week.rates([3] * 14 + [0], at(8))
    found = figures(week)
    assert found.satisfied.payload() == {"count": 14, "of": 15, "is_enough": False, "low": 70.2, "high": 98.8}
    assert [level.payload() for level in found.levels] == [{"count": 1}, {"count": 0}, {"count": 0}, {"count": 14}]


def test_a_day_without_anybody_is_told_as_such(week: Week) -> None:
    found = figures(week)
    assert (found.raw, found.valid, found.channels, found.hours[0].count) == (0, 0, {}, 0)
    assert found.satisfied.payload() == {"count": 0, "of": 0, "is_enough": False}
    assert found.silence is not None
    assert (found.silence.seconds, found.availability.percent) == (8 * 3600, 100.0)


def test_a_correction_counts_the_same_in_one_event_and_in_two() -> None:
    apart, together = Week(), Week()
    for first, last in ((3, 0), (0, 3), (1, 2)):
        one = apart.rate(first, at(9))
        up = {"upgrade": True} if last > first else {}
        apart.rate(last, at(9, 0, 2), corrects=one.id, first=first, **up)
        together.rate(last, at(9), first=first, **up)
    told, told_at_once = figures(apart), figures(together)
    assert (told.raw, told.valid, told.upgrades, told.downgrades) == (3, 3, 2, 1)
    assert [level.count for level in told.levels] == [1, 0, 1, 1]
    same = {"integrity"}  # the chain is another one
    assert told.model_dump(exclude=same) == told_at_once.model_dump(exclude=same)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), max_size=12))
def test_every_rating_is_one_ballot_however_often_it_is_corrected(sessions: list[list[int]]) -> None:
    week = Week()
    for number, levels in enumerate(sessions):
        event = week.rate(levels[0], at(8, number))
        for level in levels[1:]:
            event = week.rate(level, at(8, number, 2), corrects=event.id, first=levels[0])
    found = figures(week)
    assert (found.raw, found.valid) == (len(sessions), len(sessions))
    assert [level.count for level in found.levels] == [sum(s[-1] == level for s in sessions) for level in range(4)]
    assert found.upgrades == sum(s[-1] > s[0] for s in sessions)
    assert found.downgrades == sum(s[-1] < s[0] for s in sessions)


def test_a_rating_before_midnight_and_its_correction_after_it_are_of_the_day_before(week: Week) -> None:
    one = week.rate(0, at(23, 59, 59))
    week.rate(2, at(24, 0, 1), corrects=one.id, first=0, upgrade=True)
    week.rate(3, at(24, 0, 2))
    assert (figures(week).valid, figures(week).upgrades) == (1, 1)
    assert figures(week, TODAY + timedelta(days=1)).levels[3].count == 1


def test_what_a_box_without_the_time_rated_is_of_the_day_on_which_it_truly_was(week: Week) -> None:
    week.rates([3, 3, 3], at(8, days=-20000), clock=ClockQuality.NONE)
    assert figures(week).valid == 0
    week.learn(true=at(10), said=at(8, days=-20000))
    found = figures(week)
    assert (found.valid, {hour.hour for hour in found.hours if hour.count}) == (3, {10})


def test_a_vote_that_came_out_of_a_restored_database_again_is_one(week: Week) -> None:
    one = week.rate(0, at(9), nonce="A" * 22)
    week.rate(3, at(9, 0, 2), nonce="A" * 22, corrects=one.id, first=0)
    week.rate(0, at(9), nonce="A" * 22)
    week.rate(3, at(9), nonce="B" * 22)
    assert [level.count for level in figures(week).levels] == [0, 0, 0, 2]


def test_a_sticker_is_a_channel_of_its_own_and_never_in_the_index(week: Week) -> None:
    week.rates([0] * 4, at(8), channel="qr_static")
    week.rate(3, at(9), channel="qr")
    week.rate(2, at(10))
    found = figures(week)
    assert {name: (each.raw, each.valid) for name, each in found.channels.items()} == {
        "keypad": (1, 1),
        "qr": (1, 1),
        "qr_static": (4, 4),
    }
    assert (found.raw, found.valid, found.satisfied.count, found.levels[0].count) == (6, 2, 2, 0)


def test_reasons_are_counted_by_aspect(week: Week) -> None:
    week.rate(1, at(9), reasons=["deadline", "officers"])
    week.rate(2, at(9, 1), reasons=["deadline"])
    week.rate(2, at(9, 2), reasons=["deadline"], flags=["capacity"])
    assert figures(week).reasons == {"deadline": 2, "officers": 1}


def test_the_response_rate_takes_the_last_count_that_was_fed(week: Week) -> None:
    week.rates([3] * 30, at(8))
    for count in (999, 300):
        week.tell(EventType.METRIC, at(17), {"code": "TRANSACTIONS", "date": "2026-09-01", "count": count})
    assert figures(week).payload()["response"] == {"transactions": 300, "percent": 10.0, "needed": 171}
    assert figures(week, TODAY + timedelta(days=1)).response is None


def test_hours_with_one_or_two_ratings_are_hidden_with_the_next_smallest(week: Week) -> None:
    for hour, count in ((7, 9), (8, 2), (9, 5), (10, 7)):
        week.rates([3] * count, at(hour, 10))
    hours = {hour.hour: hour.count for hour in figures(week).hours}
    assert hours == {7: 9, 8: None, 9: None, 10: 7, 11: 0, 13: 0, 14: 0, 15: 0, 16: 0}


def test_another_scale_in_the_middle_of_the_day_is_judged_by_its_own_meaning(week: Week) -> None:
    week.rates([2] * 10, at(8), scale=VN5.id, scale_hash=VN5.hash)  # "bình thường" there
    week.rates([2] * 25, at(9))
    week.rate(2, at(10), scale="own", scale_hash="ffff000000000000")
    week.rate(2, at(10, 1))
    found = figures(week)
    assert (found.scale, found.levels[2].count, found.other_scale) == ("vn4", 26, 11)
    assert (found.satisfied.count, found.satisfied.of) == (26, 36)


def test_a_closed_day_has_neither_availability_nor_silence(week: Week) -> None:
    sunday = TODAY + timedelta(days=5)
    week.rate(3, at(9, days=5), flags=["off_hours"])
    found = figures(week, sunday, outages=[Outage(OutageCause.POWER, "agent", "clean", at(8, days=5), at(9, days=5))])
    assert (found.availability.payload(), found.silence) == ({"opening_s": 0, "available_s": 0}, None)
    assert found.outages[OutageCause.POWER].payload() == {"count": 1, "seconds": 3600, "opening_s": 0}
    assert (found.raw, found.valid) == (1, 0)


def test_outages_are_summed_by_cause_and_clipped_to_the_day(week: Week) -> None:
    outages = [
        Outage(OutageCause.KEYPAD, "keypad", "KEYPAD_UNPLUGGED", at(8), at(9)),
        Outage(OutageCause.NETWORK, "uplink", "UPLINK_LOST", at(10), at(12)),
        Outage(OutageCause.POWER, "agent", "power", at(16), at(31)),
    ]
    found = figures(week, outages=outages)
    assert {cause: (each.count, each.seconds, each.opening_s) for cause, each in found.outages.items()} == {
        OutageCause.POWER: (1, 8 * 3600, 3600),
        OutageCause.KEYPAD: (1, 3600, 3600),
        OutageCause.NETWORK: (1, 7200, 5400),
    }
    assert (found.availability.opening_s, found.availability.available_s) == (8 * 3600, 6 * 3600)
    assert found.availability.percent == 75.0
    assert figures(week, TODAY + timedelta(days=1), outages=outages).outages[OutageCause.POWER].seconds == 7 * 3600


def test_what_is_still_broken_counts_up_to_now(week: Week) -> None:
    found = figures(week, outages=[Outage(OutageCause.KEYPAD, "keypad", "KEYPAD_UNPLUGGED", at(16))], until=at(17, 15))
    assert found.outages[OutageCause.KEYPAD].payload() == {"count": 1, "seconds": 4500, "opening_s": 3600}


def test_alerts_clock_steps_and_maps_of_the_day_are_told(week: Week) -> None:
    week.tell(EventType.ALERT, at(9), {"code": "LOW_RATINGS"})
    week.tell(EventType.CLOCK, at(10), {"kind": "jump"})
    week.tell(EventType.CLOCK, at(34), {"kind": "jump"})
    week.rate(3, at(9), keymap="bbbb000000000000")
    week.rate(3, at(9, 1), keymap="aaaa000000000000")
    week.rate(3, at(33))
    first = figures(week, head=week.book.head)
    assert (first.low_ratings, first.integrity.clock_steps, first.integrity.keymap_changes) == (1, 1, 0)
    assert first.integrity.keymaps == ("aaaa000000000000", "bbbb000000000000")
    week.rate(3, at(34), keymap="cccc000000000000")
    second = figures(week, TODAY + timedelta(days=1), before=first)
    assert second.integrity.keymap_changes == 1
    quiet = figures(week, TODAY + timedelta(days=2), before=second)
    assert quiet.integrity.keymaps == second.integrity.keymaps, "a day without presses forgets no map"


def test_what_comes_after_its_days_summary_is_counted_as_late(week: Week) -> None:
    week.rates([3, 3], at(9))
    first = figures(week, head=week.book.head)
    assert first.integrity.head is not None
    assert first.integrity.head.hash == chain_hash(week.events[-1].encode())
    week.rate(3, at(20), flags=["off_hours"])
    week.rate(3, at(33))
    second = figures(week, TODAY + timedelta(days=1), before=first, head=week.book.head)
    assert (second.raw, second.late, first.late) == (1, 1, None)
    assert figures(week, TODAY + timedelta(days=2), before=second).late is None


def test_a_summary_is_read_back_as_it_was_told(week: Week) -> None:
    week.rates([3] * 40, at(8))
    outage = Outage(OutageCause.KEYPAD, "keypad", "KEYPAD_UNPLUGGED", at(8), at(9))
    found = figures(week, outages=[outage], head=week.book.head)
    assert read_summary(found.payload()) == found
    assert read_summary({"date": "2026-09-01"}) is None


def test_events_that_make_no_sense_harm_no_figure() -> None:
    book = Daybook(ZONE)
    good = Week().rate(3, at(9))
    for data in ({}, {"level": "x", "valid": True}, {"level": 1}, {"code": "OUTAGE"}, {"code": "TRANSACTIONS"}, None):
        for kind in EventType:
            event = {"type": kind.full_name, "time": DAY.isoformat(), "lane": kind.lane, "id": "x", "data": data}
            book.take({**event, "epoch": "e", "seq": 1, "boot": "b", "clock": "none"}, b"")
    book.take({"type": good.fact.type.full_name}, b"")
    assert (book.ballots, book.outages, book.transactions) == ([], [], {})
