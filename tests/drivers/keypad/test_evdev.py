"""A keypad that is a keyboard to the kernel: the kernel's own records, most of them through a pipe (see `keyboard`)."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.base import DriverFault, DriverNotReady, Remark
from drivers.keypad import inputs
from drivers.keypad.evdev import EvdevKeypad, EvdevOptions
from drivers.keypad.inputs import EV_KEY, EV_SYN, PRESSED, RELEASED, REPEATED, SYN_DROPPED, SYN_REPORT
from drivers.keypad.keycodes import CODES, PAYLOADS
from drivers.keypad.strokes import Stroke, Strokes
from tests.drivers.contract import PluggedBench, PluggedKeypadContract, next_press, read_until_lost
from tests.drivers.keypad.keyboard import Keyboard, PipeNode

KP1, KP2, NUMLOCK = (CODES[name] for name in ("KEY_KP1", "KEY_KP2", "KEY_NUMLOCK"))
ONE, TWO = PAYLOADS["KEY_KP1"], PAYLOADS["KEY_KP2"]
REPORT = (EV_SYN, SYN_REPORT, 0)
USB = "1a2c:0e21"


class PipeKeypad(EvdevKeypad):
    node = PipeNode


@pytest.fixture
def keyboard(tmp_path: Path) -> Iterator[Keyboard]:
    with Keyboard(tmp_path) as far_end:
        yield far_end


def keypad_at(root: Path, **options: Any) -> PipeKeypad:
    return PipeKeypad(EvdevOptions.model_validate(options), root=root)


MATCHES: list[dict[str, Any]] = [
    {"match": {"usb": USB}},
    {"match": {"name": "SIGMACHIP*"}},
    {"match": {"by_path": "usb-xhci-1.3-event-kbd"}},
    {"match": {"by_path": "*-event-kbd", "usb": USB, "name": "*Keypad"}},
]


class TestEvdevKeypadContract(PluggedKeypadContract):
    @pytest.fixture(params=MATCHES, ids=lambda match: "+".join(match["match"]))
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path, keyboard: Keyboard) -> PluggedBench:
        return PluggedBench(
            make=lambda: keypad_at(tmp_path, **request.param),
            press=keyboard.press,
            codes=(ONE, TWO),
            unplug=keyboard.unplug,
            replug=keyboard.replug,
        )


class TestEvdevKeypadByDeviceContract(PluggedKeypadContract):
    @pytest.fixture
    def bench(self, tmp_path: Path, keyboard: Keyboard) -> PluggedBench:
        return PluggedBench(
            make=lambda: keypad_at(tmp_path, device=keyboard.path),
            press=keyboard.press,
            codes=(ONE, TWO),
            unplug=keyboard.unplug,
            replug=keyboard.replug,
        )


def test_the_keyboards_own_repeating_is_no_press_but_says_that_the_key_is_held(
    tmp_path: Path, keyboard: Keyboard
) -> None:
    with keypad_at(tmp_path, match={"usb": USB}) as keypad:
        keyboard.send((EV_KEY, KP1, PRESSED), REPORT, (EV_KEY, KP1, REPEATED), REPORT, (EV_KEY, KP1, REPEATED), REPORT)
        presses = [next_press(keypad) for _ in range(3)]
    assert [(press.code, press.is_held) for press in presses] == [(ONE, False), (ONE, True), (ONE, True)]


def test_num_lock_that_a_keypad_presses_by_itself_is_no_press(tmp_path: Path, keyboard: Keyboard) -> None:
    with keypad_at(tmp_path, match={"usb": USB}) as keypad:
        for code in (NUMLOCK, KP2, NUMLOCK):
            keyboard.send((EV_KEY, code, PRESSED), REPORT, (EV_KEY, code, RELEASED), REPORT)
        assert next_press(keypad).code == TWO
        assert keypad.read(0) is None


def test_after_dropped_events_the_keys_that_are_down_are_asked_for_and_the_loss_is_counted(
    tmp_path: Path, keyboard: Keyboard
) -> None:
    with keypad_at(tmp_path, match={"usb": USB}) as keypad:
        keyboard.down = {KP2}
        keyboard.send((EV_SYN, SYN_DROPPED, 0), (EV_KEY, KP1, PRESSED), REPORT)
        assert next_press(keypad).code == TWO
        assert keypad.read(0) is None
        assert keypad.possible_losses == 1
        keyboard.press(ONE)
        assert next_press(keypad).code == ONE
    assert keypad.possible_losses == 1


def test_a_key_held_while_opening_is_no_press(tmp_path: Path, keyboard: Keyboard) -> None:
    keyboard.down = {KP1}
    with keypad_at(tmp_path, match={"usb": USB}) as keypad:
        keyboard.send((EV_SYN, SYN_DROPPED, 0), REPORT, (EV_KEY, KP1, RELEASED), REPORT)
        assert keypad.read(0.05) is None


def test_a_keypad_that_another_program_has_grabbed_is_told_as_such(tmp_path: Path, keyboard: Keyboard) -> None:
    keyboard.is_grabbed_elsewhere = True
    keypad = keypad_at(tmp_path, match={"usb": USB})
    with pytest.raises(DriverNotReady) as refused:
        keypad.open()
    assert refused.value.code == "KEYPAD_GRABBED"
    keyboard.is_grabbed_elsewhere = False
    with keypad:
        keyboard.press(ONE)
        assert next_press(keypad).code == ONE


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.touch(), "KEYPAD_WRONG_PORT"),
        (lambda path: path.mkdir(), "KEYPAD_WRONG_PORT"),
        (lambda path: path.symlink_to("/dev/null"), "KEYPAD_WRONG_PORT"),
    ],
    ids=["file", "folder", "another device"],
)
def test_a_path_that_is_no_event_device_needs_a_person(tmp_path: Path, make: Callable[[Path], None], code: str) -> None:
    path = tmp_path / "event0"
    make(path)
    with pytest.raises(DriverFault) as refused:
        EvdevKeypad(EvdevOptions(device=str(path))).open()
    assert refused.value.code == code


def test_a_device_that_may_not_be_opened_needs_a_person(
    tmp_path: Path, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.open", deny)
    with pytest.raises(DriverFault) as refused:
        keypad_at(tmp_path, match={"usb": USB}).open()
    assert refused.value.code == "KEYPAD_DENIED"


def test_two_keypads_of_one_kind_need_a_person_who_says_which(tmp_path: Path, keyboard: Keyboard) -> None:
    with Keyboard(tmp_path, 4, place="usb-xhci-1.4"):
        with pytest.raises(DriverFault, match="matches 2 devices") as refused:
            keypad_at(tmp_path, match={"usb": USB}).open()
        assert refused.value.code == "KEYPAD_AMBIGUOUS"
        with keypad_at(tmp_path, match={"usb": USB, "by_path": "usb-xhci-1.3-*"}) as keypad:
            keyboard.press(ONE)
            assert next_press(keypad).code == ONE


def test_the_volume_wheel_of_the_same_device_is_not_the_keypad(tmp_path: Path, keyboard: Keyboard) -> None:
    with (
        Keyboard(tmp_path, 8, keys=("KEY_VOLUMEUP", "KEY_POWER")),
        keypad_at(tmp_path, match={"usb": USB}) as keypad,
    ):
        keyboard.press(ONE)
        assert next_press(keypad).code == ONE
        assert keypad.probe().where == keyboard.path


def test_after_a_replug_under_another_number_it_is_found_again(tmp_path: Path) -> None:
    keypad = keypad_at(tmp_path, match={"usb": USB})
    with Keyboard(tmp_path, 3), keypad:
        pass
    with Keyboard(tmp_path, 17) as keyboard, keypad:
        keyboard.press(ONE)
        assert next_press(keypad).code == ONE


def looked_around(keypad: EvdevKeypad, monkeypatch: pytest.MonkeyPatch) -> Remark | None:
    """What the keypad remarks at its second look around."""
    monkeypatch.setattr("drivers.keypad.evdev.LOOK_AROUND_S", 0.0)
    _ = keypad.remark
    return keypad.remark


def test_an_unknown_keyboard_is_said_to_be_there_and_never_read(
    tmp_path: Path, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keypad_at(tmp_path, match={"usb": USB}) as keypad:
        assert looked_around(keypad, monkeypatch) is None
        with Keyboard(tmp_path, 5, name="Logitech K120", usb=(0x046D, 0xC31C), place="usb-xhci-2") as other:
            assert looked_around(keypad, monkeypatch) == Remark(
                "KEYPAD_UNKNOWN_DEVICE", {"device": "Logitech K120 (046d:c31c)"}
            )
            other.press(ONE)
            assert keypad.read(0) is None
        assert looked_around(keypad, monkeypatch) is None


def test_a_power_button_and_a_second_keypad_of_this_counter_are_no_strangers(
    tmp_path: Path, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Keyboard(tmp_path, 0, bus=0x19, place="PNP0C0C/button", keys=("KEY_POWER", "KEY_1")),
        Keyboard(tmp_path, 1, place="usb-xhci-9", keys=("KEY_POWER",)),
        Keyboard(tmp_path, 4, place="usb-xhci-1.4"),
        keypad_at(tmp_path, match={"by_path": "usb-xhci-1.3-*"}) as keypad,
        keypad_at(tmp_path, match={"by_path": "usb-xhci-1.4-*"}),
    ):
        assert looked_around(keypad, monkeypatch) is None


def test_the_loss_of_the_device_is_an_unplugging(
    tmp_path: Path, keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's way to say it, which a pipe has not."""

    def gone(*_: object) -> bytes:
        raise OSError(errno.ENODEV, "No such device")

    with keypad_at(tmp_path, match={"usb": USB}) as keypad:
        keyboard.press(ONE)
        monkeypatch.setattr("drivers.keypad.inputs.os.read", gone)
        assert read_until_lost(keypad).code == "KEYPAD_UNPLUGGED"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "exactly one of device and match"),
        ({"device": "/dev/input/event3", "match": {"usb": USB}}, "exactly one of device and match"),
        ({"device": "event3"}, "device"),
        ({"match": {}}, "by_path, usb or name"),
        ({"match": {"usb": USB}, "ignore": ["KEY_NUMLOK"]}, "is no key"),
    ],
)
def test_wrong_options_are_refused_in_words(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        EvdevOptions.model_validate(wrong)


def test_ignored_keys_can_never_be_presses() -> None:
    options = EvdevOptions.model_validate({"device": "/dev/input/event3", "ignore": ["KEY_NUMLOCK", "0160"]})
    assert options.can_send(ONE)
    assert not any(map(options.can_send, (PAYLOADS["KEY_NUMLOCK"], "0160", "31")))


EVENTS = st.one_of(
    st.tuples(st.just(EV_KEY), st.integers(78, 81), st.sampled_from((RELEASED, PRESSED, REPEATED))),
    st.tuples(st.just(EV_SYN), st.sampled_from((SYN_REPORT, SYN_DROPPED)), st.just(0)),
    st.tuples(st.integers(2, 20), st.integers(0, 200), st.integers(-5, 5)),
)


@given(st.lists(EVENTS, max_size=60), st.frozensets(st.integers(78, 81)))
def test_no_stroke_is_invented_whatever_the_kernel_says(
    events: list[tuple[int, int, int]], down: frozenset[int]
) -> None:
    """A press is a key going down that was said, or one found down after a loss; every loss is counted."""
    strokes = Strokes(lambda: down)
    is_broken = False
    for kind, code, value in events:
        told = strokes.feed(kind, code, value)
        if (kind, code) == (EV_SYN, SYN_DROPPED):
            is_broken = True
        if told and (kind, code) == (EV_SYN, SYN_REPORT):
            assert is_broken
            assert {stroke.code for stroke in told} <= down
        elif told:
            assert (kind, is_broken) == (EV_KEY, False)
            assert told == [Stroke(code, is_held=value == REPEATED)]
        if (kind, code) == (EV_SYN, SYN_REPORT):
            is_broken = False
    assert strokes.possible_losses == events.count((EV_SYN, SYN_DROPPED, 0))


def test_a_bitmap_of_the_kernel_is_read_from_its_end(tmp_path: Path) -> None:
    about = tmp_path / "sys/class/input/event0/device/capabilities"
    about.mkdir(parents=True)
    (about / "key").write_text("10000 7 ff800000000007ff febeffdff3cfffff fffffffffffffffe\n")
    (device,) = inputs.devices(tmp_path)
    assert {CODES["KEY_ESC"], CODES["KEY_KP1"], 256 + 16} <= device.keys
    assert 0 not in device.keys
