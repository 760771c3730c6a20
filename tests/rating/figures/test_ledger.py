"""Outages over the lives of an agent: none lost, none twice, each with its cause and its time."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.alive import read_mark
from agent.clock import ClockQuality, ManualClock
from agent.errors import TryAgain
from agent.event import GENESIS, Event, EventType, Fact, Lane
from agent.health import OK, Condition, Health, Status
from agent.rating.figures.ledger import RESUMED_S, UNSURE_S, Ledger, LedgerService
from agent.rating.figures.opening import opening
from agent.rating.figures.outages import OutageCause
from agent.settings.hours import office_hours
from agent.timekeeper import MARK_S, Timekeeper
from tests.eventually import eventually
from tests.rating.days import ZONE, at
from tests.rating.running import running

GONE = Condition(Status.FAILED, "KEYPAD_UNPLUGGED")
LOST = Condition(Status.FAILED, "UPLINK_LOST")
CONNECTING = Condition(Status.DEGRADED, "UPLINK_CONNECTING")
BOOTS = ("9f2c00000000", "9f2c00000001")


class Box:
    """A box over several lives of its agent; the alive mark and the lane are all that passes from one to the next."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "alive.json"
        self.events: list[Event] = []
        self.is_refusing = False
        self.boot(at(8))

    def boot(self, wall: datetime, *, quality: ClockQuality = ClockQuality.NTP, number: int = 0) -> None:
        self.clock = ManualClock(wall, boot=BOOTS[number], quality=quality)
        self.start()

    def start(self) -> None:
        mark = read_mark(self.path)
        self.keeper = Timekeeper(self.clock, self.path, mark)
        self.ledger = Ledger(
            self.clock,
            zone=ZONE,
            opening=lambda day: opening(day, ZONE, office_hours().spans),
            life=self.keeper.last_life,
            notes=mark.outages if mark is not None else (),
        )
        self.keeper.outages = self.ledger.notes
        self.health = Health(self.clock)
        self.health.listen(self.ledger.hear)
        self.turn()

    def append(self, *facts: Fact) -> None:
        if self.is_refusing:
            raise TryAgain("the disk is full")
        for fact in facts:
            seq = len(self.events) + 1
            self.events.append(Event("40", "na-0123", "E", Lane.ALERT, seq, GENESIS, self.clock.boot, fact))

    def alerts(self) -> Iterator[tuple[str, int, bytes]]:
        return (("E", event.seq, event.encode()) for event in reversed(self.events))

    def turn(self) -> None:
        """What the services do every second."""
        self.keeper.look()
        self.keeper.tell(self.append)
        self.ledger.look()
        if not self.ledger.is_complete:
            self.ledger.recall(self.alerts())
        self.ledger.tell(self.append)
        self.keeper.mark()

    def live(self, seconds: float) -> None:
        """Let time pass, a mark at every minute of it."""
        while seconds > 0:
            self.clock.advance(min(seconds, MARK_S))
            seconds -= MARK_S
            self.turn()

    def end(self) -> None:
        """Stop in order."""
        self.turn()
        self.keeper.mark(is_clean=True)

    @property
    def told(self) -> list[tuple[str, str, datetime, datetime]]:
        """OutageCause, component, from and to of every outage in the lane."""
        data = [event.fact.data for event in self.events if event.fact.type is EventType.ALERT]
        read = datetime.fromisoformat
        return [(each["cause"], each["component"], read(each["from"]), read(each["to"])) for each in data]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def about(moment: datetime, told: datetime) -> bool:
    return abs((moment - told).total_seconds()) <= MARK_S


def test_a_keypad_that_was_pulled_out_is_told_when_it_is_back(box: Box) -> None:
    box.live(600)
    box.health.report("keypad", GONE)
    box.live(300)
    (now,) = box.ledger.ledger(1)
    assert (now.cause, now.start, now.end) == (OutageCause.KEYPAD, at(8, 10), None)
    assert box.told == []
    box.health.report("keypad", OK)
    box.live(60)
    assert box.told == [("keypad", "keypad", at(8, 10), at(8, 15))]
    data = dict(box.events[-1].fact.data)
    assert (data["reason"], data["duration_s"], data["opening_s"]) == ("KEYPAD_UNPLUGGED", 300, 300)
    assert [(each.start, each.end) for each in box.ledger.ledger(1)] == [(at(8, 10), at(8, 15))]


def test_what_lasts_less_than_a_minute_is_no_outage(box: Box) -> None:
    box.health.report("keypad", GONE)
    box.live(59)
    box.health.report("keypad", OK)
    box.live(60)
    assert (box.told, box.ledger.ledger(1), box.ledger.notes()) == ([], [], ())


def test_each_part_has_its_own_outage_with_its_own_cause(box: Box) -> None:
    for component, condition in (("keypad", GONE), ("uplink", LOST), ("camera", Condition(Status.FAILED, "X"))):
        box.health.report(component, condition)
        box.live(60)
    box.health.report("uplink", CONNECTING)
    box.live(60)
    for component in ("keypad", "uplink", "camera"):
        box.health.report(component, OK)
    box.live(60)
    assert [(cause, (to - since).total_seconds()) for cause, _, since, to in box.told] == [
        ("keypad", 240),
        ("network", 180),
        ("camera", 120),
    ]


def test_a_power_cut_is_told_once_by_the_next_life(box: Box) -> None:
    box.live(1800)
    for _ in range(2):
        box.boot(at(10), number=1)
        box.live(60)
    assert [each[:2] for each in box.told] == [("power", "agent")]
    _, _, since, to = box.told[0]
    assert about(at(8, 30), since)
    assert to == at(10)
    assert [event.fact.data["opening_s"] for event in box.events if event.fact.type is EventType.ALERT] == [5400]


def test_an_agent_that_was_killed_or_stopped_in_the_same_boot_is_its_own_outage(box: Box) -> None:
    box.live(600)
    box.clock.advance(600)
    box.start()
    box.live(60)
    box.end()
    box.clock.advance(300)
    box.start()
    assert [each[0] for each in box.told] == ["agent", "agent"]
    reasons = [event.fact.data["reason"] for event in box.events if event.fact.type is EventType.ALERT]
    assert reasons == ["killed", "clean"]
    assert (box.told[1][3] - box.told[1][2]).total_seconds() == 300


@pytest.mark.parametrize("is_orderly", [True, False])
def test_a_restart_is_no_outage_and_ends_none(box: Box, is_orderly: bool) -> None:
    box.live(600)
    box.health.report("keypad", GONE)
    box.health.report("uplink", LOST)
    box.live(600)
    if is_orderly:
        box.end()
    box.clock.advance(3)
    box.start()
    box.health.report("uplink", CONNECTING)
    box.health.report("keypad", GONE)
    box.live(60)
    assert box.told == []
    box.health.report("keypad", OK)
    box.health.report("uplink", OK)
    box.live(60)
    assert [each[:3] for each in box.told] == [
        ("keypad", "keypad", at(8, 10)),
        ("network", "uplink", at(8, 10)),
    ]


def test_a_power_cut_parts_what_was_gone_before_it_from_what_is_gone_after_it(box: Box) -> None:
    box.live(600)
    box.health.report("keypad", GONE)
    box.live(600)
    box.boot(at(9), number=1)
    box.health.report("keypad", Condition(Status.FAILED, "KEYPAD_MISSING"))
    box.live(600)
    box.health.report("keypad", OK)
    box.live(60)
    assert [each[0] for each in box.told] == ["keypad", "power", "keypad"]
    before, cut, after = box.told
    assert before[2] == at(8, 10)
    assert before[3] == cut[2]
    assert about(at(8, 20), cut[2])
    assert cut[3] == after[2] == at(9)


def test_a_keypad_that_was_taken_out_of_the_settings_while_the_agent_was_away_is_not_gone_for_ever(box: Box) -> None:
    box.health.report("keypad-2", GONE)
    box.live(300)
    box.end()
    box.clock.advance(3)
    box.start()
    box.live(RESUMED_S + 60)
    assert [each[:2] for each in box.told] == [("keypad", "keypad-2")]
    assert (box.told[0][3] - box.told[0][2]).total_seconds() == 303


def test_a_part_that_is_no_longer_configured_is_no_longer_gone(box: Box) -> None:
    box.health.report("camera", Condition(Status.FAILED, "CAMERA_AWAY"))
    box.live(120)
    box.ledger.forget("camera")
    box.live(60)
    assert [each[0] for each in box.told] == ["camera"]


def test_a_box_that_learns_the_time_late_dates_everything_right(box: Box) -> None:
    box.live(1800)
    box.boot(at(8, 30, days=-3), quality=ClockQuality.FLOOR, number=1)  # truly 10:00
    box.live(60)
    box.health.report("keypad", GONE)
    box.live(300)
    box.health.report("keypad", OK)
    box.live(60)
    assert box.told == [], "by a clock that nobody vouches for"
    box.clock.set_wall(at(10, 7), ClockQuality.NTP)
    box.live(1)
    assert [each[0] for each in box.told] == ["power", "keypad"]
    power, keypad = box.told
    assert about(at(8, 30), power[2])
    assert power[3] == at(10)
    assert keypad[2:] == (at(10, 1), at(10, 6))


def test_a_box_that_never_learns_the_time_tells_after_an_hour(box: Box) -> None:
    box.boot(at(8, days=-3), quality=ClockQuality.FLOOR, number=1)
    box.events.clear()
    box.health.report("keypad", GONE)
    box.live(300)
    box.health.report("keypad", OK)
    box.live(UNSURE_S)
    (told,) = [each for each in box.told if each[0] == "keypad"]
    assert (told[3] - told[2]).total_seconds() == 300
    assert box.events[-1].fact.clock is ClockQuality.FLOOR


def test_what_the_outbox_refuses_is_told_by_the_next_life(box: Box) -> None:
    box.health.report("keypad", GONE)
    box.live(300)
    box.health.report("keypad", OK)
    box.is_refusing = True
    box.clock.advance(60)
    with pytest.raises(TryAgain):
        box.turn()
    box.keeper.mark()
    box.is_refusing = False
    box.clock.advance(3)
    box.start()
    assert box.told == [("keypad", "keypad", at(8), at(8, 5))]


def test_told_right_before_a_crash_is_not_told_again(box: Box) -> None:
    box.live(60)
    box.health.report("keypad", GONE)
    box.live(300)
    box.health.report("keypad", OK)
    box.clock.advance(10)
    mark = box.path.read_bytes()
    box.turn()
    box.path.write_bytes(mark)  # the crash came before the next mark
    assert len(json.loads(mark)["outages"]) == 1
    box.start()
    box.health.report("keypad", OK)
    box.live(120)
    assert len(box.told) == 1
    assert len(box.ledger.ledger(1)) == 1


def test_the_ledger_of_a_month_leaves_out_what_is_older(box: Box) -> None:
    for days in (-33, -29, -1):
        data = {
            "code": "OUTAGE",
            "cause": "keypad",
            "component": "keypad",
            "reason": "X",
            "from": at(8, days=days).isoformat(),
            "to": at(9, days=days).isoformat(),
        }
        box.append(Fact.seen(EventType.ALERT, ManualClock(at(9, days=days)).read(), data))
    box.clock.advance(3)
    box.start()
    assert [each.start for each in box.ledger.ledger(30)] == [at(8, days=-29), at(8, days=-1)]
    assert [each.start for each in box.ledger.ledger(2)] == [at(8, days=-1)]


def test_a_note_that_cannot_be_read_is_left_out(box: Box) -> None:
    notes: list[Any] = [None, [], ["keypad", "keypad", "X", ["b", "never", "x", "ntp"], None]]
    ledger = Ledger(box.clock, zone=ZONE, opening=lambda _: [], notes=notes)
    assert ledger.notes() == ()


def test_the_mark_stays_small_however_much_waits(box: Box) -> None:
    box.is_refusing = True
    for number in range(40):
        box.health.report(f"camera-{number}", Condition(Status.FAILED, "CAMERA_AWAY"))
    box.clock.advance(MARK_S)
    box.ledger.look()
    box.keeper.mark()
    assert box.path.stat().st_size < 4096


def test_the_service_reads_what_was_told_and_tells_what_is_over(tmp_path: Path) -> None:
    clock = ManualClock(at(8))
    ledger = Ledger(clock, zone=ZONE, opening=lambda _: [])
    health, facts = Health(clock), list[Fact]()
    health.listen(ledger.hear)
    tries = iter([TryAgain("the disk is full")])

    def append(fact: Fact) -> None:
        for error in tries:
            raise error
        facts.append(fact)

    with running(LedgerService(ledger, append=append, alerts=list)):
        health.report("keypad", GONE)
        clock.advance(90)
        health.report("keypad", OK)
        eventually(lambda: facts, within_s=5)
    assert facts[0].data["duration_s"] == timedelta(seconds=90).total_seconds()
