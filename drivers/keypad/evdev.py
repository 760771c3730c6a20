"""A USB numeric keypad, or any other device that the kernel takes for a keyboard.

It is taken for ourselves alone (grabbed), so that nothing pressed reaches a console or a login. It is found
by where it is plugged in, by what it is, or by its name, and looked for anew at every opening: after a
replug it has another number. Another keyboard that somebody brings along is never opened; that it is there
is said.

One thread. After DriverNotReady: `close`, `open`.
"""

import errno
import re
import threading
import time
from collections import deque
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from drivers.base import (
    DriverError,
    DriverFault,
    DriverNotReady,
    Identity,
    Keypad,
    KeypadOptions,
    Options,
    Press,
    Remark,
)
from drivers.keypad import inputs
from drivers.keypad.inputs import InputDevice, InputNode
from drivers.keypad.keycodes import PAYLOADS, TYPING, payload
from drivers.keypad.strokes import Strokes
from drivers.usb import UsbName

LOOK_AROUND_S = 5.0
"""How often is looked for keyboards that do not belong here."""


def _code(text: str) -> str:
    """The payload of a key as options name it."""
    if text in PAYLOADS:
        return PAYLOADS[text]
    if re.fullmatch("[0-9A-Fa-f]{4}", text) is None:
        raise ValueError(f'"{text}" is no key; write its name, such as KEY_NUMLOCK, or four hexadecimal digits')
    return text.lower()


def _known(text: str) -> str:
    _code(text)
    return text


class InputMatch(Options):
    """Finds the device; at least one way, and all that are given must fit."""

    by_path: Annotated[str, Field(min_length=1)] | None = None
    """Where it is plugged in: a glob over the names in /dev/input/by-path."""
    usb: UsbName | None = None
    """Which device it is: maker and model as lsusb prints them, and its serial number where it has one."""
    name: Annotated[str, Field(min_length=1)] | None = None
    """A glob over the names that devices have in /proc/bus/input/devices."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.by_path is None and self.usb is None and self.name is None:
            raise ValueError("by_path, usb or name must say which keypad it is")
        return self


class EvdevOptions(KeypadOptions):
    """`driver: evdev`. Exactly one of `device` and `match` says which device it is."""

    device: Annotated[str, Field(pattern="^/")] | None = None
    """Path of the event device, best one of those in /dev/input/by-path."""
    match: InputMatch | None = None
    """How the device is found: by where it is plugged in, by what it is, by its name."""
    ignore: tuple[Annotated[str, AfterValidator(_known)], ...] = ("KEY_NUMLOCK",)
    """Keys that are no presses: some keypads press Num Lock by themselves around every key."""

    @model_validator(mode="after")
    def _one_device(self) -> Self:
        if (self.device is None) == (self.match is None):
            raise ValueError("exactly one of device and match says which device the keypad is")
        return self

    @property
    def deaf(self) -> frozenset[str]:
        return frozenset(map(_code, self.ignore))

    def can_send(self, code: str) -> bool:
        return len(code) == 4 and code not in self.deaf


class EvdevKeypad(Keypad):
    """A keypad that is a keyboard to the kernel."""

    Options = EvdevOptions
    key_names = PAYLOADS
    node: ClassVar[type[InputNode]] = InputNode
    _taken: ClassVar[set[str]] = set()
    """The places whose devices keypads of this process have open: each knows the others' for keypads."""
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, options: EvdevOptions, *, root: Path = inputs.ROOT) -> None:
        """*root* stands for / in tests."""
        self._options = options
        self._deaf = options.deaf
        self._root = root
        self._node: InputNode | None = None
        self._strokes = Strokes(frozenset)
        self._device: InputDevice | None = None
        self._where = ""
        self._presses: deque[Press] = deque()
        self._seen: list[InputDevice] = []
        self._strangers: list[InputDevice] = []
        self._looked_at = float("-inf")
        self._losses = 0

    def open(self) -> None:
        self.close()
        self._where, self._device = self._find()
        try:
            self._node = self.node(self._where)
            self._strokes = Strokes(self._node.held)
        except OSError as error:
            self.close()
            raise _refusal(self._where, error) from error
        if self._device is not None:
            with self._lock:
                self._taken.add(self._device.place)

    def close(self) -> None:
        node, self._node = self._node, None
        self._presses.clear()
        if node is not None:
            node.close()
            self._losses, self._strokes = self.possible_losses, Strokes(frozenset)
        if self._device is not None:
            with self._lock:
                self._taken.discard(self._device.place)

    def read(self, timeout_s: float) -> Press | None:
        deadline = time.monotonic() + timeout_s
        while not self._presses:
            if self._node is None:
                raise DriverNotReady("KEYPAD_MISSING", f"{self._where or 'the keypad'} is not open")
            try:
                events = self._node.read(max(0.0, deadline - time.monotonic()))
                strokes = [stroke for event in events for stroke in self._strokes.feed(*event)]
            except OSError as error:
                raise DriverNotReady("KEYPAD_UNPLUGGED", f"{self._where} went away: {error}") from error
            now = time.monotonic()
            for stroke in strokes:
                if payload(stroke.code) not in self._deaf:
                    self._presses.append(Press(payload(stroke.code), now, is_held=stroke.is_held))
            if not self._presses and now >= deadline:
                return None
        return self._presses.popleft()

    def probe(self) -> Identity:
        if self._node is None:
            raise DriverNotReady("KEYPAD_MISSING", f"{self._where or 'the keypad'} is not open")
        device = self._device
        if device is None:
            return Identity(where=self._where)
        return Identity(maker=device.usb, model=device.name, serial=device.serial, where=self._where)

    @property
    def possible_losses(self) -> int:
        return self._losses + self._strokes.possible_losses

    @property
    def remark(self) -> Remark | None:
        """A keyboard that is no keypad of ours; told when it was there at two looks."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AROUND_S:
            self._looked_at = now
            before, self._seen = self._seen, self._look_around()
            self._strangers = [device for device in self._seen if device in before]
        if not self._strangers:
            return None
        names = ", ".join(f"{device.name} ({device.usb})" for device in self._strangers)
        return Remark("KEYPAD_UNKNOWN_DEVICE", {"device": names})

    def _look_around(self) -> list[InputDevice]:
        """The keyboards that somebody brought along and no keypad of this process has open."""
        with self._lock:
            known = set(self._taken)
        brought = (device for device in inputs.devices(self._root) if device.bus in (inputs.USB, inputs.BLUETOOTH))
        return [device for device in brought if device.keys & TYPING and device.place not in known]

    def _find(self) -> tuple[str, InputDevice | None]:
        """The node to open, and its description where the kernel has one.

        Raises:
            DriverNotReady: nothing matches.
            DriverFault: more than one device matches.
        """
        everything = list(inputs.devices(self._root))
        if self._options.device is not None:
            path = self._options.device
            node = str(Path(path).resolve())
            return path, next((device for device in everything if str(Path(device.node).resolve()) == node), None)
        match = self._options.match
        found = [device for device in everything if device.keys & TYPING and self._fits(device, match)]
        if not found:
            raise DriverNotReady("KEYPAD_MISSING", f"no keyboard matches {match!r}")
        if len({device.place for device in found}) > 1:
            names = ", ".join(f"{device.node} {device.name} ({device.usb})" for device in found)
            raise DriverFault("KEYPAD_AMBIGUOUS", f"{match!r} matches {len(found)} devices: {names}")
        return found[0].node, found[0]

    def _fits(self, device: InputDevice, match: InputMatch | None) -> bool:
        if match is None:
            return False
        return (
            (match.usb is None or match.usb.means(device.maker, device.model, device.serial))
            and (match.name is None or fnmatchcase(device.name, match.name))
            and (match.by_path is None or self._is_at(device, match.by_path))
        )

    def _is_at(self, device: InputDevice, glob: str) -> bool:
        links = self._root.glob("dev/input/by-path/*")
        node = Path(device.node).resolve()
        return any(fnmatchcase(link.name, glob) and link.resolve() == node for link in links)


_REFUSALS: dict[int, tuple[type[DriverError], str]] = {
    errno.EACCES: (DriverFault, "KEYPAD_DENIED"),
    errno.EPERM: (DriverFault, "KEYPAD_DENIED"),
    errno.EBUSY: (DriverNotReady, "KEYPAD_GRABBED"),
    errno.ENOTTY: (DriverFault, "KEYPAD_WRONG_PORT"),
    errno.EINVAL: (DriverFault, "KEYPAD_WRONG_PORT"),
    errno.EISDIR: (DriverFault, "KEYPAD_WRONG_PORT"),
}
"""Why an open was refused. Any other number is an absence."""


def _refusal(where: str, error: OSError) -> DriverError:
    family, code = _REFUSALS.get(error.errno or 0, (DriverNotReady, "KEYPAD_MISSING"))
    return family(code, f"{where} cannot be opened: {error}")
