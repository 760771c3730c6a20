"""A keypad on a serial port, or on whatever pyserial calls one (`/dev/…`, `socket://`, `rfc2217://`, `loop://`).

What pyserial gets wrong for a device that is unplugged and replugged for years is kept out here:

- Its `readline` returns partial lines and outlives its timeout under a trickle. Bytes go one by one
  into our own framer, under a deadline on the monotonic clock.
- Losing the device raises three unrelated types (SerialException, OSError, and termios.error, which
  is neither). All three are caught in one place and sorted by what a person can do about it.
- Opening a port raises DTR, which reboots Arduino-like keypads. DTR and RTS are set before; what a
  keypad that boots all the same has to say is not listened to (`mute_s`).
- Two readers of one port share its bytes between them. The port is locked where the system can lock
  it; the lock is advisory, so who else has it open is looked up, and named.
- A network that falls silent is no error at all. The connection is kept alive by probes, and a keypad
  that can be asked is asked (`heartbeat`).

One thread. After DriverNotReady: `close`, `open`. Nothing is resolved earlier than in `open`, because
a replugged adapter may come back under another number.
"""

import errno
import socket
import termios
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from serial import Serial, SerialException, serial_for_url
from serial.tools import list_ports

from drivers.base import DriverError, DriverFault, DriverNotReady, Identity, Keypad, Press, Remark
from drivers.keypad import place, thieves
from drivers.keypad.framing import Framer
from drivers.keypad.place import Found
from drivers.keypad.pulse import Pulse
from drivers.keypad.wiring import SerialOptions

PORT_ERRORS = (SerialException, OSError, termios.error)
SLICE_S = 0.1
"""How long one read of pyserial waits. Another timeout for each read would configure the port anew each time."""
PAUSE_S = 1.0
"""The bytes of one payload never pause for so long: what is incomplete then will not be completed."""
STOLEN_S = 10.0
"""A port that goes away so soon after it was opened was taken, where a known thief is about."""
WRITE_S = 1.0
PROBES = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""A network keypad that vanished without a word is missed after 25 s, though nobody presses."""


class SerialKeypad(Keypad):
    """A keypad that sends bytes over a serial port."""

    Options = SerialOptions

    def __init__(self, options: SerialOptions, *, names: Path = place.SERIAL, root: Path = thieves.ROOT) -> None:
        """*names* and *root* stand for /dev/serial and / in tests."""
        self._options = options
        self._deaf = options.deaf
        self._names = names
        self._root = root
        self._serial: Serial | None = None
        self._where = ""
        self._remark: Remark | None = None
        self._presses: deque[Press] = deque()
        self._begin(0.0)
        self.ignored = 0
        """Payloads seen since construction that are no presses by the options."""

    def open(self) -> None:
        self.close()
        found = self._find()
        self._where = where = found.device
        options = self._options
        try:
            port = serial_for_url(
                where,
                baudrate=options.baud,
                bytesize=options.bytesize,
                parity=options.parity,
                stopbits=options.stopbits,
                timeout=SLICE_S,
                write_timeout=WRITE_S,
                exclusive=True,
                do_not_open=True,
            )
            port.dtr = options.dtr
            port.rts = options.rts
            port.open()
            _keep_alive(port)
        except (*PORT_ERRORS, ValueError) as error:  # ValueError: a scheme whose own library is missing
            raise self._refusal(where, error) from error
        self._serial = port
        self._remark = self._look(found)
        self._begin(time.monotonic())

    def close(self) -> None:
        port, self._serial = self._serial, None
        self._presses.clear()
        if port is not None:
            with suppress(*PORT_ERRORS):
                port.close()

    def read(self, timeout_s: float) -> Press | None:
        deadline = time.monotonic() + timeout_s
        while not self._presses:
            # One byte a time: what came before the device went away is delivered before the loss is told.
            with self._port() as port:
                self._ask(port)
                byte = port.read(1)
            now = time.monotonic()
            self._hear(byte, now)
            if not self._presses and now >= deadline:
                return None
        return self._presses.popleft()

    def acknowledge(self) -> None:
        if self._options.ack is not None:
            with self._port() as port:
                port.write(bytes.fromhex(self._options.ack))

    @property
    def is_heard(self) -> bool:
        return self._pulse is None or self._pulse.is_heard

    @property
    def remark(self) -> Remark | None:
        return self._remark

    def probe(self) -> Identity:
        with self._port() as port:
            _ = port.in_waiting
        device = str(Path(self._where).resolve())
        for found in list_ports.comports():
            if found.device == device:
                return Identity(found.manufacturer or "", found.product or "", found.serial_number or "", self._where)
        return Identity(where=self._where)

    # -- the wire ----------------------------------------------------------------------------------

    def _begin(self, at: float) -> None:
        """Forget what the opening before left behind."""
        self._framer: Framer = self._options.framing.framer()
        self._opened_at = at
        self._byte_at = at
        heartbeat = self._options.heartbeat
        self._pulse = None if heartbeat is None else Pulse(heartbeat, at + self._options.mute_s)

    def _hear(self, byte: bytes, now: float) -> None:
        if now - self._opened_at < self._options.mute_s:
            return
        payloads = self._framer.settle() if now - self._byte_at >= PAUSE_S else []
        if byte:
            self._byte_at = now
            payloads += self._framer.feed(byte)
        for payload in payloads:
            self._take(payload.hex(), now)

    def _take(self, code: str, now: float) -> None:
        heartbeat = self._options.heartbeat
        if self._pulse is not None and heartbeat is not None and code != heartbeat.tx:
            self._pulse.heard()
        if code in self._deaf:
            self.ignored += 1
        else:
            self._presses.append(Press(code, now))

    def _ask(self, port: Serial) -> None:
        """Put the heartbeat's question when it is due.

        Raises:
            DriverNotReady: it was put often enough.
        """
        pulse, heartbeat = self._pulse, self._options.heartbeat
        if pulse is None or heartbeat is None or not pulse.is_due(time.monotonic()) or port.in_waiting:
            return
        if pulse.is_lost:
            raise DriverNotReady("KEYPAD_SILENT", f"{self._where} did not answer {heartbeat.miss} times")
        port.write(bytes.fromhex(heartbeat.tx))
        pulse.asked(time.monotonic())

    @contextmanager
    def _port(self) -> Iterator[Serial]:
        """The open port; whatever it raises inside means that it is gone."""
        if self._serial is None:
            raise DriverNotReady("KEYPAD_MISSING", f"{self._where or 'the keypad'} is not open")
        try:
            yield self._serial
        except PORT_ERRORS as error:
            soon = time.monotonic() - self._opened_at < STOLEN_S
            code = "KEYPAD_STOLEN" if soon and self._is_brltty_about() else "KEYPAD_UNPLUGGED"
            raise DriverNotReady(code, f"{self._where} went away: {error}") from error

    # -- where it is, and who else is there --------------------------------------------------------

    def _find(self) -> Found:
        """Where the port is now.

        Raises:
            DriverNotReady: nothing matches.
            DriverFault: more than one device matches.
        """
        if self._options.match is None:
            return Found(str(self._options.port))
        try:
            return place.find(self._options.match, folder=self._names)
        except DriverNotReady as missing:
            raise self._or_stolen(missing) from missing

    def _look(self, found: Found) -> Remark | None:
        """What is odd about the port that has just been opened."""
        others = [] if self._is_url else thieves.holders(found.device, root=self._root)
        if others:
            return Remark("KEYPAD_SHARED", {"holder": ", ".join(others)})
        return Remark("KEYPAD_MOVED", {"where": found.moved_to}) if found.moved_to else None

    def _refusal(self, where: str, error: Exception) -> DriverError:
        refusal = _refusal(where, error)
        if refusal.code == "KEYPAD_BUSY" and (holders := thieves.holders(where, root=self._root)):
            return DriverNotReady("KEYPAD_HELD", str(refusal), holder=", ".join(holders))
        return self._or_stolen(refusal)

    def _or_stolen(self, missing: DriverError) -> DriverError:
        """*missing*, unless its chip is plugged in and somebody is about who takes such chips from the kernel."""
        if missing.code != "KEYPAD_MISSING" or not self._is_brltty_about():
            return missing
        chips = thieves.portless_adapters(root=self._root)
        return DriverNotReady("KEYPAD_STOLEN", f"{missing}; {', '.join(chips)} has no port") if chips else missing

    def _is_brltty_about(self) -> bool:
        return not self._is_url and thieves.brltty_is_here(root=self._root)

    @property
    def _is_url(self) -> bool:
        return "://" in (self._options.port or "")


def _keep_alive(port: Serial) -> None:
    """Have the kernel probe a network keypad's connection."""
    line = getattr(port, "_socket", None)
    if isinstance(line, socket.socket):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in PROBES.items():
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


_REFUSALS: dict[int, tuple[type[DriverError], str]] = {
    errno.EACCES: (DriverFault, "KEYPAD_DENIED"),
    errno.EPERM: (DriverFault, "KEYPAD_DENIED"),
    errno.EAGAIN: (DriverNotReady, "KEYPAD_BUSY"),  # locked by another process
    errno.EBUSY: (DriverNotReady, "KEYPAD_BUSY"),  # taken for exclusive use (TIOCEXCL)
    errno.ENOTTY: (DriverFault, "KEYPAD_WRONG_PORT"),
    errno.EISDIR: (DriverFault, "KEYPAD_WRONG_PORT"),
    errno.EINVAL: (DriverFault, "KEYPAD_WRONG_PORT"),  # it cannot do this speed or format
}
"""Why an open was refused. Any other number is an absence: no node, or one without its device (ENXIO, ENODEV, EIO)."""


def _refusal(where: str, error: Exception) -> DriverError:
    """What an open that failed means to the caller."""
    if isinstance(error, ValueError):
        return DriverFault("KEYPAD_WRONG_PORT", f"{where} cannot be opened: {error}")
    family, code = _REFUSALS.get(_number(error), (DriverNotReady, "KEYPAD_MISSING"))
    return family(code, f"{where} cannot be opened: {error}")


def _number(error: BaseException | None) -> int:
    """The errno behind an error of pyserial, which tells it in one of three ways or buries it; 0 when there is none."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        if isinstance(error, termios.error):
            return int(error.args[0])
        error = error.__context__
    return 0
