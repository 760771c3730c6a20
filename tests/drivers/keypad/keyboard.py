"""A keyboard without a keyboard: a named pipe where the kernel has its device, with the kernel's records in it.

Containers have no /dev/uinput, so no real event device can be made there. What is real in these tests: the
records (`struct input_event`), the file descriptor, poll, the hang-up, and the files of /sys. What is not: the
three requests that only an event device answers (grab, which keys are down, which version), which `PipeNode`
answers instead. `test_evdev_uinput` holds the driver to the kernel's
own keyboard where there is one.
"""

import errno
import os
import shutil
import time
from pathlib import Path
from typing import ClassVar, Self

from drivers.keypad.inputs import EV_KEY, EV_SYN, EVENT, PRESSED, RELEASED, SYN_REPORT, USB, InputNode
from drivers.keypad.keycodes import CODES


class Keyboard:
    """A keyboard's far end, plugged in from its construction until `close`, below a *root* of its own."""

    def __init__(
        self,
        root: Path,
        number: int = 3,
        *,
        name: str = "SIGMACHIP USB Keypad",
        usb: tuple[int, int] = (0x1A2C, 0x0E21),
        bus: int = USB,
        place: str = "usb-xhci-1.3",
        keys: tuple[str, ...] = ("KEY_KP1", "KEY_KP2", "KEY_KP3", "KEY_KP4", "KEY_NUMLOCK"),
    ) -> None:
        self.down: set[int] = set()
        self.is_grabbed_elsewhere = False
        self._node = root / f"dev/input/event{number}"
        self._about = root / f"sys/class/input/event{number}/device"
        self._link = root / f"dev/input/by-path/{place}-event-kbd"
        self._texts = {
            "name": name,
            "phys": f"{place}/input0",
            "uniq": "",
            "id/bustype": f"{bus:04x}",
            "id/vendor": f"{usb[0]:04x}",
            "id/product": f"{usb[1]:04x}",
            "capabilities/key": bitmap({CODES[key] for key in keys}),
        }
        self._wire: int | None = None
        self.replug()

    @property
    def path(self) -> str:
        return str(self._node)

    def press(self, code: str) -> None:
        """Press the key with this payload and let it go."""
        number = int(code, 16)
        self.send((EV_KEY, number, PRESSED), (EV_SYN, SYN_REPORT, 0))
        self.send((EV_KEY, number, RELEASED), (EV_SYN, SYN_REPORT, 0))

    def send(self, *events: tuple[int, int, int]) -> None:
        """Have the kernel say these events (type, code, value)."""
        seconds = time.time()
        stamp = int(seconds), int(seconds % 1 * 1e6)
        if self._wire is not None:
            os.write(self._wire, b"".join(EVENT.pack(*stamp, *event) for event in events))

    def unplug(self) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        os.close(wire)
        self._node.unlink()
        if self._link.readlink() == self._node:
            self._link.unlink()
        shutil.rmtree(self._about.parent)

    def replug(self) -> None:
        for name, text in self._texts.items():
            (self._about / name).parent.mkdir(parents=True, exist_ok=True)
            (self._about / name).write_text(f"{text}\n")
        self._link.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(self._node)
        if not self._link.is_symlink():  # of several parts of one device, the first has the name
            self._link.symlink_to(self._node)
        self._wire = os.open(self._node, os.O_RDWR | os.O_NONBLOCK)
        PipeNode.keyboards[self.path] = self

    close = unplug

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PipeNode(InputNode):
    """The near end of a `Keyboard`'s pipe; what an event device would be asked, the keyboard answers."""

    keyboards: ClassVar[dict[str, Keyboard]] = {}

    def __init__(self, path: str) -> None:
        self._keyboard = self.keyboards.get(str(Path(path).resolve()))
        super().__init__(path)

    def grab(self) -> None:
        if self._keyboard is None:
            super().grab()
        elif self._keyboard.is_grabbed_elsewhere:
            raise OSError(errno.EBUSY, "Device or resource busy")

    def held(self) -> frozenset[int]:
        return frozenset(self._keyboard.down) if self._keyboard is not None else super().held()


def bitmap(codes: set[int]) -> str:
    """A set of codes as /sys prints it."""
    words = [sum(1 << code % 64 for code in codes if code // 64 == number) for number in range(max(codes) // 64 + 1)]
    return " ".join(f"{word:x}" for word in reversed(words))
