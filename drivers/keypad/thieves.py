"""Who else uses the keypad's port: programs that hold it open, and brltty, which takes it away.

brltty drives braille displays. Where it is installed, a udev rule starts it for every USB serial chip
that some braille display also uses (CH340, CP210x, FTDI); it then takes the chip from the kernel, and
the serial port that was just there is gone, seconds after it was plugged in. No error names it.

Everything is read from /proc, /sys and udev's folders and never raises: what may not be looked at (the
systemd unit hides other users' processes) is not seen. *root* stands for `/` in tests.
"""

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
RULES = ("etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")
CHIPS = {"0403", "067b", "10c4", "1a86"}
"""USB makers of serial chips: FTDI, Prolific, Silicon Labs, WCH."""


def holders(device: str, *, root: Path = ROOT) -> list[str]:
    """The programs that have *device* open or locked, as `name (process number)`; not this process."""
    target = os.path.realpath(device)
    numbers = {number for number in _processes(root) if _has_open(root / "proc" / number, target)}
    numbers |= _locking(target, root)
    numbers.discard(str(os.getpid()))
    return [f"{_name(root / 'proc' / number) or '?'} ({number})" for number in sorted(numbers, key=int)]


def brltty_is_here(*, root: Path = ROOT) -> bool:
    """Whether brltty runs, or udev would start it for a serial adapter."""
    if any(_name(root / "proc" / number) == "brltty" for number in _processes(root)):
        return True
    for folder in RULES:
        for rule in _entries(root / folder):
            # A rule of the same name that leads to /dev/null is how an administrator switches one off.
            if "brltty" in rule.name and rule.suffix == ".rules" and os.path.realpath(rule) != "/dev/null":
                return True
    return False


def portless_adapters(*, root: Path = ROOT) -> list[str]:
    """USB serial chips that are plugged in, as `maker:model`, but whose port is gone or was never made."""
    found = []
    for device in _entries(root / "sys/bus/usb/devices"):
        maker, model = _text(device / "idVendor"), _text(device / "idProduct")
        if maker in CHIPS and not any(_entries(device, "*/tty*")):
            found.append(f"{maker}:{model}")
    return sorted(found)


def _processes(root: Path) -> list[str]:
    return [entry.name for entry in _entries(root / "proc") if entry.name.isdecimal()]


def _has_open(process: Path, target: str) -> bool:
    for opened in _entries(process / "fd"):
        try:
            if str(opened.readlink()) == target:
                return True
        except OSError:
            continue
    return False


def _locking(target: str, root: Path) -> set[str]:
    """The processes with a lock on *target*, which the kernel lists even where it hides the processes."""
    try:
        status = Path(target).stat()
    except OSError:
        return set()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = [line.split() for line in _text(root / "proc/locks").splitlines()]
    return {line[4] for line in lines if len(line) > 5 and line[5] == place and line[4].isdecimal()}


def _name(process: Path) -> str:
    return _text(process / "comm")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _entries(folder: Path, pattern: str = "*") -> Iterator[Path]:
    try:
        yield from sorted(folder.glob(pattern))
    except OSError:
        return
