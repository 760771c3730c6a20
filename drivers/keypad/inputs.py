"""The machine's input devices as the kernel describes them in /sys, and one of them opened.

Written out here because it is little: the kernel's interface is a list of attributes, a record of 24 bytes
and four requests, all of them stable for twenty years, and the package that wraps them (`evdev`) has no
wheels: a box would need a compiler and kernel headers to install it. Other programs' devices are only
described, never opened: nothing is read that was not typed at the keypad.
"""

import fcntl
import os
import select
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
USB, BLUETOOTH = 0x03, 0x05
"""Buses by which somebody can bring a device along."""

EVENT = struct.Struct("@llHHi")
"""The kernel's `struct input_event`: seconds, microseconds, type, code, value."""
EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
RELEASED, PRESSED, REPEATED = 0, 1, 2

_KEYS_BYTES = 0x300 // 8
_EVIOCGVERSION = 0x80044501
_EVIOCGKEY = 0x80004518 | _KEYS_BYTES << 16
_EVIOCGRAB = 0x40044590


@dataclass(frozen=True, slots=True)
class InputDevice:
    """One event device, described."""

    node: str
    """`/dev/input/event3`"""
    name: str
    bus: int
    maker: int
    model: int
    serial: str
    place: str
    """Where it is plugged in; the parts of one device (its keys, its volume wheel) have the same."""
    keys: frozenset[int]
    """The codes it can send."""

    @property
    def usb(self) -> str:
        return f"{self.maker:04x}:{self.model:04x}"


def devices(root: Path = ROOT) -> Iterator[InputDevice]:
    """Every event device there is, by number."""
    found = root.glob("sys/class/input/event*")
    for entry in sorted(found, key=lambda entry: (len(entry.name), entry.name)):
        about = entry / "device"
        place = _text(about / "phys") or entry.name
        yield InputDevice(
            node=str(root / "dev/input" / entry.name),
            name=_text(about / "name"),
            bus=_hex(about / "id/bustype"),
            maker=_hex(about / "id/vendor"),
            model=_hex(about / "id/product"),
            serial=_text(about / "uniq"),
            place=place.rpartition("/")[0] or place,
            keys=_bits(_text(about / "capabilities/key")),
        )


class InputNode:
    """An event device that is open. What is missing or goes away raises OSError."""

    def __init__(self, path: str) -> None:
        self._opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._opened, select.POLLIN)
        try:
            self.grab()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._opened)

    def grab(self) -> None:
        """Take it away from everybody else: nothing typed here reaches a console or another program.

        Raises:
            OSError: ENOTTY it is no event device, EBUSY another program has taken it.
        """
        fcntl.ioctl(self._opened, _EVIOCGVERSION, bytes(4))
        fcntl.ioctl(self._opened, _EVIOCGRAB, 1)

    def held(self) -> frozenset[int]:
        """The keys that are down at this moment."""
        state = fcntl.ioctl(self._opened, _EVIOCGKEY, bytes(_KEYS_BYTES))
        return frozenset(byte * 8 + bit for byte, bits in enumerate(state) for bit in range(8) if bits >> bit & 1)

    def read(self, timeout_s: float) -> list[tuple[int, int, int]]:
        """The events (type, code, value) that came within *timeout_s* seconds; as soon as there are any."""
        if not self._poll.poll(timeout_s * 1000):
            return []
        try:
            data = os.read(self._opened, EVENT.size * 64)
        except BlockingIOError:
            return []
        if not data:
            raise OSError("the device hung up")
        return [event[2:] for event in EVENT.iter_unpack(data[: len(data) // EVENT.size * EVENT.size])]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _hex(path: Path) -> int:
    text = _text(path)
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _bits(words: str) -> frozenset[int]:
    """The set bits of a bitmap as /sys prints it: words of 64 bits in hex, the highest first."""
    try:
        figures = [int(word, 16) for word in reversed(words.split())]
    except ValueError:
        return frozenset()
    return frozenset(number * 64 + bit for number, word in enumerate(figures) for bit in range(64) if word >> bit & 1)
