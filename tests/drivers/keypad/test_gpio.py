"""Keys on pins: gpiozero's own mock pins, and a hand that presses as slowly as the contact settles."""

import sys
import time
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPin
from pydantic import ValidationError

from drivers.base import DriverFault, Remark
from drivers.keypad.gpio import GpioKeypad, GpioOptions, board
from tests.drivers.contract import Bench, KeypadContract, next_press
from tests.eventually import eventually

SETTLE_MS = 4


class Hand:
    """Fingers on mock pins: one key at a time, held until the next."""

    def __init__(self, *, active: str = "low", pin_class: type[Any] = MockPin) -> None:
        self.factory = MockFactory(pin_class=pin_class)
        self._active = active

    def press(self, code: str) -> None:
        self.let_go()
        time.sleep(SETTLE_MS * 3 / 1000)  # as long as a finger needs at least
        self.drive(int(code, 16), is_closed=True)

    def let_go(self) -> None:
        for number in (5, 6):
            self.drive(number, is_closed=False)

    def drive(self, number: int, *, is_closed: bool) -> None:
        pin = self.factory.pin(number)
        if is_closed == (self._active == "high"):
            pin.drive_high()
        else:
            pin.drive_low()


class GroundedPin(MockPin):  # type: ignore[misc] # the library has no types
    """A pin that a contact holds at ground from the beginning, against its pull."""

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self.drive_low()


def near_end(hand: Hand, **options: Any) -> GpioKeypad:
    made = GpioOptions.model_validate({"pins": [5, 6], "debounce_ms": SETTLE_MS, **options})
    return GpioKeypad(made, factory=lambda: hand.factory)


class TestGpioKeypadContract(KeypadContract):
    @pytest.fixture(params=["low", "high"])
    def bench(self, request: pytest.FixtureRequest) -> Bench:
        hand = Hand(active=request.param)
        return Bench(make=lambda: near_end(hand, active=request.param), press=hand.press, codes=("05", "06"))


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_a_bouncing_contact_is_one_press(hand: Hand) -> None:
    with near_end(hand, debounce_ms=50) as keypad:
        for _ in range(20):
            hand.drive(5, is_closed=True)
            hand.drive(5, is_closed=False)
        hand.drive(5, is_closed=True)
        press = next_press(keypad)
        assert (press.code, press.is_held) == ("05", False)
        again = next_press(keypad)
        assert again.is_held


def test_a_spike_is_nothing(hand: Hand) -> None:
    with near_end(hand, debounce_ms=50) as keypad:
        hand.drive(5, is_closed=True)
        hand.drive(5, is_closed=False)
        assert keypad.read(0.1) is None


def test_an_edge_that_the_library_lost_does_not_make_a_press(hand: Hand) -> None:
    with near_end(hand, debounce_ms=50) as keypad:
        hand.drive(5, is_closed=True)
        pin = hand.factory.pin(5)
        pin.when_changed = None
        hand.drive(5, is_closed=False)
        assert keypad.read(0.1) is None


def test_a_key_held_down_is_told_as_held_and_pressed_again_is_a_press(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.keypad.gpio.HELD_S", 0.01)
    with near_end(hand) as keypad:
        hand.press("05")
        assert [next_press(keypad).is_held for _ in range(4)] == [False, True, True, True]
        hand.press("05")
        eventually(lambda: not next_press(keypad).is_held)


def test_a_key_that_was_down_at_the_opening_is_no_press() -> None:
    hand = Hand(pin_class=GroundedPin)
    with near_end(hand) as keypad:
        assert next_press(keypad).is_held
        hand.drive(5, is_closed=False)
        hand.press("05")
        eventually(lambda: (press := next_press(keypad)).code == "05" and not press.is_held)


def test_a_tamper_wire_that_opens_is_remarked_until_it_is_closed_again() -> None:
    hand = Hand(pin_class=GroundedPin)
    with near_end(hand, pins=[5], tamper_pin=26) as keypad:
        hand.drive(5, is_closed=False)
        assert keypad.remark is None
        hand.drive(26, is_closed=False)

        def remark() -> Remark | None:
            keypad.read(0.01)
            return keypad.remark

        assert eventually(remark) == Remark("KEYPAD_TAMPER")
        hand.drive(26, is_closed=True)
        eventually(lambda: remark() is None)


def test_a_pin_that_cannot_be_used_needs_a_person_and_is_named() -> None:
    class Occupied:
        def pin(self, name: object) -> Any:
            raise OSError(f"GPIO{name} busy")

        def close(self) -> None:
            pass

    keypad = GpioKeypad(GpioOptions(pins=(5,)), factory=Occupied)
    with pytest.raises(DriverFault, match="GPIO5 busy") as refused:
        keypad.open()
    assert refused.value.code == "KEYPAD_PIN_BUSY"
    keypad.close()


def test_without_its_library_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(DriverFault, match="install the extra gpio") as refused:
        board()
    assert refused.value.code == "KEYPAD_LIBRARY"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "pins"),
        ({"pins": []}, "pins"),
        ({"pins": [5, 28]}, "pins.1"),
        ({"pins": [5, 5]}, "pin 5 is used twice"),
        ({"pins": [5, 6], "tamper_pin": 6}, "pin 6 is used twice"),
        ({"pins": [5], "debounce_ms": 0}, "debounce_ms"),
        ({"pins": [5], "active": "up"}, "active"),
    ],
)
def test_wrong_options_are_refused_in_words(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        GpioOptions.model_validate(wrong)


def test_only_the_pins_that_are_wired_can_be_pressed() -> None:
    options = GpioOptions(pins=(5, 6))
    assert [options.can_send(code) for code in ("05", "06", "07")] == [True, True, False]
