"""Keypads without a keypad: one in hardware's place on a real pseudo-terminal, one made of a timetable.

`PtyKeypad` is the far end of the wire: a hand, a cable and udev. Tests and the demo press its keys and
pull its plug, and the serial driver on the near end cannot tell the difference. Its methods may be
called from any thread.

`SimKeypad` is a driver (`driver: sim`) for a laptop where nothing is plugged in: it presses the keys it
was told, one every `every_s` seconds, over and over.
"""

import os
import pty
import threading
import time
import tty
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import Field

from drivers.base import DriverNotReady, Identity, Keypad, KeypadOptions, Press
from drivers.keypad.framing import Payload


class PtyKeypad:
    """A keypad on a pseudo-terminal, plugged in from its construction until `close`.

    `path` is the name under which it is found, a link that comes and goes with the plug as udev's do;
    every plugging in has another terminal behind it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._wire: int | None = None
        self.replug()

    def press(self, code: str) -> None:
        """Send the payload of one key, written as in the key map (`"31"`); lost when unplugged or nobody drains it."""
        self._send(bytes.fromhex(code))

    def garbage(self, data: bytes) -> None:
        """Send bytes that are no key's."""
        self._send(data)

    def _send(self, data: bytes) -> None:
        with self._lock:
            if self._wire is not None:
                with suppress(BlockingIOError):  # the terminal is full: a wire drops what nobody takes
                    os.write(self._wire, data)

    def heard(self) -> bytes:
        """What the near end sent since the last time; nothing when unplugged."""
        with self._lock:
            try:
                return os.read(self._wire, 4096) if self._wire is not None else b""
            except BlockingIOError:
                return b""

    def unplug(self) -> None:
        """Pull the plug: the terminal hangs up, the link disappears. Idempotent."""
        with self._lock:
            wire, self._wire = self._wire, None
            if wire is not None:
                os.close(wire)
                self.path.unlink(missing_ok=True)

    def replug(self) -> None:
        """Plug in: a new terminal, then the link to it. Does nothing when plugged in."""
        with self._lock:
            if self._wire is not None:
                return
            wire, near_end = pty.openpty()
            tty.setraw(near_end)
            terminal = os.ttyname(near_end)
            os.close(near_end)
            os.set_blocking(wire, False)
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(terminal)
            self._wire = wire

    close = unplug

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SimOptions(KeypadOptions):
    """`driver: sim`."""

    every_s: float = Field(default=20, gt=0, le=86400)
    """Seconds between two presses; the first comes this long after `open`."""
    codes: tuple[Payload, ...] = Field(default=("31", "32", "31", "33", "31", "34"), min_length=1)
    """The payloads in hex, pressed in this order and then again."""


class SimKeypad(Keypad):
    """A keypad that presses itself."""

    Options = SimOptions

    def __init__(self, options: SimOptions) -> None:
        self._options = options
        self._codes = cycle(options.codes)
        self._next_at: float | None = None

    def open(self) -> None:
        self._codes = cycle(self._options.codes)
        self._next_at = time.monotonic() + self._options.every_s

    def close(self) -> None:
        self._next_at = None

    def read(self, timeout_s: float) -> Press | None:
        if self._next_at is None:
            raise DriverNotReady("KEYPAD_MISSING", "the simulated keypad is not open")
        wait_s = self._next_at - time.monotonic()
        if wait_s > timeout_s:
            time.sleep(timeout_s)
            return None
        time.sleep(max(0.0, wait_s))
        now = time.monotonic()
        self._next_at = now + self._options.every_s
        return Press(next(self._codes), now)

    def probe(self) -> Identity:
        return Identity(model="simulated keypad", where=f"a key every {self._options.every_s:g} s")
