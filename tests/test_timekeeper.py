"""What happens to the clock is told once, in order, and the box marks that it is alive."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.alive import AliveMark, Ending, read_mark, write_mark
from agent.clock import ClockQuality, ManualClock, SystemClock
from agent.errors import TryAgain
from agent.event import EventType, Fact, Lane
from agent.health import Health
from agent.timekeeper import JUMPED_S, MARK_S, WAITING, ClockService, Timekeeper
from tests.eventually import eventually
from tests.moved_kernel import MovedKernel
from tests.rating.running import running

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TODAY = datetime(2026, 9, 1, 8, 0, tzinfo=ZONE)
NTP, RTC, FLOOR, NONE = ClockQuality


class Box:
    """A box with a clock that is moved by hand, over as many lives of the agent as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "alive.json"
        self.facts: list[Fact] = []
        self.is_refusing = False

    def start(self, clock: ManualClock | SystemClock) -> Timekeeper:
        self.clock = clock
        self.keeper = Timekeeper(clock, self.path, read_mark(self.path))
        return self.keeper

    def append(self, *facts: Fact) -> None:
        if self.is_refusing:
            raise TryAgain("the disk is full")
        self.facts.extend(facts)

    def turn(self) -> None:
        """What the service does every second."""
        self.keeper.look()
        self.keeper.tell(self.append)
        self.keeper.mark()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [dict(fact.data) for fact in self.facts]

    @property
    def mark(self) -> AliveMark:
        mark = read_mark(self.path)
        assert mark is not None
        return mark


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def in_1970() -> ManualClock:
    return ManualClock(datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC).astimezone(ZONE), quality=NONE)


def test_a_clock_that_goes_as_it_should_is_not_worth_an_event(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    for _ in range(100):
        clock.advance(1)
        box.turn()
    clock.suspend(8 * 3600)
    box.turn()
    clock.set_wall(clock.now() + timedelta(seconds=1.5))
    box.turn()
    assert box.told == []


def test_the_first_time_from_the_network_is_told_with_what_to_add(box: Box) -> None:
    clock = in_1970()
    box.start(clock)
    box.turn()
    clock.advance(300)
    clock.set_wall(TODAY, NTP)
    box.turn()
    box.turn()
    (said,) = box.told
    assert said == {
        "kind": "trusted",
        "boot": clock.boot,
        "offset_s": (TODAY - datetime(1970, 1, 1, 0, 5, 20, tzinfo=UTC)).total_seconds(),
        "from": {"clock": "none", "booted": "1969-12-31T23:43:40.000Z"},
        "to": {"clock": "ntp", "booted": "2026-09-01T00:38:20.000Z"},
    }
    (fact,) = box.facts
    assert fact.type is EventType.CLOCK
    assert fact.type.lane is Lane.ALERT
    assert (fact.at, fact.clock) == (TODAY, NTP)


def test_trust_without_a_step_is_told_as_well(box: Box) -> None:
    clock = ManualClock(TODAY, quality=FLOOR)
    box.start(clock)
    clock.set_wall(TODAY + timedelta(seconds=0.5), NTP)
    box.turn()
    assert [(said["kind"], said["offset_s"]) for said in box.told] == [("trusted", 0.5)]


def test_the_networks_word_on_a_hardware_clock_is_told(box: Box) -> None:
    clock = ManualClock(TODAY, quality=RTC)
    box.start(clock)
    clock.set_wall(TODAY - timedelta(seconds=1), NTP)
    box.turn()
    clock.set_wall(TODAY + timedelta(seconds=60), NTP)
    box.turn()
    assert [(said["kind"], said["offset_s"]) for said in box.told] == [("trusted", -1.0), ("jump", 61.0)]


def test_an_hour_turned_back_is_told_with_its_sign_and_where_the_clock_stood(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    clock.set_wall(TODAY - timedelta(hours=1), NONE)
    box.turn()
    (said,) = box.told
    assert (said["kind"], said["offset_s"]) == ("jump", -3600.0)
    assert (said["from"]["clock"], said["to"]["clock"]) == ("ntp", "none")
    assert box.facts[0].clock is NONE


def test_steps_too_small_to_tell_are_told_when_they_add_up(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    for _ in range(4):
        clock.set_wall(clock.now() - timedelta(seconds=1.5))
        box.turn()
    assert [said["offset_s"] for said in box.told] == [-3.0, -3.0]


def test_every_step_of_an_unsure_clock_is_told(box: Box) -> None:
    clock = in_1970()
    box.start(clock)
    for hours in (1, -1, 2):
        clock.set_wall(clock.now() + timedelta(hours=hours))
        box.turn()
    clock.set_wall(TODAY, NTP)
    box.turn()
    assert [said["kind"] for said in box.told] == ["jump", "jump", "jump", "trusted"]
    assert sum(said["offset_s"] for said in box.told) == TODAY.timestamp() - 20


def test_what_the_outbox_refuses_is_told_later_in_order_and_the_mark_waits_for_it(box: Box) -> None:
    clock = in_1970()
    box.start(clock)
    box.turn()
    before = box.mark
    box.is_refusing = True
    for moment in (TODAY - timedelta(days=1), TODAY):
        clock.set_wall(moment)
        clock.advance(MARK_S)
        box.keeper.look()
        with pytest.raises(TryAgain):
            box.keeper.tell(box.append)
        box.keeper.mark()
    assert box.mark == before
    box.is_refusing = False
    box.turn()
    assert [fact.at.day for fact in box.facts] == [31, 1]
    assert box.mark.moment.at == clock.now()


def test_a_clock_that_will_not_stand_still_while_the_outbox_refuses_fills_no_memory(box: Box) -> None:
    clock = in_1970()
    box.start(clock)
    for _ in range(WAITING + 50):
        clock.set_wall(clock.now() + timedelta(hours=1))
        box.keeper.look()
    box.keeper.tell(box.append)
    assert len(box.facts) == WAITING


def test_a_step_while_no_agent_ran_is_told_by_the_next_life(box: Box) -> None:
    clock = in_1970()
    box.start(clock)
    box.turn()
    clock.set_wall(TODAY, NTP)
    box.start(clock)
    box.turn()
    assert [said["kind"] for said in box.told] == ["start", "trusted"]
    assert box.told[1]["from"]["clock"] == "none"


def test_a_crash_before_the_telling_does_not_swallow_it(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    box.turn()
    clock.advance(MARK_S)
    clock.set_wall(clock.now() - timedelta(hours=1), NONE)
    box.keeper.mark()  # due in the very second of the step
    box.start(clock)
    box.turn()
    assert [(said["kind"], said.get("offset_s")) for said in box.told] == [("start", None), ("jump", -3600.0)]


def test_a_power_cut_is_dated_by_the_mark(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    for _ in range(150):
        box.turn()
        clock.advance(1)
    later = ManualClock(TODAY + timedelta(hours=2), boot="an0therb00t0")
    box.start(later)
    assert box.keeper.last_life is not None
    assert box.keeper.last_life.ending is Ending.POWER
    box.turn()
    (said,) = box.told
    assert said["kind"] == "start"
    assert said["last"] == {
        "ending": "power",
        "boot": clock.boot,
        "at": "2026-09-01T01:02:00.000Z",
        "clock": "ntp",
        "booted": "2026-09-01T00:43:20.000Z",
    }


def test_a_killed_agent_is_told_from_a_power_cut(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    box.turn()
    box.start(clock)
    box.turn()
    assert [said["last"]["ending"] for said in box.told] == ["killed"]


def test_a_planned_end_and_a_first_start_are_not_worth_an_event(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    box.turn()
    box.keeper.mark(is_clean=True)
    box.start(clock)
    box.turn()
    box.keeper.mark(is_clean=True)
    box.start(ManualClock(TODAY + timedelta(hours=1), boot="an0therb00t0"))
    box.turn()
    assert box.told == []


def test_a_start_before_the_last_time_seen_is_told_although_the_end_was_clean(box: Box) -> None:
    box.start(SystemClock(ZONE, kernel=MovedKernel(wall_s=TODAY.timestamp(), synchronised=True)))
    box.turn()
    box.keeper.mark(is_clean=True)
    mark = box.mark
    box.start(SystemClock(ZONE, mark.seen, kernel=MovedKernel(boot="an0therb00t0", wall_s=TODAY.timestamp() - 86400)))
    box.turn()
    (said,) = box.told
    assert (said["kind"], said["last"]["ending"], said["to"]["clock"]) == ("start", "clean", "none")
    assert said["floor"] == "2026-09-01T01:00:00.000Z"
    assert box.keeper.condition().code == "CLOCK_BEFORE_FLOOR"


def test_the_mark_is_written_at_most_once_a_minute(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[AliveMark] = []

    def note(path: Path, mark: AliveMark) -> None:
        written.append(mark)
        write_mark(path, mark)

    monkeypatch.setattr("agent.timekeeper.write_mark", note)
    clock = ManualClock(TODAY)
    box.start(clock)
    for _ in range(600):
        box.turn()
        clock.advance(1)
    assert len(written) == 10
    box.keeper.mark(is_clean=True)
    assert [mark.is_clean for mark in written] == [False] * 10 + [True]


def test_a_crash_loop_does_not_write_a_mark_at_every_start(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    box.turn()
    first = box.path.stat().st_ino
    for _ in range(10):
        clock.advance(2)
        box.start(clock)
        box.turn()
    assert box.path.stat().st_ino == first
    clock.advance(MARK_S)
    box.turn()
    assert box.mark.moment.at == clock.now()


def test_a_clean_mark_is_taken_back_at_once_by_the_next_life(box: Box) -> None:
    clock = ManualClock(TODAY)
    box.start(clock)
    box.turn()
    box.keeper.mark(is_clean=True)
    box.start(clock)
    box.turn()
    assert not box.mark.is_clean


@pytest.mark.parametrize("content", [b"", b'{"boot": "9f', b"\0" * 200, b"[]", b'{"boot": 1}'])
def test_a_mark_that_cannot_be_read_counts_as_none_and_is_replaced(box: Box, content: bytes) -> None:
    box.path.write_bytes(content)
    box.start(ManualClock(TODAY))
    assert box.keeper.last_life is None
    box.turn()
    assert box.told == []
    assert box.mark.moment.at == TODAY


def test_a_folder_that_refuses_the_mark_is_named_once_and_the_clock_is_told_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    box = Box(tmp_path / "file")
    clock = in_1970()
    box.start(clock)
    with caplog.at_level(logging.INFO, logger="agent.timekeeper"):
        for _ in range(3):
            clock.advance(MARK_S)
            box.turn()
        clock.set_wall(TODAY, NTP)
        box.turn()
        (tmp_path / "file").unlink()
        clock.advance(MARK_S)
        box.turn()
    assert [said["kind"] for said in box.told] == ["trusted"]
    assert box.mark.moment.at == clock.now()
    assert len([record for record in caplog.records if "cannot be written" in record.message]) == 1
    assert len([record for record in caplog.records if "is written again" in record.message]) == 1


def test_health_says_how_the_clock_is(box: Box) -> None:
    kernel = MovedKernel(wall_s=TODAY.timestamp())
    box.start(SystemClock(ZONE, kernel=kernel))
    box.turn()
    assert box.keeper.condition().code == "CLOCK_UNSURE"
    kernel.hear_network(TODAY.timestamp() + 60)
    box.turn()
    assert box.keeper.condition().code == "OK"
    kernel.pass_time(3600)
    box.turn()
    kernel.step(-1800)
    box.turn()
    assert box.keeper.condition().code == "CLOCK_BEFORE_FLOOR"
    kernel.hear_network(kernel.wall_s + 1800)
    box.turn()
    condition = box.keeper.condition()
    assert (condition.code, condition.values) == ("CLOCK_JUMPED", {"offset_s": "-1800"})
    kernel.pass_time(JUMPED_S)
    box.turn()
    assert box.keeper.condition().code == "OK"


def test_a_first_time_from_the_network_is_no_trouble(box: Box) -> None:
    clock = in_1970()
    box.start(clock)
    clock.set_wall(TODAY, NTP)
    box.turn()
    assert box.keeper.condition().code == "OK"


def test_the_service_tells_reports_and_says_its_last_words(box: Box) -> None:
    clock = in_1970()
    health = Health(clock)
    service = ClockService(box.start(clock), append=box.append, health=health)
    with running(service):
        eventually(lambda: [report.condition.code for report in health.reports()] == ["CLOCK_UNSURE"])
        clock.set_wall(TODAY, NTP)
        eventually(lambda: len(box.told) == 1)
    assert [report.component for report in health.reports()] == ["clock"]
    assert health.reports()[0].condition.code == "OK"
    assert box.mark.is_clean
    assert json.loads(box.path.read_text())["clock"] == "ntp"


def test_a_service_that_is_refused_goes_on_and_tells_when_the_disk_is_back(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    clock = in_1970()
    box.is_refusing = True
    keeper = box.start(clock)
    clock.set_wall(TODAY, NTP)
    with running(ClockService(keeper, append=box.append, health=Health(clock))):
        eventually(lambda: "cannot be stored yet" in caplog.text)
        box.is_refusing = False
        eventually(lambda: len(box.told) == 1)
