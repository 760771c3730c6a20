"""The bookkeeper over days and lives: each day told once, the alert when it begins, on a real store."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.errors import TryAgain
from agent.event import EventType, Fact, Lane, Stream
from agent.health import Condition, Health, Status
from agent.outbox.lookback import last_of, newest_first
from agent.outbox.store import Outbox
from agent.ranges import Ranges
from agent.rating.figures.bookkeeper import MOST_DAYS, WARM, Bookkeeper, Lanes
from agent.rating.figures.ledger import Ledger
from agent.rating.figures.opening import opening
from agent.settings.hours import office_hours
from tests.rating.days import TERMS, ZONE, Week, at

BUCKET_S = 900.0


class Counter:
    """A counter's store, clock and ledger, over several lives of its bookkeeper."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(at(8))
        self.outbox = Outbox(folder / "outbox.db", province="40", agent="na-0123", clock=self.clock, keep_days=90)
        self.outbox.open()
        self.held = 0
        self.refusing = 0
        self.start()

    def start(self) -> None:
        """A new life."""
        self.ledger = Ledger(self.clock, zone=ZONE, opening=lambda day: opening(day, ZONE, office_hours().spans))
        self.ledger.recall(newest_first(self.outbox, Lane.ALERT))
        self.bookkeeper = Bookkeeper(
            TERMS,
            Lanes(self.append, partial(newest_first, self.outbox), partial(last_of, self.outbox)),
            ledger=self.ledger,
            clock=self.clock,
            held=lambda: self.held,
            bucket_s=BUCKET_S,
            counting=lambda: ["quay"],
        )

    def append(self, *facts: Fact) -> None:
        if self.refusing:
            self.refusing -= 1
            raise TryAgain("the disk is full")
        self.outbox.append(*facts)

    def rate(self, *levels: int, when: datetime | None = None, **more: Any) -> None:
        """Ratings as they come out of the ballot box."""
        week = Week()
        week.rates(levels, when or self.clock.now(), **more)
        self.outbox.append(*(event.fact for event in week.events))
        self.turn()

    def turn(self) -> None:
        self.bookkeeper._turn(threading.Event())

    def go_to(self, moment: datetime) -> None:
        """Let time pass until *moment*, and the bookkeeper look at the calendar."""
        self.clock.advance((moment - self.clock.now()).total_seconds())
        self.turn()

    def told(self, kind: EventType) -> list[dict[str, Any]]:
        lane = kind.lane
        events = [json.loads(row.body) for row in newest_first(self.outbox, lane)]
        return [event["data"] for event in reversed(events) if event["type"] == kind.full_name]

    @property
    def days(self) -> list[tuple[str, int]]:
        """Date and raw count of every summary told."""
        return [(each["date"], each["raw"]) for each in self.told(EventType.SUMMARY)]

    @property
    def alerts(self) -> list[tuple[int, int]]:
        return [(each["lowest"], each["of"]) for each in self.told(EventType.ALERT) if each["code"] == "LOW_RATINGS"]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    with closing(made.outbox):
        yield made


CLOSED = at(17, 16)
"""The last opening hour, a bucket and a margin are over."""


def test_a_day_is_told_once_after_its_last_bucket(counter: Counter) -> None:
    counter.rate(3, 3, 0)
    counter.go_to(at(17, 15, 59))
    assert counter.days == []
    counter.go_to(CLOSED)
    assert counter.days == [("2026-09-01", 3)]
    counter.go_to(at(23, 59))
    counter.start()
    counter.go_to(at(23, 59, 30))
    assert counter.days == [("2026-09-01", 3)]


def test_a_summary_waits_for_the_votes_that_wait_for_company(counter: Counter) -> None:
    counter.held = 2
    counter.go_to(CLOSED)
    counter.go_to(at(24, 15))
    assert counter.days == []
    counter.rate(3, 0, when=at(16))
    counter.held = 0
    counter.go_to(at(24, 16))
    assert counter.days == [("2026-09-01", 2)]


def test_a_counter_that_always_holds_something_is_not_waited_for_for_ever(counter: Counter) -> None:
    counter.turn()
    counter.held = 1
    counter.go_to(at(24, 25))
    assert counter.days == []
    counter.go_to(at(24, 26))
    assert counter.days == [("2026-09-01", 0)]


def test_a_day_without_opening_hours_is_told_after_midnight(counter: Counter) -> None:
    counter.go_to(CLOSED)
    for days in (1, 2, 3):  # Wednesday to Friday
        counter.go_to(at(17, 16, days=days))
    saturday = [("2026-09-05", 0)]
    counter.go_to(at(24, 15, days=4))
    assert counter.days[4:] == []
    counter.go_to(at(24, 16, days=4))
    assert counter.days[4:] == saturday
    assert counter.told(EventType.SUMMARY)[-1]["availability"] == {"opening_s": 0, "available_s": 0}


def test_days_that_passed_while_the_agent_was_off_are_told_at_the_next_start(counter: Counter) -> None:
    counter.rate(3)
    counter.go_to(CLOSED)
    counter.rate(2, 2, when=at(9, days=1))
    counter.clock.advance(3 * 86400)
    counter.start()
    counter.turn()
    assert counter.days == [("2026-09-01", 1), ("2026-09-02", 2), ("2026-09-03", 0), ("2026-09-04", 0)]
    assert counter.clock.now().date().isoformat() == "2026-09-04"


def test_a_box_in_a_drawer_does_not_tell_a_year(counter: Counter) -> None:
    counter.rate(3)
    counter.go_to(CLOSED)
    counter.go_to(at(8, days=400))
    assert len(counter.days) == 1 + MOST_DAYS


def test_a_first_start_with_older_events_begins_with_their_day(counter: Counter) -> None:
    counter.rate(3, when=at(9, days=-2))
    counter.go_to(CLOSED)
    assert counter.days == [("2026-08-30", 1), ("2026-08-31", 0), ("2026-09-01", 0)]


def test_no_day_is_told_by_a_clock_that_nobody_vouches_for(counter: Counter) -> None:
    counter.clock.set_wall(at(8), ClockQuality.FLOOR)
    counter.go_to(at(40))
    assert counter.days == []
    counter.clock.set_wall(at(17, 16), ClockQuality.NTP)
    counter.go_to(at(17, 17))
    assert counter.days == [("2026-09-01", 0)]


def test_a_clock_that_goes_back_a_day_tells_no_day_again(counter: Counter) -> None:
    counter.go_to(CLOSED)
    counter.clock.set_wall(at(12))
    counter.start()
    counter.go_to(CLOSED)
    assert counter.days == [("2026-09-01", 0)]


def test_what_the_store_refuses_is_told_later_and_once(counter: Counter) -> None:
    counter.rate(3)
    counter.refusing = 2
    for minute in range(17, 22):
        counter.go_to(at(17, minute))
    assert counter.days == [("2026-09-01", 1)]


def test_what_came_after_the_summary_is_late_in_the_next_one(counter: Counter) -> None:
    counter.rate(3, 3)
    counter.go_to(CLOSED)
    counter.rate(3, when=at(20), flags=["off_hours"])
    counter.go_to(at(17, 16, days=1))
    first, second = counter.told(EventType.SUMMARY)
    assert ("late" in first, second["raw"], second["late"]) == (False, 0, 1)
    assert second["integrity"]["head"] == {
        "epoch": counter.outbox.epoch,
        "seq": 3,
        "hash": counter.outbox.marks()[Lane.RECORD].head,
    }
    counter.go_to(at(17, 16, days=2))
    assert "late" not in counter.told(EventType.SUMMARY)[2]


def test_events_that_left_before_they_were_counted_are_told_as_missing(counter: Counter) -> None:
    counter.rate(3)
    counter.go_to(CLOSED)
    counter.outbox.keep_days = 0
    counter.rate(3, 3, 0, when=at(32))
    counter.outbox.confirm(Stream(counter.outbox.epoch, Lane.RECORD), have=Ranges([(1, 3)]), missing=Ranges())
    counter.outbox.tidy(least=1)
    counter.rate(2, when=at(33))
    counter.go_to(at(17, 16, days=1))
    first, second = counter.told(EventType.SUMMARY)
    assert "missing" not in first["integrity"]
    assert second["raw"] + second["integrity"]["missing"] == 4
    assert second["raw"] < 4


def test_an_open_outage_is_in_the_summary(counter: Counter) -> None:
    health = Health(counter.clock)
    health.listen(counter.ledger.hear)
    counter.go_to(at(16))
    health.report("keypad", Condition(Status.FAILED, "KEYPAD_UNPLUGGED"))
    counter.go_to(CLOSED)
    (told,) = counter.told(EventType.SUMMARY)
    assert told["outages"] == {"keypad": {"count": 1, "seconds": 4560, "opening_s": 3600}}
    assert told["availability"] == {"opening_s": 28800, "available_s": 25200, "percent": 87.5}


# -- low ratings -------------------------------------------------------------------------------------


def test_three_of_the_lowest_in_the_last_twenty_are_told_once(counter: Counter) -> None:
    counter.turn()
    counter.rate(0, 3, 0)
    assert counter.alerts == []
    counter.rate(3, 0, 0)
    assert counter.alerts == [(3, 5)]
    counter.rate(0, 0)
    assert counter.alerts == [(3, 5)], "it still holds"
    counter.rate(*[3] * 20)
    counter.rate(0, 0, 0)
    assert counter.alerts == [(3, 5), (3, 20)]


def test_only_valid_ratings_of_the_index_count(counter: Counter) -> None:
    counter.turn()
    counter.rate(0, 0)
    counter.rate(0, flags=["lockout"])
    counter.rate(0, channel="qr_static")
    counter.outbox.append(Fact.seen(EventType.INSPECTION, counter.clock.read(), {"level": 0, "valid": True}))
    counter.turn()
    assert counter.alerts == []
    counter.rate(0)
    assert counter.alerts == [(3, 3)]


def test_an_alert_that_a_crash_prevented_is_told_by_the_next_life(counter: Counter) -> None:
    counter.turn()
    counter.refusing = 1
    counter.rate(0, 0, 0, 0)
    assert counter.alerts == []
    counter.start()
    counter.turn()
    assert counter.alerts == [(4, 4)]


def test_a_restart_tells_no_alert_again(counter: Counter) -> None:
    counter.turn()
    counter.rate(0, 0, 0)
    for _ in range(3):
        counter.start()
        counter.turn()
        counter.rate(0)
    assert counter.alerts == [(3, 3)]


def test_the_rule_is_the_same_in_one_release_or_in_many_and_over_restarts(counter: Counter) -> None:
    counter.turn()
    levels = [0, 3, 3, 0, 2, 0, *[3] * 25, 0, 1, 0, 3, 0, 0]
    for number, level in enumerate(levels):
        counter.rate(level)
        if number % 7 == 0:
            counter.start()
            counter.turn()
    assert counter.alerts == [(3, 6), (3, 20)]
    assert len(levels) < WARM


def test_who_came_is_in_the_days_summary(counter: Counter) -> None:
    week = Week()
    for hour in (8, 9, 10):
        data = {"camera": "quay", "length_s": 300, "is_begin_seen": True, "bucket_min": 15, "nonce": str(hour)}
        week.tell(EventType.VISIT, at(hour), data)
    counter.outbox.append(*(event.fact for event in week.events))
    counter.turn()
    counter.go_to(at(17, 17))
    counter.go_to(at(17, 17, days=1))
    told = counter.told(EventType.SUMMARY)
    assert [(day["raw"], day["visits"]) for day in told] == [
        (0, {"quay": {"count": 3, "minutes": 5.0}}),
        (0, {"quay": {"count": 0}}),
    ]
