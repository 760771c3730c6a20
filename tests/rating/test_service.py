"""The desk at work: what is stored, who is thanked, and what happens while nothing can be stored."""

import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.errors import PersonMustAct, TryAgain
from agent.event import GENESIS, Event, EventType, Fact, Lane
from agent.health import Health, Report
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.keypad.keys import Keys
from agent.rating.scale import VN4
from agent.rating.service import FRESH_S, THANK_S, RatingService
from agent.rating.tray import Tray
from drivers.base import Press
from tests.eventually import eventually
from tests.rating.running import running

MORNING = datetime(2026, 9, 1, 8, 15, tzinfo=UTC)
KEYS = Keys({"31": 3, "34": 0})


class Store:
    """An outbox that can be told to refuse."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.stored: queue.Queue[Fact] = queue.Queue()
        self.refusals = 0
        self.refusal: Exception | None = None
        self.thanked: list[int] = []
        """How many facts were stored at each thanks."""

    def append(self, *facts: Fact) -> list[Event]:
        if self.refusal is not None:
            self.refusals += 1
            raise self.refusal
        self.facts += facts
        self.stored.put(facts[0])
        return [Event("40", "na-0123", "epoch", Lane.RECORD, len(self.facts), GENESIS, "0123456789ab", facts[0])]

    hold: Any = None
    amend: Any = None
    spent_in: Any = None
    release: Any = staticmethod(lambda choose: len(choose({})))

    def thank(self, _: str) -> None:
        self.thanked.append(len(self.facts))


class Counter:
    """A rating service with everything around it in the test's hands."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.clock = ManualClock(MORNING)
        self.store = Store()
        self.tray = Tray()
        self.health = Health(self.clock)
        self.reports: list[Report] = []
        self.health.listen(self.reports.append)
        self.desk = Desk(VN4, {"keypad": KEYS}, rules or Rules())
        self.service = RatingService(
            self.desk,
            self.tray,
            clerk=Clerk(self.store, Release(), bucket_min=0, clock=self.clock),
            thank=self.store.thank,
            clock=self.clock,
            health=self.health,
        )

    def press(self, code: str) -> None:
        self.tray.put("keypad", Press(code, self.clock.monotonic()))

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(report.component, report.condition.code) for report in self.reports]


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_a_press_is_stored_and_only_then_thanked_for(counter: Counter) -> None:
    with running(counter.service):
        counter.press("31")
        eventually(lambda: counter.store.thanked == [1])
    (fact,) = counter.store.facts
    assert (fact.type, fact.at, fact.clock) == (EventType.RATING, MORNING, ClockQuality.NTP)
    assert (fact.data["level"], fact.data["raw"], fact.data["valid"]) == (3, "31", True)


def test_a_correction_names_the_event_that_the_store_gave(counter: Counter) -> None:
    with running(counter.service):
        counter.press("31")
        counter.press("34")
        eventually(lambda: counter.store.thanked == [1, 2])
    assert counter.store.facts[1].data["corrects"] == "na-0123/epoch/record/1"


def test_repeats_and_garbage_are_neither_stored_nor_thanked_for(counter: Counter) -> None:
    with running(counter.service):
        for code in ("31", "31", "99"):
            counter.press(code)
        eventually(lambda: counter.desk.counts.garbage == 1)
    assert len(counter.store.facts) == len(counter.store.thanked) == 1


def test_a_flagged_rating_is_thanked_for_like_any_other(counter: Counter) -> None:
    with running(counter.service):
        counter.press("31")
        eventually(lambda: counter.store.thanked == [1])
        counter.clock.advance(5)
        counter.press("31")
        eventually(lambda: counter.store.thanked == [1, 2])
    assert counter.store.facts[1].data["flags"] == ["lockout"]


def test_a_press_that_waited_is_dated_when_it_was_pressed(counter: Counter) -> None:
    counter.press("31")
    counter.clock.advance(THANK_S + 1)
    with running(counter.service):
        eventually(lambda: counter.store.facts)
    assert counter.store.facts[0].at == MORNING
    assert counter.store.thanked == [], "who pressed has left"


@pytest.mark.parametrize(
    ("quality", "flags"), [(ClockQuality.RTC, ["off_hours"]), (ClockQuality.FLOOR, []), (ClockQuality.NONE, [])]
)
def test_closed_hours_are_told_by_a_trusted_clock_only(quality: ClockQuality, flags: list[str]) -> None:
    counter = Counter(Rules(is_open=lambda _: False))
    counter.clock.set_wall(MORNING, quality)
    counter.press("31")
    with running(counter.service):
        eventually(lambda: counter.store.facts)
    assert counter.store.facts[0].data["flags"] == flags
    assert counter.store.facts[0].clock == quality


@pytest.mark.parametrize("refusal", [TryAgain("database is locked"), PersonMustAct("disk is full")])
def test_while_nothing_can_be_stored_nobody_is_thanked_and_later_it_is_stored(
    counter: Counter, refusal: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = counter.store
    store.refusal = refusal
    with running(counter.service):
        counter.press("31")
        counter.press("34")
        eventually(lambda: store.refusals >= 3)
        assert counter.codes == [("outbox", "RATING_NOT_STORED")]
        assert (store.facts, store.thanked) == ([], [])
        counter.clock.advance(THANK_S + 1)
        store.refusal = None
        eventually(lambda: len(store.facts) == 2)
    assert counter.codes == [("outbox", "RATING_NOT_STORED"), ("outbox", "OK")]
    assert [fact.data["level"] for fact in store.facts] == [3, 0]
    assert store.facts[1].data["corrects"] == "na-0123/epoch/record/1"
    assert store.thanked == []
    assert counter.service.lost == 0
    told = [record.getMessage() for record in caplog.records if record.name == "agent.rating.service"]
    assert told == [
        f"ratings cannot be stored: {refusal}",
        "ratings are stored again after 6.0 s; 0 were given up",
    ]


def test_a_short_refusal_still_ends_in_thanks(counter: Counter) -> None:
    counter.store.refusal = TryAgain("busy")
    with running(counter.service):
        counter.press("31")
        eventually(lambda: counter.store.refusals)
        counter.store.refusal = None
        eventually(lambda: counter.store.thanked == [1])


def test_a_rating_no_longer_fresh_is_given_up_aloud_and_opens_no_session(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    counter.store.refusal = PersonMustAct("disk is full")
    with running(counter.service):
        counter.press("31")
        eventually(lambda: counter.store.refusals)
        counter.clock.advance(FRESH_S)
        eventually(lambda: counter.service.lost == 1)
        counter.store.refusal = None
        counter.press("34")
        eventually(lambda: counter.store.thanked)
    (fact,) = counter.store.facts
    assert fact.data["valid"]
    assert "corrects" not in fact.data
    assert "given up" in caplog.text


def test_presses_in_the_tray_are_stored_before_the_end(counter: Counter) -> None:
    for _ in range(3):
        counter.press("31")
        counter.clock.advance(60)
    stop = threading.Event()
    stop.set()
    counter.service.run(stop)
    assert len(counter.store.facts) == 3


def test_at_the_end_a_refusing_store_costs_one_rating_and_leaves_the_others_in_the_tray(counter: Counter) -> None:
    counter.store.refusal = TryAgain("closed")
    for _ in range(3):
        counter.press("31")
        counter.clock.advance(60)
    stop = threading.Event()
    stop.set()
    counter.service.run(stop)
    assert counter.service.lost == 1
    assert [counter.tray.take(0) is not None for _ in range(3)] == [True, True, False]


def test_a_quiet_desk_keeps_beating(counter: Counter) -> None:
    with running(counter.service):
        before = time.monotonic()
        eventually(lambda: time.monotonic() - before > 0.1 and counter.service.progress.age_s < 0.05)


def test_a_press_is_stored_at_once_without_waiting_for_a_round(counter: Counter) -> None:
    waits = []
    with running(counter.service):
        for _ in range(20):
            began = time.monotonic()
            counter.press("31")
            counter.store.stored.get(timeout=5)
            waits.append(time.monotonic() - began)
            counter.clock.advance(60)
    assert sorted(waits)[10] < 0.05


def test_no_log_line_tells_a_level_or_a_code(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    counter.store.refusal = TryAgain("busy")
    with running(counter.service):
        for code in ("31", "34", "99"):
            counter.press(code)
        eventually(lambda: counter.store.refusals)
        counter.store.refusal = None
        eventually(lambda: counter.desk.counts.garbage)
    said = [record.getMessage() for record in caplog.records]
    assert said
    assert not any(secret in line for secret in ("31", "34", "99", "level") for line in said)
