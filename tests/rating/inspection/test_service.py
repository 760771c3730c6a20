"""An inspector at the counter: what the screen shows, what is stored, and what a restart leaves."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.event import EventType, Fact
from agent.language import language
from agent.panel import Panel
from agent.rating.inspection.chord import TRIES
from agent.rating.inspection.findings import Findings
from agent.rating.inspection.inspection import LASTS_S
from agent.rating.inspection.modes import ModeKind
from agent.rating.inspection.service import Evidence, Fitted, InspectionService
from agent.rating.inspection.sign import Sign, read_mode
from agent.rating.inspection.slip import Slip, read_slip
from agent.rating.keypad.keys import Keys
from agent.rating.scale import VN4
from agent.rating.tray import Arrival, Felt
from drivers.base import Press
from tests.eventually import eventually
from tests.rating.inspecting import findings_of
from tests.rating.running import running

KEYS = Keys({"31": 3, "32": 2, "33": 1, "34": 0})
CODES = {level: code for code, level in KEYS.levels.items()}
HEADS = "MOTCUA1 na-0123 01J6X record:4:" + "a" * 43
CHORD = (0, 3, 0, 3)


class Visit:
    """A counter with an inspector before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 0, tzinfo=UTC))
        self.felt = Felt(100)
        self.facts: list[Fact] = []
        self.panels: list[Panel | None] = []
        self.camera_is_there = True
        self.refuses = False
        self.begin()

    def begin(self) -> None:
        """A new life of the agent."""
        mode, slip = self.folder / "mode.json", self.folder / "code.json"
        self.sign = Sign(mode, self.clock, read_mode(mode))
        self.slip = Slip(slip, self.clock, read_slip(slip))
        self.service = InspectionService(
            self.sign,
            self.slip,
            self.felt,
            fitted=Fitted(VN4, {"keypad": KEYS}, has_qr=True, cameras=["quay"]),
            evidence=Evidence(self.look, self.findings, lambda: HEADS, lambda text: f"<svg>{text}</svg>"),
            append=self.append,
            show=self.panels.append,
            language=language("vi"),
            clock=self.clock,
        )

    def look(self) -> Mapping[str, bool]:
        return {"quay": self.camera_is_there}

    def findings(self) -> Findings:
        if self.refuses:
            raise TryAgain("the card is ill")
        return findings_of()

    def append(self, *facts: Fact) -> None:
        if self.refuses:
            raise TryAgain("the card is full")
        self.facts.extend(facts)

    def press(self, *levels: int) -> None:
        for level in levels:
            self.clock.advance(1)
            self.service.turn(Arrival("keypad", Press(CODES[level], self.clock.monotonic())))

    def inspect(self) -> None:
        self.sign.hang(ModeKind.INSPECTION, by="Đoàn 3", lasts_s=LASTS_S)
        self.service.turn(None)

    def arm(self, code: str = "143124") -> None:
        self.slip.arm(code, by="PX03", lasts_s=3600)

    @property
    def shown(self) -> Panel:
        panel = self.panels[-1]
        assert panel is not None
        return panel

    def result(self) -> Mapping[str, Any]:
        (fact,) = [fact for fact in self.facts if fact.type is EventType.INSPECTION]
        return fact.data


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return Visit(tmp_path)


def test_an_inspector_is_led_from_the_first_key_to_the_photograph(visit: Visit) -> None:
    visit.inspect()
    assert (visit.shown.ask, visit.shown.focus) == ("Bấm phím có ghi", "Rất hài lòng")
    visit.press(3, 1)
    assert visit.shown.focus == "Hài lòng"
    assert "Bình thường" in visit.shown.note
    visit.press(2, 1, 0)
    assert visit.shown.has_rating_code
    visit.service.qr_opened()
    visit.service.turn(None)
    assert [panel and panel.ask for panel in visit.panels][-2] == "Mời nhìn vào camera"
    assert visit.shown.drawing == f"<svg>{HEADS}</svg>"
    rows = {line.label: line.value for line in visit.shown.lines}
    assert rows["Lượt đánh giá"] == "870 hợp lệ / 935 lượt"
    assert rows["Hài lòng"] == "93,3 % (91,5–94,8 %)"
    assert rows["Thời gian đánh giá được"] == "97,2 %"
    assert rows["Mất điện"] == "2 lần, 1,5 giờ trong giờ làm việc"
    assert rows["record số 4"] == "aaaaaaaaaa…"
    visit.press(3)
    assert visit.panels[-1] is None
    assert visit.sign.left_s == 0
    result = visit.result()
    assert (result["by"], result["opened"], result["ended"], result["failed"]) == ("Đoàn 3", "command", "finished", [])
    assert result["heads"] == HEADS
    assert result["keys"][1]["pressed"] == [1, 2]


def test_an_inspection_ends_by_itself_with_what_was_found_so_far(visit: Visit) -> None:
    visit.inspect()
    visit.press(3)
    visit.clock.advance(LASTS_S)
    visit.service.turn(None)
    assert visit.panels[-1] is None
    result = visit.result()
    assert (result["ended"], result["took_s"]) == ("time", LASTS_S)
    assert "key/keypad/2" in result["failed"]


def test_a_camera_that_is_away_is_named(visit: Visit) -> None:
    visit.camera_is_there = False
    visit.inspect()
    visit.press(3, 2, 1, 0)
    visit.service.qr_opened()
    visit.service.turn(None)
    visit.service.turn(None)
    visit.clock.advance(20)
    visit.service.turn(None)
    visit.press(3)
    assert visit.result()["failed"] == ["camera/quay"]


def test_a_restart_in_between_begins_again_within_the_time_that_was_granted(visit: Visit) -> None:
    visit.inspect()
    visit.press(3, 2)
    visit.clock.advance(300)
    visit.begin()
    visit.service.turn(None)
    assert visit.shown.focus == "Rất hài lòng"
    visit.clock.advance(LASTS_S - 302)
    visit.service.turn(None)
    assert visit.result()["took_s"] == LASTS_S


def test_the_code_that_was_armed_opens_one_inspection(visit: Visit) -> None:
    visit.arm()
    visit.press(*CHORD, 0, 3)
    assert (visit.shown.is_strip, visit.shown.focus) == (True, "● ● ○ ○ ○ ○")
    assert visit.sign.flag_at(visit.clock.monotonic()) is None, "until the code is right every press counts"
    visit.press(2, 0, 1, 3)
    assert visit.sign.left_s == LASTS_S
    assert visit.shown.focus == "Rất hài lòng"
    visit.clock.advance(LASTS_S)
    visit.service.turn(None)
    assert (visit.result()["by"], visit.result()["opened"]) == ("PX03", "keys")
    visit.press(*CHORD, 0, 3, 2, 0, 1, 3)
    assert visit.sign.left_s == 0, "it was used up"


def test_wrong_codes_are_told_and_limited_and_pulling_the_plug_gives_no_further_tries(visit: Visit) -> None:
    visit.arm()
    for tries_left in reversed(range(TRIES)):
        visit.press(*CHORD, 0, 0, 0, 0, 0, 0)
        assert visit.facts[-1].type is EventType.ALERT
        assert visit.facts[-1].data == {"code": "INSPECTION_CODE_WRONG", "by": "PX03", "tries_left": tries_left}
        visit.begin()
    visit.press(*CHORD, 0, 3, 2, 0, 1, 3)
    assert visit.sign.left_s == 0
    assert len(visit.facts) == TRIES


def test_without_an_armed_code_the_chord_is_nothing(visit: Visit) -> None:
    visit.press(*CHORD, 0, 0, 0, 0, 0, 0)
    assert [panel for panel in visit.panels if panel is not None] == []
    assert visit.facts == []


def test_a_code_is_armed_for_its_time_only_and_can_be_taken_back(visit: Visit) -> None:
    visit.arm()
    visit.clock.advance(3600)
    assert visit.slip.passcode is None
    visit.arm()
    visit.slip.disarm()
    assert read_slip(visit.folder / "code.json") is None
    with pytest.raises(ValueError, match="at most a day"):
        visit.slip.arm("143124", by="PX03", lasts_s=86401)


def test_what_cannot_be_stored_yet_is_stored_later_and_findings_are_left_out(visit: Visit) -> None:
    visit.refuses = True
    visit.inspect()
    visit.press(3, 2, 1, 0)
    visit.service.qr_opened()
    visit.service.turn(None)
    visit.service.turn(None)
    assert visit.shown.drawing, "the heads can be photographed whatever the disk says"
    visit.press(3)
    assert visit.facts == []
    visit.refuses = False
    visit.service.turn(None)
    assert visit.result()["ended"] == "finished"


def test_repeats_and_unknown_codes_are_no_presses(visit: Visit) -> None:
    visit.inspect()
    for code in ("31", "31", "99"):
        visit.service.turn(Arrival("keypad", Press(code, visit.clock.monotonic())))
    visit.service.turn(Arrival("keypad-9", Press("31", visit.clock.monotonic())))
    assert visit.shown.focus == "Hài lòng"


def test_the_service_hears_the_keys_by_itself_and_takes_its_page_down_at_the_end(visit: Visit) -> None:
    with running(visit.service):
        visit.sign.hang(ModeKind.INSPECTION, by="Đoàn 3", lasts_s=LASTS_S)
        eventually(lambda: visit.panels and visit.shown.focus == "Rất hài lòng")
        visit.felt.put(Arrival("keypad", Press("31", visit.clock.monotonic())))
        eventually(lambda: visit.shown.focus == "Hài lòng")
    assert visit.panels[-1] is None


def test_a_code_is_tried_by_one_thread_at_a_time(visit: Visit) -> None:
    visit.arm()
    judged = []

    def try_it() -> None:
        with suppress(TryAgain):
            judged.append(visit.slip.try_code("143124"))

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each is not None for each in judged) == 1
