"""What every driver of a kind must do, whatever is behind it: one suite a kind, run over each driver.

A test module makes its driver's `Bench` in a fixture called `bench` and inherits the suite.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from drivers.base import DriverNotReady, Keypad, Press

PATIENCE_S = 5.0


@dataclass(frozen=True)
class Bench:
    """A keypad driver on the bench: how to make one, and the hands at its far end."""

    make: Callable[[], Keypad]
    """A new driver, not opened, whose keys are pressed by `press` only."""
    press: Callable[[str], None]
    """Press the key with this payload; the driver is open."""
    codes: tuple[str, str]
    """Two payloads this keypad can send."""


@dataclass(frozen=True)
class PluggedBench(Bench):
    """A keypad that can be away."""

    unplug: Callable[[], None]
    replug: Callable[[], None]


def next_press(keypad: Keypad) -> Press:
    """The next press, which must come soon."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        press = keypad.read(0.2)
        if press is not None:
            return press
    raise AssertionError(f"no press within {PATIENCE_S} s")


def read_until_lost(keypad: Keypad) -> DriverNotReady:
    """Read until the driver says that the device went away; what it said."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            keypad.read(0.2)
        except DriverNotReady as lost:
            return lost
    raise AssertionError(f"the loss was not noticed within {PATIENCE_S} s")


class KeypadContract:
    """Every keypad."""

    def test_a_press_arrives_with_its_payload_in_hex_and_its_moment(self, bench: Bench) -> None:
        with bench.make() as keypad:
            before = time.monotonic()
            bench.press(bench.codes[0])
            press = next_press(keypad)
        assert press.code == bench.codes[0]
        assert before <= press.at_monotonic <= time.monotonic()

    def test_presses_arrive_in_the_order_of_the_keys(self, bench: Bench) -> None:
        first, second = bench.codes
        with bench.make() as keypad:
            seen = []
            for code in (first, second, first):
                bench.press(code)
                seen.append(next_press(keypad))
        assert [press.code for press in seen] == [first, second, first]
        assert [press.at_monotonic for press in seen] == sorted(press.at_monotonic for press in seen)

    def test_no_press_is_none_after_about_the_timeout(self, bench: Bench) -> None:
        with bench.make() as keypad:
            began = time.monotonic()
            assert keypad.read(0.15) is None
            assert 0.1 <= time.monotonic() - began < 1.0

    def test_a_read_without_patience_comes_back_soon(self, bench: Bench) -> None:
        with bench.make() as keypad:
            began = time.monotonic()
            assert keypad.read(0) is None
            assert time.monotonic() - began < 1.0

    def test_it_says_where_it_is_within_a_second(self, bench: Bench) -> None:
        with bench.make() as keypad:
            began = time.monotonic()
            identity = keypad.probe()
            assert time.monotonic() - began < 1.0
        assert identity.where

    def test_it_can_be_closed_any_time_and_again(self, bench: Bench) -> None:
        keypad = bench.make()
        keypad.close()
        keypad.open()
        keypad.close()
        keypad.close()

    def test_it_works_again_after_being_closed(self, bench: Bench) -> None:
        keypad = bench.make()
        for _ in range(3):
            with keypad:
                bench.press(bench.codes[1])
                assert next_press(keypad).code == bench.codes[1]

    def test_a_closed_keypad_is_not_read(self, bench: Bench) -> None:
        keypad = bench.make()
        with pytest.raises(DriverNotReady):
            keypad.read(0)
        with keypad:
            pass
        with pytest.raises(DriverNotReady):
            keypad.read(0)

    def test_unknown_options_are_refused(self, bench: Bench) -> None:
        with pytest.raises(ValidationError):
            type(bench.make()).Options.model_validate({"no_such_option": 1})


class PluggedKeypadContract(KeypadContract):
    """Every keypad that can be away."""

    def test_constructing_touches_no_device(self, bench: PluggedBench) -> None:
        bench.unplug()
        bench.make().close()

    def test_an_absent_keypad_is_not_ready_and_leaves_nothing_open(self, bench: PluggedBench) -> None:
        bench.unplug()
        keypad = bench.make()
        for _ in range(2):
            with pytest.raises(DriverNotReady) as refused:
                keypad.open()
            assert refused.value.code == "KEYPAD_MISSING"
            keypad.close()

    def test_unplugging_while_reading_is_told_as_such(self, bench: PluggedBench) -> None:
        with bench.make() as keypad:
            bench.unplug()
            assert read_until_lost(keypad).code == "KEYPAD_UNPLUGGED"

    def test_the_same_driver_opens_the_replugged_keypad(self, bench: PluggedBench) -> None:
        keypad = bench.make()
        with keypad:
            bench.unplug()
            read_until_lost(keypad)
        bench.replug()
        with keypad:
            bench.press(bench.codes[0])
            assert next_press(keypad).code == bench.codes[0]
