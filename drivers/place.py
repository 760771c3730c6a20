"""Where a serial device is: from what the configuration says of it to the port it has at this moment.

Cheap adapters (CH340, PL2303) have no serial number, and `/dev/ttyUSB0` belongs to whoever was plugged in
first: the socket (`by_path`) is the name that lasts. What identifies the device itself (`by_id`, `usb`) is
checked beside it where both are given, and finds one that was put into another socket: it works, and is
said to have moved. Nothing is remembered: each opening looks anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from serial.tools import list_ports

from drivers.base import DriverFault, DriverNotReady, Options
from drivers.usb import UsbName

SERIAL = Path("/dev/serial")
"""udev's names of serial ports: in `by-path` after the socket, in `by-id` after maker, model and serial number."""

Glob = Annotated[str, Field(min_length=1), AfterValidator(str.strip)]


class Match(Options):
    """Finds the port; at least one way. With a place and a device both are checked."""

    by_path: Glob | None = None
    """Where it is plugged in: a glob over the names in /dev/serial/by-path."""
    by_id: Glob | None = None
    """Which device it is: a glob over the names in /dev/serial/by-id. Only where it has a serial number."""
    usb: UsbName | None = None
    """Which device it is: maker, model and, where it has one, serial number: "1a86:7523" or "0403:6001:A5XK3RJT"."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.by_path is None and self.by_id is None and self.usb is None:
            raise ValueError("by_path, by_id or usb must say which device it is")
        return self


@dataclass(frozen=True, slots=True)
class Found:
    """A device that is there."""

    device: str
    moved_to: str = ""
    """The socket, when it is not the one that the configuration names."""


def find(match: Match, kind: str, *, folder: Path = SERIAL) -> Found:
    """The one device that *match* means; *kind* (`KEYPAD`, `DISPLAY`) begins the codes of what is raised.

    Raises:
        DriverNotReady: nothing matches.
        DriverFault: more than one device matches.
    """
    there = _linked(folder / "by-path", match.by_path)
    known = _known(match, folder)
    # One device may have several names ("…-usb-0:1…" and "…-usbv2-0:1…"): what counts is where they lead.
    found = there if known is None else known if there is None else there & known
    if found:
        return Found(str(_only(found, match, kind, folder)))
    if known and there is not None:
        device = _only(known, match, kind, folder)
        return Found(str(device), moved_to=_socket(device, folder))
    text = f"nothing matches {_spell(match)} in {folder}"
    if there:
        text = f"another device is plugged in at {match.by_path}: {', '.join(sorted(map(str, there)))}"
    raise DriverNotReady(f"{kind}_MISSING", text)


def _known(match: Match, folder: Path) -> set[Path] | None:
    """The devices that are the meant one itself, wherever they are; None when nothing says which it is."""
    known = _linked(folder / "by-id", match.by_id)
    if match.usb is not None:
        usb = {
            Path(port.device).resolve()
            for port in list_ports.comports()
            if port.vid is not None and match.usb.means(port.vid, port.pid, port.serial_number or "")
        }
        known = usb if known is None else known & usb
    return known


def _linked(folder: Path, glob: str | None) -> set[Path] | None:
    """Where the names in *folder* that match *glob* lead; None without a glob."""
    if glob is None:
        return None
    return {link.resolve() for link in _links(folder) if fnmatchcase(link.name, glob)}


def _links(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # udev removes the directory with its last name
        return []


def _only(devices: Iterable[Path], match: Match, kind: str, folder: Path) -> Path:
    first, *others = sorted(devices)
    if others:
        names = ", ".join(sorted(_socket(device, folder) for device in (first, *others)))
        raise DriverFault(f"{kind}_AMBIGUOUS", f"{_spell(match)} matches {1 + len(others)} devices: {names}")
    return first


def _socket(device: Path, folder: Path) -> str:
    names = [link.name for link in _links(folder / "by-path") if link.resolve() == device]
    return names[0] if names else str(device)


def _spell(match: Match) -> str:
    return ", ".join(f'{name} "{value}"' for name, value in match if value is not None)
