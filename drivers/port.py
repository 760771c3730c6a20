"""A serial port: its keys in the configuration file, how it is opened, and what a failure of it means.

What pyserial gets wrong for a device that is unplugged and replugged for years is kept in here:

- Losing the device raises three unrelated types (SerialException, OSError, and termios.error, which is neither);
  `PORT_ERRORS` are all of them, and `refusal` sorts them by what a person can do about it.
- Opening a port raises DTR, which reboots Arduino-like devices. DTR and RTS are set before.
- Two programs on one port share its bytes between them. The port is locked where the system can lock it.
- A network that falls silent is no error at all: the connection is kept alive by probes.
"""

import errno
import importlib.util
import socket
import termios
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from serial import Serial, SerialException, serial_for_url

from drivers import place
from drivers.base import DriverError, DriverFault, DriverNotReady, Options
from drivers.place import Found, Match

PORT_ERRORS = (SerialException, OSError, termios.error)
WRITE_S = 1.0
PROBES = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""A network device that vanished without a word is missed after 25 s, though nobody speaks."""


class PortOptions(Options):
    """A serial port. Exactly one of `port` and `match` says where it is."""

    port: str | None = Field(default=None, min_length=1)
    """A device path, or any URL that pyserial knows."""
    match: Match | None = None
    """How the port is found: by where it is plugged in, or by what it is."""
    baud: int = 9600
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Literal["N", "E", "O", "M", "S"] = "N"
    stopbits: Literal[1, 2] = 1
    dtr: bool = False
    """Level of DTR, set before the port opens. Some devices are fed by it, others reboot when it rises."""
    rts: bool = False
    """Level of RTS, set before the port opens."""

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
            raise ValueError("exactly one of port and match says where the device is")
        return self

    @property
    def is_url(self) -> bool:
        return "://" in (self.port or "")

    def find(self, kind: str, *, names: Path = place.SERIAL) -> Found:
        """Where the port is now; *kind* begins the codes of what is raised.

        Raises:
            DriverNotReady: nothing matches.
            DriverFault: more than one device matches.
        """
        return Found(str(self.port)) if self.match is None else place.find(self.match, kind, folder=names)

    def open(self, kind: str, where: str, *, timeout_s: float) -> Serial:
        """The port at *where*, whose reads wait for *timeout_s*; *kind* begins the codes of what is raised.

        Raises:
            DriverNotReady: it is away, or somebody else has it.
            DriverFault: it cannot be such a port, or may not be opened.
        """
        try:
            port = serial_for_url(
                where,
                baudrate=self.baud,
                bytesize=self.bytesize,
                parity=self.parity,
                stopbits=self.stopbits,
                timeout=timeout_s,
                write_timeout=WRITE_S,
                exclusive=True,
                do_not_open=True,
            )
            port.dtr = self.dtr
            port.rts = self.rts
            port.open()
            _keep_alive(port)
        except (*PORT_ERRORS, ValueError) as error:  # ValueError: a scheme whose own library is missing
            raise refusal(kind, where, error) from error
        return port


def _keep_alive(port: Serial) -> None:
    """Have the kernel probe a network device's connection."""
    line = getattr(port, "_socket", None)
    if isinstance(line, socket.socket):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in PROBES.items():
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


_REFUSALS: dict[int, tuple[type[DriverError], str]] = {
    errno.EACCES: (DriverFault, "DENIED"),
    errno.EPERM: (DriverFault, "DENIED"),
    errno.EAGAIN: (DriverNotReady, "BUSY"),  # locked by another process
    errno.EBUSY: (DriverNotReady, "BUSY"),  # taken for exclusive use (TIOCEXCL)
    errno.ENOTTY: (DriverFault, "WRONG_PORT"),
    errno.EISDIR: (DriverFault, "WRONG_PORT"),
    errno.EINVAL: (DriverFault, "WRONG_PORT"),  # it cannot do this speed or format
}
"""Why an open was refused. Any other number is an absence: no node, or one without its device (ENXIO, ENODEV, EIO)."""


def refusal(kind: str, where: str, error: Exception) -> DriverError:
    """What an open that failed means to the caller; *kind* begins its code."""
    if isinstance(error, ValueError):
        return DriverFault(f"{kind}_WRONG_PORT", f"{where} cannot be opened: {error}")
    family, code = _REFUSALS.get(_number(error), (DriverNotReady, "MISSING"))
    return family(f"{kind}_{code}", f"{where} cannot be opened: {error}")


def _number(error: BaseException | None) -> int:
    """The errno behind an error of pyserial, which tells it in one of three ways or buries it; 0 when there is none."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        if isinstance(error, termios.error):
            return int(error.args[0])
        error = error.__context__
    return 0
