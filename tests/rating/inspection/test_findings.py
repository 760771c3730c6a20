"""Thirty days in figures, from events as they stand in the lanes."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agent.clock import ManualClock
from agent.event import EventType, Fact
from agent.rating.figures.daybook import Daybook
from agent.rating.figures.outages import OutageCause
from agent.rating.figures.summary import Terms
from agent.rating.inspection.findings import Findings, findings
from agent.rating.scale import VN4

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOON = datetime(2026, 9, 30, 12, 0, tzinfo=ZONE)
TERMS = Terms(zone=ZONE, hours=lambda _: [("08:00", "12:00")], scale=VN4, inputs=("keypad",))


def book(*said: tuple[EventType, datetime, dict[str, Any]]) -> Daybook:
    book, clock = Daybook(ZONE), ManualClock(NOON)
    for number, (kind, at, data) in enumerate(said, start=1):
        fact = Fact(kind, at, clock.quality(), data)
        event = {
            "id": f"na-0123/E/{kind.lane}/{number}",
            "type": kind.full_name,
            "time": fact.at.isoformat(),
            "clock": "ntp",
            "boot": clock.boot,
            "epoch": "E",
            "lane": kind.lane,
            "seq": number,
            "data": data,
        }
        book.take(event, json.dumps(event).encode())
    return book


def findings_in(book: Daybook) -> Findings:
    return findings(book, book.outages, TERMS, until=NOON)


def rating(days_ago: float, level: int, *flags: str) -> tuple[EventType, datetime, dict[str, Any]]:
    data = {"level": level, "scale": "vn4", "scale_hash": VN4.hash, "valid": not flags, "flags": list(flags)}
    return EventType.RATING, NOON - timedelta(days=days_ago), data


def outage(
    days_ago: float, cause: OutageCause, component: str, hours: float
) -> tuple[EventType, datetime, dict[str, Any]]:
    start = NOON - timedelta(days=days_ago)
    data = {"code": "OUTAGE", "cause": cause, "component": component, "reason": "X", "from": start.isoformat()}
    end = start + timedelta(hours=hours)
    return EventType.ALERT, end, {**data, "to": end.isoformat()}


def test_ratings_of_thirty_days_are_counted_and_older_ones_are_not() -> None:
    found = findings_in(
        book(rating(40, 0), *[rating(day, 3) for day in range(29)], rating(0, 0), rating(1, 3, "training")),
    )
    assert (found.raw, found.valid, found.flags) == (31, 30, {"training": 1})
    assert (found.satisfied.count, found.satisfied.of, found.satisfied.percent) == (29, 30, 96.7)


def test_few_ratings_have_no_share() -> None:
    assert findings_in(book(rating(0, 3))).satisfied.percent is None


def test_outages_are_summed_by_cause_in_opening_hours_and_take_from_the_availability() -> None:
    found = findings_in(
        book(
            outage(2, OutageCause.POWER, "agent", -1 + 4),
            outage(40, OutageCause.POWER, "agent", 3),
            outage(1.125, OutageCause.KEYPAD, "keypad", 2),
            outage(3.1, OutageCause.NETWORK, "uplink", 1),
        ),
    )
    assert {cause: (total.count, total.opening_s / 3600) for cause, total in found.outages.items()} == {
        OutageCause.POWER: (1, 0.0),
        OutageCause.KEYPAD: (1, 2.0),
        OutageCause.NETWORK: (1, 1.0),
    }
    assert found.availability.opening_s == 30 * 4 * 3600
    assert found.availability.available_s == 30 * 4 * 3600 - 2 * 3600


def test_an_empty_book_has_empty_figures() -> None:
    found = findings_in(book())
    assert (found.raw, found.outages, found.availability.percent) == (0, {}, 100.0)
