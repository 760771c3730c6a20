"""The same keypad against the kernel itself: a keyboard made with uinput, opened, grabbed, overrun and pulled out.

Runs where /dev/uinput may be opened for writing (a box or a virtual machine, as root; `modprobe uinput`).
Containers have none: there `test_evdev` must do, whose keyboard is a pipe.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.base import DriverNotReady, Press
from drivers.keypad.evdev import EvdevKeypad, EvdevOptions
from drivers.keypad.inputs import EV_KEY, EV_SYN, EVENT, PRESSED, RELEASED, SYN_REPORT, USB
from drivers.keypad.keycodes import CODES, PAYLOADS
from tests.drivers.contract import PluggedBench, PluggedKeypadContract, next_press, read_until_lost

UINPUT = Path("/dev/uinput")
UI_SET_EVBIT, UI_SET_KEYBIT, UI_SET_PHYS = 0x40045564, 0x40045565, 0x4008556C
UI_DEV_SETUP, UI_DEV_CREATE, UI_DEV_DESTROY = 0x405C5503, 0x5501, 0x5502
EV_REP = 0x14
ONE, TWO = PAYLOADS["KEY_KP1"], PAYLOADS["KEY_KP2"]
REPORT = (EV_SYN, SYN_REPORT, 0)

pytestmark = pytest.mark.skipif(not os.access(UINPUT, os.W_OK), reason="no /dev/uinput here (a container, or no root)")


class UinputKeyboard:
    """A keyboard of the kernel's, plugged in from its construction."""

    name = f"Counter Agent test keypad {os.getpid()}"

    def __init__(self) -> None:
        self._wire: int | None = None
        self.replug()

    def replug(self) -> None:
        if self._wire is not None:
            return
        wire = os.open(UINPUT, os.O_WRONLY | os.O_NONBLOCK)
        for kind in (EV_KEY, EV_REP):
            fcntl.ioctl(wire, UI_SET_EVBIT, kind)
        for key in ("KEY_KP1", "KEY_KP2", "KEY_NUMLOCK"):
            fcntl.ioctl(wire, UI_SET_KEYBIT, CODES[key])
        fcntl.ioctl(wire, UI_SET_PHYS, b"test-keypad-%d/input0\0" % os.getpid())
        fcntl.ioctl(wire, UI_DEV_SETUP, struct.pack("HHHH80sI", USB, 0x1209, 0x0001, 1, self.name.encode(), 0))
        fcntl.ioctl(wire, UI_DEV_CREATE)
        self._wire = wire

    def unplug(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            fcntl.ioctl(wire, UI_DEV_DESTROY)
            os.close(wire)

    def send(self, *events: tuple[int, int, int]) -> None:
        assert self._wire is not None
        os.write(self._wire, b"".join(EVENT.pack(0, 0, *event) for event in events))

    def press(self, code: str) -> None:
        number = int(code, 16)
        self.send((EV_KEY, number, PRESSED), REPORT, (EV_KEY, number, RELEASED), REPORT)


@pytest.fixture
def keyboard() -> Iterator[UinputKeyboard]:
    far_end = UinputKeyboard()
    yield far_end
    far_end.unplug()


def near_end(**match: str) -> EvdevKeypad:
    return EvdevKeypad(EvdevOptions.model_validate({"match": match or {"name": UinputKeyboard.name}}))


class TestUinputKeypadContract(PluggedKeypadContract):
    @pytest.fixture
    def bench(self, keyboard: UinputKeyboard) -> PluggedBench:
        return PluggedBench(
            make=near_end,
            press=keyboard.press,
            codes=(ONE, TWO),
            unplug=keyboard.unplug,
            replug=keyboard.replug,
        )


def test_the_kernels_own_description_finds_it_by_its_numbers(keyboard: UinputKeyboard) -> None:
    with near_end(usb="1209:0001") as keypad:
        identity = keypad.probe()
        assert (identity.maker, identity.model) == ("1209:0001", keyboard.name)
        assert identity.where.startswith("/dev/input/event")


def test_it_is_taken_from_everybody_else_and_given_back(keyboard: UinputKeyboard) -> None:
    second = near_end()
    with near_end():
        with pytest.raises(DriverNotReady) as refused:
            second.open()
        assert refused.value.code == "KEYPAD_GRABBED"
    with second:
        keyboard.press(TWO)
        assert next_press(second).code == TWO


def test_the_kernel_repeats_a_key_that_is_held_and_that_is_no_press(keyboard: UinputKeyboard) -> None:
    with near_end() as keypad:
        keyboard.send((EV_KEY, CODES["KEY_KP1"], PRESSED), REPORT)
        presses = [next_press(keypad) for _ in range(4)]
        keyboard.send((EV_KEY, CODES["KEY_KP1"], RELEASED), REPORT)
    assert [press.is_held for press in presses] == [False, True, True, True]
    assert {press.code for press in presses} == {ONE}


def test_what_the_kernel_dropped_is_counted_and_the_key_that_is_down_is_still_found(keyboard: UinputKeyboard) -> None:
    with near_end() as keypad:
        for _ in range(500):
            keyboard.press(ONE)
        keyboard.send((EV_KEY, CODES["KEY_KP2"], PRESSED), REPORT)
        presses: list[Press] = []
        while (press := keypad.read(0.1)) is not None and not press.is_held:
            presses.append(press)
        assert keypad.possible_losses >= 1
        assert presses[-1].code == TWO
        assert len(presses) < 501


def test_pulling_it_out_is_told_as_such_and_it_is_found_again_under_its_new_number(keyboard: UinputKeyboard) -> None:
    keypad = near_end()
    with keypad:
        keyboard.unplug()
        assert read_until_lost(keypad).code == "KEYPAD_UNPLUGGED"
    keyboard.replug()
    with keypad:
        keyboard.press(ONE)
        assert next_press(keypad).code == ONE
