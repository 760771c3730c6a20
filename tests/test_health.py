"""The board of conditions: changes are told once, and `since` says since when."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.health import AGENT_EVERY_S, OK, OTHERS_EVERY_S, Condition, Health, Report, Status
from agent.language import language

START = datetime(2026, 9, 1, 8, 15, 0, 5, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
FULL = Condition(Status.DEGRADED, "DISK_FULL", {"free_mb": 90})
FULLER = Condition(Status.DEGRADED, "DISK_FULL", {"free_mb": 70})
BROKEN = Condition(Status.FAILED, "DISK_READ_ONLY")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def health(clock: ManualClock) -> Health:
    return Health(clock)


def test_a_condition_is_told_when_it_changes_and_not_again(health: Health) -> None:
    told: list[Report] = []
    health.listen(told.append)
    for condition in (OK, OK, FULL, FULL, BROKEN, OK):
        health.report("disk", condition)
    assert [report.condition for report in told] == [OK, FULL, BROKEN, OK]


def test_since_moves_with_the_code_and_not_with_its_numbers(health: Health, clock: ManualClock) -> None:
    health.report("disk", FULL)
    clock.advance(60)
    health.report("disk", FULLER)
    assert [(report.since, report.condition) for report in health.reports()] == [(START, FULLER)]
    health.report("disk", BROKEN)
    assert health.reports()[0].since == clock.now()


def test_a_listener_that_left_is_not_told(health: Health) -> None:
    told: list[Report] = []
    health.listen(told.append)
    health.unlisten(told.append)
    health.report("disk", BROKEN)
    assert told == []


def test_a_component_that_is_no_longer_configured_is_forgotten(health: Health) -> None:
    health.report("camera", BROKEN)
    health.report("disk", OK)
    health.forget("camera")
    health.forget("keypad")
    assert [report.component for report in health.reports()] == ["disk"]


def test_reports_come_by_name(health: Health) -> None:
    for component in ("uplink", "agent", "disk"):
        health.report(component, OK)
    assert [report.component for report in health.reports()] == ["agent", "disk", "uplink"]


def test_a_condition_is_told_in_words(health: Health) -> None:
    health.report("disk", FULL)
    message, hint = health.reports()[0].words(language("vi"))
    assert "90" in message
    assert hint


@pytest.mark.parametrize(("component", "every_s"), [("agent", AGENT_EVERY_S), ("camera-2", OTHERS_EVERY_S)])
def test_a_reader_is_told_how_fresh_to_expect_it(health: Health, component: str, every_s: int) -> None:
    health.report(component, OK)
    assert health.reports()[0].every_s == every_s
