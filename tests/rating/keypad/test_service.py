"""The keeper of a keypad: real pseudo-terminals where a plug can be pulled, a driver by script where it cannot."""

import logging
import queue
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.health import Health, Report
from agent.language import language, languages
from agent.rating.keypad.keys import Keys
from agent.rating.keypad.service import FAULTS, REMARKS, TOLD, KeypadService
from drivers.base import DriverFault, DriverNotReady, Identity, Keypad, Options, Press, Remark
from drivers.keypad.serial import SerialKeypad
from drivers.keypad.sim import PtyKeypad
from drivers.keypad.wiring import SerialOptions
from tests.eventually import eventually
from tests.rating.running import running

KEYS = Keys({"31": 3, "34": 0})
LOGGER = "agent.rating.keypad.service"


class Board:
    """What a keeper said and handed over."""

    def __init__(self) -> None:
        self.health = Health(ManualClock(datetime(2026, 9, 1, 8, 0, tzinfo=UTC)))
        self.reports: list[Report] = []
        self.health.listen(self.reports.append)
        self.presses: list[Press] = []

    @property
    def codes(self) -> list[str]:
        return [report.condition.code for report in self.reports]

    @property
    def payloads(self) -> list[str]:
        return [press.code for press in self.presses]

    def keeper(self, make: Callable[[], Keypad], *, name: str = "keypad", keys: Keys = KEYS) -> KeypadService:
        return KeypadService(name, make, self.presses.append, keys=keys, health=self.health)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[PtyKeypad]:
    with PtyKeypad(tmp_path / "keypad") as keypad:
        yield keypad


def serial_at(path: Path) -> Callable[[], SerialKeypad]:
    return lambda: SerialKeypad(SerialOptions(port=str(path)))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_presses_and_garbage_are_handed_on_as_the_wire_gave_them(board: Board, far_end: PtyKeypad) -> None:
    with running(board.keeper(serial_at(far_end.path), name="keypad-2")):
        eventually(lambda: board.codes == ["OK"])
        far_end.press("31")
        far_end.garbage(b"\xc3\r\n4")
        eventually(lambda: board.payloads == ["31", "c3", "34"])
    assert board.reports[0].component == "keypad-2"


def test_an_unplugged_keypad_is_told_and_works_again_within_two_seconds_of_its_return(
    board: Board, far_end: PtyKeypad, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with running(board.keeper(serial_at(far_end.path))):
        eventually(lambda: board.codes == ["OK"])
        far_end.unplug()
        eventually(lambda: board.codes == ["OK", "KEYPAD_UNPLUGGED"])
        far_end.replug()
        replugged_at = time.monotonic()

        def press_until_heard() -> bool:
            far_end.press("31")
            return bool(board.presses)

        eventually(press_until_heard, every_s=0.05)
        assert time.monotonic() - replugged_at < 2.0
        eventually(lambda: board.codes == ["OK", "KEYPAD_UNPLUGGED", "OK"])
    lines = told(caplog)
    assert len(lines) == 3
    assert lines[0] == "keypad is open"
    assert lines[1].startswith("keypad is lost (KEYPAD_UNPLUGGED)")
    assert lines[2].startswith("keypad is back after")


def test_a_long_absence_is_told_once_however_often_it_is_looked_for(
    board: Board, far_end: PtyKeypad, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    looks = 0

    def make() -> Keypad:
        class Counting(SerialKeypad):
            def open(self) -> None:
                nonlocal looks
                looks += 1
                super().open()

        return Counting(SerialOptions(port=str(far_end.path)))

    with running(board.keeper(make)):
        eventually(lambda: board.codes == ["OK"])
        far_end.unplug()
        eventually(lambda: looks >= 4)
    assert board.codes == ["OK", "KEYPAD_UNPLUGGED"]
    assert len(told(caplog)) == 2


def test_a_keypad_that_is_not_there_at_the_start_is_missing_and_taken_when_it_comes(
    board: Board, far_end: PtyKeypad
) -> None:
    far_end.unplug()
    with running(board.keeper(serial_at(far_end.path))):
        eventually(lambda: board.codes == ["KEYPAD_MISSING"])
        far_end.replug()
        eventually(lambda: board.codes == ["KEYPAD_MISSING", "OK"])


def test_a_port_taken_by_another_is_busy_and_taken_over_when_it_is_let_go(board: Board, far_end: PtyKeypad) -> None:
    with serial_at(far_end.path)() as other, running(board.keeper(serial_at(far_end.path))):
        eventually(lambda: board.codes == ["KEYPAD_BUSY"])
        other.close()
        eventually(lambda: board.codes == ["KEYPAD_BUSY", "OK"])
        far_end.press("34")
        eventually(lambda: board.payloads == ["34"])


def test_a_noisy_line_is_told_though_the_keypad_works(board: Board, far_end: PtyKeypad) -> None:
    with running(board.keeper(serial_at(far_end.path))):
        eventually(lambda: board.codes == ["OK"])
        far_end.garbage(b"\xc3" * 20)
        eventually(lambda: board.codes == ["OK", "KEYPAD_NOISE"])
        far_end.press("31")
        eventually(lambda: board.payloads[-1] == "31")


def test_a_stuck_key_is_told_until_it_was_let_go(board: Board, far_end: PtyKeypad) -> None:
    with running(board.keeper(serial_at(far_end.path), keys=Keys({"31": 3}, repeat_gap_s=1.0, stuck_s=0.2))):
        eventually(lambda: board.codes == ["OK"])

        def hold() -> bool:
            far_end.press("31")
            return board.codes == ["OK", "KEYPAD_STUCK"]

        eventually(hold, every_s=0.05)
        eventually(lambda: board.codes == ["OK", "KEYPAD_STUCK", "OK"])


def test_the_thanks_for_a_stored_rating_reach_the_keypad_and_are_not_kept_for_later(board: Board) -> None:
    keypad = ScriptedKeypad(opens=[None], reads=[Press("31", 1.0), None])
    keeper = board.keeper(lambda: keypad)
    keeper.thank()  # of a rating from before it was open
    with running(keeper):
        eventually(lambda: board.payloads == ["31"])
        assert keypad.thanked == 0
        keeper.thank()
        eventually(lambda: keypad.thanked == 1)


def test_an_open_port_without_an_answer_is_not_a_keypad_and_silence_is_told_once(
    board: Board, far_end: PtyKeypad, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat = {"tx": "05", "expect": "06", "every_s": 0.1, "miss": 1}
    options = SerialOptions.model_validate({"port": str(far_end.path), "heartbeat": heartbeat})
    looks = 0

    def make() -> Keypad:
        class Counting(SerialKeypad):
            def open(self) -> None:
                nonlocal looks
                looks += 1
                super().open()

        return Counting(options)

    with running(board.keeper(make)):
        eventually(lambda: looks >= 3)
        assert board.codes == ["KEYPAD_SILENT"]

        def answer() -> bool:
            far_end.garbage(b"\x06")
            return board.codes == ["KEYPAD_SILENT", "OK"]

        eventually(answer, every_s=0.05)
    assert board.presses == []


def test_a_key_held_down_is_one_press_and_stuck_in_the_end(board: Board) -> None:
    began = time.monotonic()
    held = [Press("31", began + 0.3 * step, is_held=step > 0) for step in range(40)]
    keypad = ScriptedKeypad(opens=[None], reads=[*held, None])
    with running(board.keeper(lambda: keypad)):
        eventually(lambda: board.codes == ["OK", "KEYPAD_STUCK"])
    assert board.payloads == ["31"]
    assert not any("31" in str(report.condition.values) for report in board.reports), "who leans on a key has a level"


def test_what_is_odd_about_a_working_keypad_is_told_with_its_values_until_it_is_over(board: Board) -> None:
    keypad = ScriptedKeypad(opens=[None], reads=[None])
    keypad.odd = Remark("KEYPAD_MOVED", {"where": "usb-0:1.4"})
    with running(board.keeper(lambda: keypad)):
        eventually(lambda: board.codes == ["OK", "KEYPAD_MOVED"])
        keypad.odd = None
        eventually(lambda: board.codes == ["OK", "KEYPAD_MOVED", "OK"])
    message, _ = board.reports[1].words(language("en"))
    assert "usb-0:1.4" in message


def test_who_holds_the_port_is_told_by_name(board: Board) -> None:
    held = DriverNotReady("KEYPAD_HELD", "busy", holder="minicom (812)")
    with running(board.keeper(lambda: ScriptedKeypad(opens=[held], reads=[None]))):
        eventually(lambda: board.codes == ["KEYPAD_HELD"])
    message, _ = board.reports[0].words(language("en"))
    assert "minicom (812)" in message


def test_a_theft_is_told_after_the_unplugging_that_it_was_and_its_echo_is_not(board: Board) -> None:
    losses = [
        DriverNotReady("KEYPAD_UNPLUGGED", "gone"),
        DriverNotReady("KEYPAD_STOLEN", "taken"),
        DriverNotReady("KEYPAD_MISSING", "none"),
        None,
    ]
    with running(board.keeper(lambda: ScriptedKeypad(opens=[*losses], reads=[None]))):
        eventually(lambda: board.codes == ["KEYPAD_UNPLUGGED", "KEYPAD_STOLEN", "OK"])


class ScriptedKeypad(Keypad):
    """A keypad whose every `open` and `read` does the next thing of a script, the last one for ever."""

    Options = Options

    def __init__(self, *, opens: list[Exception | None], reads: list[Exception | Press | None]) -> None:
        self._opens, self._reads = opens, reads
        self.opened = 0
        self.thanked = 0
        self.odd: Remark | None = None
        self.is_open = False

    def open(self) -> None:
        self.opened += 1
        outcome = self._opens.pop(0) if len(self._opens) > 1 else self._opens[0]
        if outcome is not None:
            raise outcome
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def read(self, timeout_s: float) -> Press | None:
        outcome = self._reads.pop(0) if len(self._reads) > 1 else self._reads[0]
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            time.sleep(min(timeout_s, 0.01))
        return outcome

    def acknowledge(self) -> None:
        self.thanked += 1

    @property
    def remark(self) -> Remark | None:
        return self.odd

    def probe(self) -> Identity:
        return Identity(where="a script")


def test_a_keypad_that_opens_and_hangs_up_is_told_once_and_looked_at_ever_less_often(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    keypad = ScriptedKeypad(opens=[None], reads=[DriverNotReady("KEYPAD_UNPLUGGED", "hung up")])
    with running(board.keeper(lambda: keypad)):
        eventually(lambda: keypad.opened >= 4)
    assert board.codes == ["KEYPAD_UNPLUGGED"]
    assert told(caplog) == ["keypad is lost (KEYPAD_UNPLUGGED): hung up"]
    assert not keypad.is_open


def test_a_fault_for_a_person_is_told_and_looked_at_again_later(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.rating.keypad.service.FAULT_LOOK_S", 0.01)
    denied = DriverFault("KEYPAD_DENIED", "no rights")
    with running(board.keeper(lambda: ScriptedKeypad(opens=[denied, denied, None], reads=[None]))):
        eventually(lambda: board.codes == ["KEYPAD_DENIED", "OK"])


def test_a_keeper_waiting_for_a_person_still_ends_at_once(board: Board) -> None:
    denied = DriverFault("KEYPAD_DENIED", "no rights")
    with running(board.keeper(lambda: ScriptedKeypad(opens=[denied], reads=[None]))):
        eventually(lambda: board.codes == ["KEYPAD_DENIED"])
        began = time.monotonic()
    assert time.monotonic() - began < 1.0


def test_a_driver_with_codes_of_its_own_is_told_as_a_fault(board: Board) -> None:
    odd = DriverFault("ACME_WRONG_FIRMWARE", "version 0.1")
    with running(board.keeper(lambda: ScriptedKeypad(opens=[odd], reads=[None]))):
        eventually(lambda: board.codes == ["KEYPAD_FAULT"])


def test_a_press_that_nobody_takes_is_held_until_somebody_does(board: Board) -> None:
    refusals = [queue.Full(), queue.Full(), queue.Full()]

    def deliver(press: Press) -> None:
        if refusals:
            raise refusals.pop()
        board.presses.append(press)

    keypad = ScriptedKeypad(opens=[None], reads=[Press("31", 1.0), Press("34", 2.0), None])
    with running(KeypadService("keypad", lambda: keypad, deliver, keys=KEYS, health=board.health)):
        eventually(lambda: board.payloads == ["31", "34"])
    assert refusals == []


def test_a_keeper_with_a_press_that_nobody_takes_still_ends(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    def full(_: Press) -> None:
        raise queue.Full

    keypad = ScriptedKeypad(opens=[None], reads=[Press("31", 1.0), None])
    with running(KeypadService("keypad", lambda: keypad, full, keys=KEYS, health=board.health)):
        eventually(lambda: board.codes == ["OK"])
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line == "keypad: stopped with a press in hand that nobody took"


@pytest.mark.parametrize("code", languages())
def test_every_condition_of_a_keypad_has_words(code: str) -> None:
    words = language(code)
    for condition in (*TOLD, *REMARKS, "KEYPAD_FAULT", "RATING_NOT_STORED", *(each.code for each in FAULTS.values())):
        assert words.template(f"health.{condition}.message")
        assert words.template(f"health.{condition}.hint")
