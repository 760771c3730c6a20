"""A keypad on a serial port, or on whatever pyserial calls one (`/dev/…`, `socket://`, `rfc2217://`, `loop://`).

What pyserial gets wrong for a device that is unplugged and replugged for years is kept out here:

- Its `readline` returns partial lines and outlives its timeout under a trickle. Bytes go one by one
  into our own framer, under a deadline on the monotonic clock.
- Losing the device raises three unrelated types (SerialException, OSError, and termios.error, which
  is neither). All three are caught in one place and sorted by what a person can do about it.
- Opening a port raises DTR, which reboots Arduino-like keypads. DTR and RTS are set low before.
- Two readers of one port share its bytes between them. The port is locked where the system can lock
  it; the lock is advisory, so it keeps out a second agent, not a careless program.

One thread. After DriverNotReady: `close`, `open`. Nothing is resolved earlier than in `open`, because
a replugged adapter may come back under another number.
"""

import errno
import importlib.util
import termios
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from serial import Serial, SerialException, serial_for_url
from serial.tools import list_ports

from drivers.base import DriverError, DriverFault, DriverNotReady, Identity, Keypad, Options, Press
from drivers.keypad.framing import ByteFraming, Framer, Payload

BY_PATH = Path("/dev/serial/by-path")
"""udev's names of serial ports by the socket they are plugged into: cheap adapters have no serial number to go by."""
PORT_ERRORS = (SerialException, OSError, termios.error)
SLICE_S = 0.1
"""How long one read of pyserial waits. Another timeout for each read would configure the port anew each time."""


class Match(Options):
    """Finds the port by where it is plugged in."""

    by_path: str = Field(min_length=1)
    """A glob over the names in /dev/serial/by-path."""


class SerialOptions(Options):
    """`driver: serial`. Exactly one of `port` and `match` says where the keypad is."""

    port: str | None = Field(default=None, min_length=1)
    """A device path, or any URL that pyserial knows."""
    match: Match | None = None
    baud: int = 9600
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Literal["N", "E", "O", "M", "S"] = "N"
    stopbits: Literal[1, 2] = 1
    framing: ByteFraming = ByteFraming()
    ignore: tuple[Payload, ...] = ("0d", "0a", "00", "ff")
    """Payloads in hex that are no presses and no garbage either: line ends, idle bytes, a floating line."""

    @field_validator("port")
    @classmethod
    def _known_scheme(cls, port: str | None) -> str | None:
        scheme, separator, _ = (port or "").partition("://")
        if separator and (
            not scheme.isidentifier()
            or importlib.util.find_spec(f"serial.urlhandler.protocol_{scheme.lower()}") is None
        ):
            raise ValueError(
                f'pyserial has no "{scheme}://"; a device path, socket://, rfc2217:// or loop:// are usual'
            )
        return port

    @field_validator("baud")
    @classmethod
    def _standard_baud(cls, baud: int) -> int:
        if baud not in Serial.BAUDRATES:
            raise ValueError(f"{baud} is not a speed of serial ports; 9600, 19200, 38400 or 115200 baud are usual")
        return baud

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.port is None) == (self.match is None):
            raise ValueError("exactly one of port and match says where the keypad is")
        return self


class SerialKeypad(Keypad):
    """A keypad that sends bytes over a serial port."""

    Options = SerialOptions

    def __init__(self, options: SerialOptions, *, by_path: Path = BY_PATH) -> None:
        self._options = options
        self._by_path = by_path
        self._serial: Serial | None = None
        self._where = ""
        self._framer: Framer = options.framing.framer()
        self._presses: deque[Press] = deque()
        self.ignored = 0
        """Payloads from `ignore` seen since construction."""

    def open(self) -> None:
        self.close()
        self._where = where = self._resolve()
        options = self._options
        try:
            port = serial_for_url(
                where,
                baudrate=options.baud,
                bytesize=options.bytesize,
                parity=options.parity,
                stopbits=options.stopbits,
                timeout=SLICE_S,
                exclusive=True,
                do_not_open=True,
            )
            port.dtr = False
            port.rts = False
            port.open()
        except (*PORT_ERRORS, ValueError) as error:  # ValueError: a scheme whose own library is missing
            raise _refusal(where, error) from error
        self._framer = options.framing.framer()
        self._serial = port

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
                byte = port.read(1)
            now = time.monotonic()
            for payload in self._framer.feed(byte):
                self._take(Press(payload.hex(), now))
            if not self._presses and now >= deadline:
                return None
        return self._presses.popleft()

    def probe(self) -> Identity:
        with self._port() as port:
            _ = port.in_waiting
        device = str(Path(self._where).resolve())
        for found in list_ports.comports():
            if found.device == device:
                return Identity(found.manufacturer or "", found.product or "", found.serial_number or "", self._where)
        return Identity(where=self._where)

    def _resolve(self) -> str:
        """Where the port is now.

        Raises:
            DriverNotReady: nothing matches.
            DriverFault: more than one device matches.
        """
        if self._options.match is None:
            return str(self._options.port)
        glob = self._options.match.by_path
        try:
            links = sorted(link for link in self._by_path.iterdir() if fnmatchcase(link.name, glob))
        except FileNotFoundError:  # udev removes the directory with its last name
            links = []
        # One device may have several names ("…-usb-0:1…" and "…-usbv2-0:1…"): what counts is where they lead.
        devices = {link.resolve(): link for link in links}
        if not devices:
            raise DriverNotReady("KEYPAD_MISSING", f'nothing in {self._by_path} matches "{glob}"')
        if len(devices) > 1:
            names = ", ".join(link.name for link in links)
            raise DriverFault(
                "KEYPAD_AMBIGUOUS", f'"{glob}" matches {len(devices)} devices in {self._by_path}: {names}'
            )
        return str(next(iter(devices.values())))

    def _take(self, press: Press) -> None:
        if press.code in self._options.ignore:
            self.ignored += 1
        else:
            self._presses.append(press)

    @contextmanager
    def _port(self) -> Iterator[Serial]:
        """The open port; whatever it raises inside means that it is gone."""
        if self._serial is None:
            raise DriverNotReady("KEYPAD_MISSING", f"{self._where or 'the keypad'} is not open")
        try:
            yield self._serial
        except PORT_ERRORS as error:
            raise DriverNotReady("KEYPAD_UNPLUGGED", f"{self._where} went away: {error}") from error


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
