"""What is kept by age never depends on a clock that could not be believed."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.outbox.age import first_kept

NOW = datetime(2026, 9, 1, tzinfo=UTC)
KEEP = timedelta(days=90)
OLD, YOUNG = NOW - timedelta(days=91), NOW - timedelta(days=89)
IN_1970 = datetime(1970, 1, 1, tzinfo=UTC)
Row = tuple[datetime, ClockQuality]
NTP, RTC, FLOOR, NONE = ClockQuality


def kept(rows: list[Row], *, through: int, quality: ClockQuality = NTP) -> int:
    def body(seq: int) -> bytes | None:
        if seq > len(rows):
            return None
        at, clock = rows[seq - 1]
        return json.dumps({"time": at.isoformat(), "clock": clock}).encode()

    return first_kept(ManualClock(NOW, quality=quality).read(), KEEP, first=1, through=through, body=body)


@pytest.mark.parametrize(
    ("rows", "through", "expected"),
    [
        ([(OLD, NTP)] * 4, 4, 5),
        ([(OLD, NTP), (OLD, RTC), (YOUNG, NTP), (YOUNG, NTP)], 4, 3),
        ([(YOUNG, NTP)] * 4, 4, 1),
    ],
)
def test_what_is_old_goes(rows: list[Row], through: int, expected: int) -> None:
    assert kept(rows, through=through) == expected


def test_a_row_from_1970_is_as_old_as_the_next_that_knew_the_time() -> None:
    assert kept([(IN_1970, NONE), (YOUNG, NTP)], through=1) == 1
    assert kept([(IN_1970, NONE), (OLD, NTP), (YOUNG, NTP)], through=3) == 3
    assert kept([(OLD, FLOOR), (YOUNG, NTP)], through=2) == 1
    assert kept([(NOW, FLOOR), (OLD, NTP)], through=1) == 2


def test_weeks_without_the_time_do_not_stay_for_ever() -> None:
    rows: list[Row] = [(IN_1970, NONE)] * 5000
    assert kept([*rows, *[(OLD, NTP)] * 5000], through=4) == 5
    assert kept([*rows, *[(YOUNG, NTP)] * 5000], through=4) == 1
    assert kept(rows, through=4) == 1


def test_a_box_that_does_not_know_the_time_removes_nothing_by_it() -> None:
    assert kept([(OLD, NTP)] * 4, through=4, quality=FLOOR) == 1
    assert kept([(OLD, NTP)] * 4, through=4, quality=NONE) == 1


def test_few_of_many_rows_are_looked_at() -> None:
    asked: list[int] = []
    rows: list[Row] = [(OLD, NTP)] * 700 + [(YOUNG, NTP)] * 300

    def body(seq: int) -> bytes:
        asked.append(seq)
        at, clock = rows[seq - 1]
        return json.dumps({"time": at.isoformat(), "clock": clock}).encode()

    assert first_kept(ManualClock(NOW).read(), KEEP, first=1, through=1000, body=body) == 701
    assert len(asked) < 30
