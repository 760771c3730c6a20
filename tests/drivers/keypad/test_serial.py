"""The serial keypad on real pseudo-terminals and a real socket; pyserial's own errors where no terminal makes them."""

import errno
import os
import pty
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import serial
from pydantic import ValidationError
from serial.tools.list_ports_common import ListPortInfo

from drivers.base import DriverFault, DriverNotReady, Remark
from drivers.keypad.serial import SerialKeypad
from drivers.keypad.sim import PtyKeypad
from drivers.keypad.wiring import SerialOptions
from tests.drivers.contract import PluggedBench, PluggedKeypadContract, next_press, read_until_lost
from tests.eventually import eventually


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[PtyKeypad]:
    with PtyKeypad(tmp_path / "keypad") as keypad:
        yield keypad


def near_end(far_end: PtyKeypad, **options: Any) -> SerialKeypad:
    return SerialKeypad(SerialOptions(port=str(far_end.path), **options))


def by_path(folder: Path, glob: str) -> SerialKeypad:
    return SerialKeypad(SerialOptions.model_validate({"match": {"by_path": glob}}), names=folder.parent)


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

    def receive(self) -> bytes:
        """What the newest connection was told since the last time."""
        self._accept()
        with suppress(BlockingIOError, IndexError):
            return self._connections[-1].recv(100, socket.MSG_DONTWAIT)
        return b""

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
        assert refused.value.code == "KEYPAD_BUSY"  # the first one is this process: nobody else to name
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


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    """A folder of names after sockets."""
    folder = tmp_path / "by-path"
    folder.mkdir()
    return folder


def test_several_names_of_one_device_are_one_device(sockets: Path) -> None:
    with PtyKeypad(sockets / "pci-usb-0:1:1.0-port0") as far_end:
        (sockets / "pci-usbv2-0:1:1.0-port0").symlink_to(far_end.path.readlink())
        with by_path(sockets, "pci-usb*-0:1:1.0-port0") as keypad:
            far_end.press("31")
            assert next_press(keypad).code == "31"


def test_a_glob_that_matches_two_keypads_needs_a_person_and_names_both(sockets: Path) -> None:
    with (
        PtyKeypad(sockets / "left"),
        PtyKeypad(sockets / "right"),
        pytest.raises(DriverFault, match="left, right") as refused,
    ):
        by_path(sockets, "*").open()
    assert refused.value.code == "KEYPAD_AMBIGUOUS"


def test_without_the_folder_of_paths_the_keypad_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DriverNotReady) as refused:
        by_path(tmp_path / "by-path", "*").open()
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
        ({"port": "/dev/ttyUSB0", "framing": {"kind": "lines"}}, "'byte', 'line', 'frame'"),
        ({"port": "/dev/ttyUSB0", "framing": {"kind": "line", "size": 3}}, "framing.line.size"),
        ({"port": "/dev/ttyUSB0", "heartbeat": {"tx": "05", "expect": "0606"}}, "can never come"),
        ({"port": "/dev/ttyUSB0", "heartbeat": {"tx": "05"}}, "heartbeat.expect"),
        ({"match": {}}, "by_path, by_id or usb"),
        ({"match": {"usb": "1a86/7523"}}, "names no USB device"),
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


# -- heartbeat, acknowledgement, boot banner ---------------------------------------------------------------


@pytest.fixture
def network() -> Iterator[_SerialServer]:
    server = _SerialServer()
    yield server
    server.unplug()


QUICK = {"tx": "05", "expect": "06", "every_s": 0.1, "miss": 3}


def test_a_keypad_that_answers_is_heard_and_its_answers_are_no_presses(network: _SerialServer) -> None:
    with SerialKeypad(SerialOptions.model_validate({"port": network.url, "heartbeat": QUICK})) as keypad:
        was_heard = keypad.is_heard
        assert not was_heard, "an open port is no keypad yet"
        for _ in range(6):
            assert keypad.read(0) is None
            if network.receive():
                network.press("06")
        assert keypad.is_heard
        network.press("31")
        assert next_press(keypad).code == "31"


def test_a_network_keypad_that_vanishes_without_a_word_is_missed_by_its_heartbeat(network: _SerialServer) -> None:
    with SerialKeypad(SerialOptions.model_validate({"port": network.url, "heartbeat": QUICK})) as keypad:
        network.press("31")
        assert next_press(keypad).code == "31"
        assert keypad.is_heard, "a press is a sign of life"
        assert read_until_lost(keypad).code == "KEYPAD_SILENT"
        asked = network.receive()
        assert len(asked) >= 3
        assert set(asked) == {0x05}


def test_the_echo_of_the_question_is_no_answer(network: _SerialServer) -> None:
    with SerialKeypad(SerialOptions.model_validate({"port": network.url, "heartbeat": QUICK})) as keypad:

        def read_and_echo() -> None:
            while keypad.read(0) is None:
                for byte in network.receive():
                    network.press(f"{byte:02x}")

        with pytest.raises(DriverNotReady) as lost:
            read_and_echo()
        assert lost.value.code == "KEYPAD_SILENT"
        assert not keypad.is_heard


def test_the_kernel_probes_a_network_keypad_that_cannot_be_asked(network: _SerialServer) -> None:
    with SerialKeypad(SerialOptions(port=network.url)) as keypad:
        line = keypad._serial._socket  # type: ignore[union-attr]
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, every, count = (
            line.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + every * count <= 30


def test_the_acknowledgement_is_the_same_bytes_whatever_was_pressed(network: _SerialServer) -> None:
    with SerialKeypad(SerialOptions(port=network.url, ack="41 07")) as keypad:
        shown = []
        for code in ("31", "34"):
            network.press(code)
            assert next_press(keypad).code == code
            keypad.acknowledge()
            shown.append(eventually(network.receive))
        assert shown == [b"A\x07", b"A\x07"]


def test_a_keypad_without_an_acknowledgement_is_sent_nothing(network: _SerialServer) -> None:
    with SerialKeypad(SerialOptions(port=network.url)) as keypad:
        keypad.acknowledge()
        network.press("31")
        assert next_press(keypad).code == "31"
        assert network.receive() == b""


def test_acknowledging_a_keypad_that_is_gone_is_an_unplugging(far_end: PtyKeypad) -> None:
    with near_end(far_end, ack="41") as keypad:
        far_end.unplug()
        with pytest.raises(DriverNotReady):
            keypad.acknowledge()


def test_what_a_booting_keypad_says_is_no_press(far_end: PtyKeypad) -> None:
    with near_end(far_end, mute_s=0.2) as keypad:
        far_end.garbage(b"KEYPAD v1.3 ready")
        assert keypad.read(0.25) is None
        far_end.press("31")
        assert next_press(keypad).code == "31"


@pytest.mark.parametrize(
    ("framing", "wire", "code"),
    [
        ({"kind": "line"}, b"RATE:3\n", b"RATE:3".hex()),
        ({"kind": "frame", "start": "02", "end": "03", "check": "xor"}, b"\x02K3\x78\x03", b"K3".hex()),
    ],
    ids=["line", "frame"],
)
def test_a_payload_trickles_in_byte_by_byte_and_is_one_press(
    far_end: PtyKeypad, framing: dict[str, Any], wire: bytes, code: str
) -> None:
    with near_end(far_end, framing=framing) as keypad:
        for byte in wire[:-1]:
            far_end.garbage(bytes([byte]))
            assert keypad.read(0) is None
        far_end.garbage(wire[-1:])
        assert next_press(keypad).code == code


def test_half_a_line_before_a_silence_does_not_spoil_the_next(
    far_end: PtyKeypad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.keypad.serial.PAUSE_S", 0.05)
    with near_end(far_end, framing={"kind": "line"}) as keypad:
        far_end.garbage(b"RA")
        assert keypad.read(0.2) is None
        far_end.garbage(b"RATE:2\n")
        assert next_press(keypad).code == b"RATE:2".hex()


@pytest.mark.parametrize(
    ("options", "never"),
    [({}, ["0d", "3132"]), ({"ack": "41"}, ["41"]), ({"heartbeat": QUICK}, ["05", "06"])],
)
def test_a_payload_that_can_never_be_a_press_is_known_beforehand(options: dict[str, Any], never: list[str]) -> None:
    made = SerialOptions.model_validate({"port": "/dev/ttyUSB0", **options})
    assert made.can_send("31")
    assert not any(made.can_send(code) for code in never)


# -- where it is, and who else is there --------------------------------------------------------------------


def matched(names: Path, root: Path = Path("/"), **match: str) -> SerialKeypad:
    return SerialKeypad(SerialOptions.model_validate({"match": match}), names=names, root=root)


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which adapters the machine has: `adapters(path=(maker, model, serial))`."""

    def have(ports: dict[Path, tuple[int, int, str | None]]) -> None:
        found = []
        for path, (maker, model, number) in ports.items():
            port = ListPortInfo(str(path.resolve()))
            port.vid, port.pid, port.serial_number = maker, model, number
            found.append(port)
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)

    return have


def test_a_keypad_is_found_by_its_numbers_and_by_its_serial_number(
    sockets: Path, adapters: Callable[..., None]
) -> None:
    with PtyKeypad(sockets / "usb-0:1.1:1.0") as left, PtyKeypad(sockets / "usb-0:1.2:1.0") as right:
        adapters({left.path: (0x1A86, 0x7523, None), right.path: (0x0403, 0x6001, "A5XK3RJT")})
        for usb, far_end in (("1A86:7523", left), ("0403:6001", right), ("0403:6001:A5XK3RJT", right)):
            with matched(sockets.parent, usb=usb) as keypad:
                far_end.press("31")
                assert next_press(keypad).code == "31"
                assert keypad.remark is None
        with pytest.raises(DriverNotReady):
            matched(sockets.parent, usb="0403:6001:OTHER").open()


def test_a_keypad_is_found_by_its_name_after_maker_and_number(tmp_path: Path, sockets: Path) -> None:
    (tmp_path / "by-id").mkdir()
    with PtyKeypad(sockets / "usb-0:1.2:1.0") as far_end:
        (tmp_path / "by-id" / "usb-FTDI_A5XK3RJT-if00-port0").symlink_to(far_end.path.readlink())
        with matched(tmp_path, by_id="usb-FTDI_*-port0") as keypad:
            far_end.press("31")
            assert next_press(keypad).code == "31"


def test_a_keypad_in_another_socket_works_and_is_said_to_have_moved(
    sockets: Path, adapters: Callable[..., None]
) -> None:
    with PtyKeypad(sockets / "usb-0:1.4:1.0") as far_end:
        adapters({far_end.path: (0x1A86, 0x7523, None)})
        with matched(sockets.parent, by_path="usb-0:1.2:*", usb="1a86:7523") as keypad:
            far_end.press("31")
            assert next_press(keypad).code == "31"
            assert keypad.remark == Remark("KEYPAD_MOVED", {"where": "usb-0:1.4:1.0"})


def test_another_device_in_the_keypads_socket_is_not_taken_for_it(sockets: Path, adapters: Callable[..., None]) -> None:
    with PtyKeypad(sockets / "usb-0:1.2:1.0") as far_end:
        adapters({far_end.path: (0x0403, 0x6001, None)})
        with pytest.raises(DriverNotReady, match="another device is plugged in") as refused:
            matched(sockets.parent, by_path="usb-0:1.2:*", usb="1a86:7523").open()
        assert refused.value.code == "KEYPAD_MISSING"


@pytest.fixture
def reader(far_end: PtyKeypad) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that reads the keypad's port, with no regard for locks."""
    with far_end.path.open("rb", buffering=0) as port, subprocess.Popen(["sleep", "60"], stdin=port) as program:
        port.close()
        yield program
        program.kill()


def test_a_program_that_reads_the_same_port_is_named(far_end: PtyKeypad, reader: subprocess.Popen[bytes]) -> None:
    with near_end(far_end) as keypad:
        assert keypad.remark == Remark("KEYPAD_SHARED", {"holder": f"sleep ({reader.pid})"})


def test_a_program_that_has_locked_the_port_is_named(far_end: PtyKeypad) -> None:
    lock = "import fcntl, sys; fcntl.flock(sys.stdin, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", lock]
    with (
        far_end.path.open("rb", buffering=0) as port,
        subprocess.Popen(command, stdin=port, stdout=subprocess.PIPE) as program,
    ):
        assert program.stdout is not None
        program.stdout.readline()
        with pytest.raises(DriverNotReady) as refused:
            near_end(far_end).open()
        program.kill()
    assert refused.value.code == "KEYPAD_HELD"
    assert str(program.pid) in refused.value.values["holder"]


@pytest.fixture
def brltty(tmp_path: Path) -> Path:
    """The root of a machine on which udev starts brltty, and a CH340 is plugged in without a port."""
    rules = tmp_path / "root/usr/lib/udev/rules.d"
    rules.mkdir(parents=True)
    (rules / "85-brltty.rules").touch()
    chip = tmp_path / "root/sys/bus/usb/devices/1-1.2"
    chip.mkdir(parents=True)
    (chip / "idVendor").write_text("1a86\n")
    (chip / "idProduct").write_text("7523\n")
    return tmp_path / "root"


def test_a_port_that_brltty_took_is_told_as_stolen(sockets: Path, brltty: Path) -> None:
    with pytest.raises(DriverNotReady, match="1a86:7523 has no port") as refused:
        matched(sockets.parent, brltty, by_path="usb-0:1.2:*").open()
    assert refused.value.code == "KEYPAD_STOLEN"


def test_a_port_that_goes_away_at_once_where_brltty_is_installed_is_told_as_stolen(sockets: Path, brltty: Path) -> None:
    with PtyKeypad(sockets / "usb-0:1.2:1.0") as far_end, matched(sockets.parent, brltty, by_path="*") as keypad:
        far_end.unplug()
        assert read_until_lost(keypad).code == "KEYPAD_STOLEN"


def test_an_absent_keypad_is_only_missing_where_no_thief_is_about(sockets: Path, brltty: Path) -> None:
    (rule,) = brltty.glob("usr/lib/udev/rules.d/*")
    rule.unlink()
    rule.symlink_to("/dev/null")
    with pytest.raises(DriverNotReady) as refused:
        matched(sockets.parent, brltty, by_path="*").open()
    assert refused.value.code == "KEYPAD_MISSING"
