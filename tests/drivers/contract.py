"""What every driver of a kind must do, whatever is behind it: one suite a kind, run over each driver.

A test module makes its driver's `Bench` in a fixture called `bench` and inherits the suite.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from agent.screen.code.card import Face
from drivers.base import Card, Display, DriverNotReady, Keypad, Press

PATIENCE_S = 5.0
FIRST, SECOND = (f"HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/{mark * 29}" for mark in "AB")


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


@dataclass(frozen=True)
class DisplayBench:
    """A display driver on the bench, and the eyes before it."""

    make: Callable[[], Display]
    """A new driver, not opened."""
    seen: Callable[[], str | None]
    """What a phone reads off the display now; None: no code stands there."""


@dataclass(frozen=True)
class PluggedDisplayBench(DisplayBench):
    """A display that can be away."""

    unplug: Callable[[], None]
    replug: Callable[[], None]


def card(code: str | None, *words: str) -> Card:
    """A card as the agent makes them."""
    if code is None:
        return Face("idle", None, words or ("Công an xã",)).card
    return Face("code", code, words or ("Mời đánh giá",)).card


def show_until_lost(display: Display) -> DriverNotReady:
    """Show cards until the driver says that the device went away; a wire may take some bytes before."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            display.show(card(SECOND))
        except DriverNotReady as lost:
            return lost
    raise AssertionError(f"the loss was not noticed within {PATIENCE_S} s")


class DisplayContract:
    """Every display."""

    def test_what_it_shows_is_what_the_card_says_until_the_next_card(self, bench: DisplayBench) -> None:
        with bench.make() as display:
            for code in (FIRST, SECOND):
                display.show(card(code))
                assert bench.seen() == code

    def test_without_a_code_none_is_left_standing(self, bench: DisplayBench) -> None:
        with bench.make() as display:
            display.show(card(FIRST))
            assert bench.seen() == FIRST
            display.show(card(None))
            assert bench.seen() is None

    def test_the_same_card_can_be_shown_again(self, bench: DisplayBench) -> None:
        with bench.make() as display:
            for _ in range(2):
                display.show(card(FIRST))
                assert bench.seen() == FIRST

    def test_it_says_where_it_is_within_a_second(self, bench: DisplayBench) -> None:
        with bench.make() as display:
            began = time.monotonic()
            assert display.probe().where
            assert time.monotonic() - began < 1.0

    def test_it_can_be_closed_any_time_and_again_and_works_after_it(self, bench: DisplayBench) -> None:
        display = bench.make()
        display.close()
        for code in (FIRST, SECOND):
            with display:
                display.show(card(code))
                assert bench.seen() == code
        display.close()

    def test_a_closed_display_shows_nothing(self, bench: DisplayBench) -> None:
        display = bench.make()
        with pytest.raises(DriverNotReady):
            display.show(card(FIRST))
        with pytest.raises(DriverNotReady):
            display.probe()

    def test_unknown_options_are_refused(self, bench: DisplayBench) -> None:
        with pytest.raises(ValidationError):
            type(bench.make()).Options.model_validate({"no_such_option": 1})


class PluggedDisplayContract(DisplayContract):
    """Every display that can be away."""

    def test_constructing_touches_no_device(self, bench: PluggedDisplayBench) -> None:
        bench.unplug()
        bench.make().close()

    def test_an_absent_display_is_not_ready_and_comes_back(self, bench: PluggedDisplayBench) -> None:
        bench.unplug()
        display = bench.make()
        for _ in range(2):
            with pytest.raises(DriverNotReady) as refused:
                display.open()
            assert refused.value.code == "DISPLAY_MISSING"
            display.close()
        bench.replug()
        with display:
            display.show(card(FIRST))
            assert bench.seen() == FIRST

    def test_unplugging_is_told_at_the_next_card(self, bench: PluggedDisplayBench) -> None:
        with bench.make() as display:
            display.show(card(FIRST))
            bench.unplug()
            assert show_until_lost(display).code == "DISPLAY_UNPLUGGED"
