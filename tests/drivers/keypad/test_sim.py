"""The keypad that presses itself, and the pseudo-terminal that stands for a real one."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.keypad.sim import PtyKeypad, SimKeypad, SimOptions
from tests.drivers.contract import Bench, KeypadContract, next_press


class _HeldSim(SimKeypad):
    """The simulated keypad with its timetable under the test's thumb: due now when pressed, never otherwise."""

    def __init__(self) -> None:
        super().__init__(SimOptions(every_s=3600, codes=("31",)))

    def due_now(self, code: str) -> None:
        self._codes = cycle([code])
        self._next_at = 0.0


class TestSimKeypadContract(KeypadContract):
    @pytest.fixture
    def bench(self) -> Bench:
        keypad = _HeldSim()
        return Bench(make=lambda: keypad, press=keypad.due_now, codes=("31", "34"))


def test_the_script_is_pressed_over_and_over() -> None:
    with SimKeypad(SimOptions(every_s=0.01, codes=("31", "32"))) as keypad:
        assert [next_press(keypad).code for _ in range(5)] == ["31", "32", "31", "32", "31"]


def test_the_script_begins_anew_with_every_opening() -> None:
    keypad = SimKeypad(SimOptions(every_s=0.01, codes=("31", "32")))
    for _ in range(2):
        with keypad:
            assert next_press(keypad).code == "31"


@pytest.mark.parametrize("wrong", [{"every_s": 0}, {"codes": []}, {"codes": ["zz"]}, {"codes": [""]}])
def test_a_script_that_cannot_be_pressed_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimOptions.model_validate(wrong)


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[PtyKeypad]:
    with PtyKeypad(tmp_path / "keypad") as keypad:
        yield keypad


def test_the_link_comes_and_goes_with_the_plug(far_end: PtyKeypad) -> None:
    assert far_end.path.is_symlink()
    assert far_end.path.resolve().is_char_device()
    far_end.unplug()
    assert not far_end.path.is_symlink()
    far_end.unplug()
    far_end.replug()
    assert far_end.path.resolve().is_char_device()


def test_plugging_in_twice_keeps_the_first_terminal(far_end: PtyKeypad) -> None:
    terminal = far_end.path.readlink()
    far_end.replug()
    assert far_end.path.readlink() == terminal


def test_pressing_an_unplugged_or_unread_keypad_never_blocks(far_end: PtyKeypad) -> None:
    for _ in range(100):
        far_end.garbage(b"\xaa" * 4096)
    far_end.unplug()
    far_end.press("31")
