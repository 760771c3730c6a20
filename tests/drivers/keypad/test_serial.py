"""The serial keypad on real pseudo-terminals and a real socket; pyserial's own errors where no terminal makes them."""

import errno
import os
import pty
import socket
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import serial
from pydantic import ValidationError

from drivers.base import DriverFault, DriverNotReady
from drivers.keypad.serial import SerialKeypad, SerialOptions
from drivers.keypad.sim import PtyKeypad
from tests.drivers.contract import PluggedBench, PluggedKeypadContract, next_press, read_until_lost


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[PtyKeypad]:
    with PtyKeypad(tmp_path / "keypad") as keypad:
        yield keypad


def near_end(far_end: PtyKeypad, **options: Any) -> SerialKeypad:
    return SerialKeypad(SerialOptions(port=str(far_end.path), **options))


def by_path(folder: Path, glob: str) -> SerialKeypad:
    return SerialKeypad(SerialOptions.model_validate({"match": {"by_path": glob}}), by_path=folder)


class TestSerialKeypadContract(PluggedKeypadContract):
    @pytest.fixture
    def bench(self, far_end: PtyKeypad) -> PluggedBench:
        return PluggedBench(
            make=lambda: near_end(far_end),
            press=far_end.press,
            codes=("31", "34"),
            unplug=far_end.unplug,
            replug=far_end.replug,
        )


class TestSerialKeypadByPathContract(PluggedKeypadContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[PluggedBench]:
        folder = tmp_path / "by-path"
        folder.mkdir()
        with PtyKeypad(folder / "platform-xhci-usb-0:1.2:1.0-port0") as far_end:
            yield PluggedBench(
                make=lambda: by_path(folder, "platform-*-usb-0:1.2:1.0-port0"),
                press=far_end.press,
                codes=("31", "34"),
                unplug=far_end.unplug,
                replug=far_end.replug,
            )


class _SerialServer:
    """A serial-to-network box with a keypad: the newest connection is wired to it."""

    def __init__(self) -> None:
        self._connections: list[socket.socket] = []
        self._port = 0
        self.replug()

    @property
    def url(self) -> str:
        return f"socket://127.0.0.1:{self._port}"

    def replug(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self._port))
        self._server.setblocking(False)
        self._port = self._server.getsockname()[1]

    def press(self, code: str) -> None:
        self._accept()
        self._connections[-1].sendall(bytes.fromhex(code))

    def unplug(self) -> None:
        self._accept()
        self._server.close()
        while self._connections:
            self._connections.pop().close()

    def _accept(self) -> None:
        with suppress(BlockingIOError, OSError):
            while True:
                self._connections.append(self._server.accept()[0])


class TestSocketKeypadContract(PluggedKeypadContract):
    @pytest.fixture
    def bench(self) -> Iterator[PluggedBench]:
        server = _SerialServer()
        yield PluggedBench(
            make=lambda: SerialKeypad(SerialOptions(port=server.url)),
            press=server.press,
            codes=("31", "34"),
            unplug=server.unplug,
            replug=server.replug,
        )
        server.unplug()


def test_a_press_that_arrived_before_the_line_broke_is_delivered_before_the_loss_is_told() -> None:
    server = _SerialServer()
    with SerialKeypad(SerialOptions(port=server.url)) as keypad:
        server.press("31")
        server.press("32")
        server.unplug()
        assert [next_press(keypad).code for _ in range(2)] == ["31", "32"]
        assert read_until_lost(keypad).code == "KEYPAD_UNPLUGGED"


def test_line_ends_and_idle_bytes_are_counted_but_are_no_presses(far_end: PtyKeypad) -> None:
    with near_end(far_end) as keypad:
        far_end.garbage(b"\x00\xff\r\n1")
        assert next_press(keypad).code == "31"
        assert keypad.read(0) is None
        assert keypad.ignored == 4


def test_bytes_outside_the_ignore_list_are_handed_on_for_the_key_map_to_judge(far_end: PtyKeypad) -> None:
    with near_end(far_end, ignore=["0D"]) as keypad:
        far_end.garbage(b"\r\xc3\x00")
        assert [next_press(keypad).code for _ in range(2)] == ["c3", "00"]


def test_what_was_sent_before_opening_is_not_a_press(far_end: PtyKeypad) -> None:
    with near_end(far_end):
        pass
    far_end.press("31")
    with near_end(far_end) as keypad:
        assert keypad.read(0.1) is None


def test_a_second_opener_is_told_that_the_port_is_busy_and_takes_no_byte(far_end: PtyKeypad) -> None:
    with near_end(far_end) as first:
        second = near_end(far_end)
        with pytest.raises(DriverNotReady) as refused:
            second.open()
        assert refused.value.code == "KEYPAD_BUSY"
        second.close()
        far_end.press("32")
        assert next_press(first).code == "32"
    with second:
        far_end.press("33")
        assert next_press(second).code == "33"


def test_a_link_to_a_device_that_is_gone_is_missing(tmp_path: Path) -> None:
    link = tmp_path / "keypad"
    link.symlink_to("/dev/pts/no-such-terminal")
    with pytest.raises(DriverNotReady) as refused:
        SerialKeypad(SerialOptions(port=str(link))).open()
    assert refused.value.code == "KEYPAD_MISSING"


def test_a_terminal_that_hung_up_without_losing_its_node_is_lost_and_not_reopened(tmp_path: Path) -> None:
    wire, slave = pty.openpty()  # the held near end keeps the node in place after the hang-up
    try:
        keypad = SerialKeypad(SerialOptions(port=os.ttyname(slave)))
        with keypad:
            os.close(wire)
            assert read_until_lost(keypad).code == "KEYPAD_UNPLUGGED"
        with pytest.raises(DriverNotReady) as refused:
            keypad.open()
        assert refused.value.code == "KEYPAD_MISSING"
    finally:
        os.close(slave)


@pytest.mark.parametrize("make", [lambda path: path.touch(), lambda path: path.mkdir()], ids=["file", "folder"])
def test_a_path_that_is_no_serial_port_needs_a_person(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "not-a-port"
    make(path)
    with pytest.raises(DriverFault) as refused:
        SerialKeypad(SerialOptions(port=str(path))).open()
    assert refused.value.code == "KEYPAD_WRONG_PORT"


def test_several_names_of_one_device_are_one_device(tmp_path: Path) -> None:
    with PtyKeypad(tmp_path / "pci-usb-0:1:1.0-port0") as far_end:
        (tmp_path / "pci-usbv2-0:1:1.0-port0").symlink_to(far_end.path.readlink())
        with by_path(tmp_path, "pci-usb*-0:1:1.0-port0") as keypad:
            far_end.press("31")
            assert next_press(keypad).code == "31"


def test_a_glob_that_matches_two_keypads_needs_a_person_and_names_both(tmp_path: Path) -> None:
    with (
        PtyKeypad(tmp_path / "left"),
        PtyKeypad(tmp_path / "right"),
        pytest.raises(DriverFault, match="left, right") as refused,
    ):
        by_path(tmp_path, "*").open()
    assert refused.value.code == "KEYPAD_AMBIGUOUS"


def test_without_the_folder_of_paths_the_keypad_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DriverNotReady) as refused:
        by_path(tmp_path / "none", "*").open()
    assert refused.value.code == "KEYPAD_MISSING"


PYSERIAL_LOSSES = [
    serial.SerialException("device reports readiness to read but returned no data"),
    OSError(errno.EIO, "Input/output error"),
    termios.error(errno.EIO, "Input/output error"),
]


@pytest.mark.parametrize("loss", PYSERIAL_LOSSES, ids=lambda loss: type(loss).__qualname__)
def test_each_of_the_types_pyserial_raises_on_loss_is_an_unplugging(
    far_end: PtyKeypad, monkeypatch: pytest.MonkeyPatch, loss: Exception
) -> None:
    def lost(*_: object) -> bytes:
        raise loss

    with near_end(far_end) as keypad:
        monkeypatch.setattr(serial.Serial, "read", lost)
        with pytest.raises(DriverNotReady) as told:
            keypad.read(0)
    assert told.value.code == "KEYPAD_UNPLUGGED"


REFUSALS = [
    (serial.SerialException(errno.EACCES, "could not open port"), DriverFault, "KEYPAD_DENIED"),
    (PermissionError(errno.EPERM, "Operation not permitted"), DriverFault, "KEYPAD_DENIED"),
    (serial.SerialException(errno.EBUSY, "could not open port"), DriverNotReady, "KEYPAD_BUSY"),
    (termios.error(errno.EIO, "Input/output error"), DriverNotReady, "KEYPAD_MISSING"),
    (termios.error(errno.EINVAL, "Invalid argument"), DriverFault, "KEYPAD_WRONG_PORT"),
    (serial.SerialException("no words, no number"), DriverNotReady, "KEYPAD_MISSING"),
]


@pytest.mark.parametrize(
    ("error", "family", "code"), REFUSALS, ids=[f"{code}-{type(e).__name__}" for e, _, code in REFUSALS]
)
def test_a_refused_opening_is_sorted_by_what_can_be_done_about_it(
    far_end: PtyKeypad, monkeypatch: pytest.MonkeyPatch, error: Exception, family: type[Exception], code: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(family) as refused:
        near_end(far_end).open()
    assert isinstance(refused.value, DriverFault | DriverNotReady)
    assert refused.value.code == code


def test_dtr_and_rts_are_low_before_the_port_opens(far_end: PtyKeypad, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []
    monkeypatch.setattr(serial.Serial, "open", lambda port: seen.append((port.dtr, port.rts)))
    with near_end(far_end):
        pass
    assert seen == [(False, False)]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "exactly one of port and match"),
        ({"port": "/dev/ttyUSB0", "match": {"by_path": "*"}}, "exactly one of port and match"),
        ({"port": "sockets://192.0.2.1:4001"}, 'no "sockets://"'),
        ({"port": "/dev/ttyUSB0", "baud": 9601}, "9601 is not a speed"),
        ({"port": "/dev/ttyUSB0", "ignore": ["xyz"]}, "not a payload in hex"),
        ({"port": "/dev/ttyUSB0", "parity": "none"}, "parity"),
        ({"port": "/dev/ttyUSB0", "framing": {"kind": "lines"}}, "framing.kind"),
        ({"match": {"by_path": ""}}, "match.by_path"),
    ],
)
def test_wrong_options_are_refused_in_words(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        SerialOptions.model_validate(wrong)


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "loop://", "socket://192.0.2.1:4001", "RFC2217://192.0.2.1:4001"])
def test_any_path_and_any_scheme_of_pyserial_is_a_port(port: str) -> None:
    assert SerialOptions(port=port).port == port


def test_a_loop_is_a_port_without_hardware() -> None:
    with SerialKeypad(SerialOptions(port="loop://")) as keypad:
        assert keypad.read(0) is None
        assert keypad.probe().where == "loop://"
