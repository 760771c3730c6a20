"""Keys wired to the pins of the board: a contact to ground (or to 3.3 V) for each.

The library's own debouncing loses presses and differs between its back ends, so it stays off: every raw edge
comes here with its moment and is settled by our own rule. An edge wakes the reader; that none may be missed
does not matter, for the pin itself is looked at when its time to settle is over.

Pins cannot be unplugged. A wire that runs through housing and cable and back to ground says whether somebody
was at them (`tamper_pin`). One thread reads; the library calls from a thread of its own, which only enqueues.
After DriverNotReady: `close`, `open`.
"""

import os
import queue
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from drivers.base import DriverFault, DriverNotReady, Identity, Keypad, KeypadOptions, Press, Remark
from drivers.keypad.settle import Settle

HELD_S = 0.25
"""How often a key that stays down is told again, as held."""
PINS = range(28)

Pin = Annotated[int, Field(ge=PINS.start, le=PINS.stop - 1)]


def payload(pin: int) -> str:
    return f"{pin:02x}"


class GpioOptions(KeypadOptions):
    """`driver: gpio`. Pins by their GPIO numbers (`pinout` shows them), not by their place on the header."""

    pins: tuple[Pin, ...] = Field(min_length=1, max_length=16)
    """The pins that have a key; in the key map they are called GPIO5, GPIO6, …"""
    active: Literal["low", "high"] = "low"
    """What a pressed key connects its pin with: low is ground, high 3.3 V. The pin is pulled the other way."""
    debounce_ms: int = Field(default=30, ge=1, le=500)
    """Milliseconds in which a contact must stay still to count."""
    tamper_pin: Pin | None = None
    """A pin with a wire through the keypad to ground: when it opens, somebody is at the housing or the cable."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        used = [*self.pins, *([] if self.tamper_pin is None else [self.tamper_pin])]
        twice = sorted({pin for pin in used if used.count(pin) > 1})
        if twice:
            raise ValueError(f"pin {twice[0]} is used twice")
        return self

    def can_send(self, code: str) -> bool:
        return code in map(payload, self.pins)


@dataclass(slots=True)
class _Contact:
    """One pin that is open: the library's pin, what its edges call, and its settling."""

    pin: Any
    is_closed: Callable[[], bool]
    edge: Callable[[float, int], None]
    settle: Settle
    told_at: float = 0.0


class GpioKeypad(Keypad):
    """Keys on pins."""

    Options = GpioOptions
    key_names = MappingProxyType({f"GPIO{pin}": payload(pin) for pin in PINS})

    def __init__(self, options: GpioOptions, *, factory: Callable[[], Any] | None = None) -> None:
        """*factory* makes gpiozero's pins; the board's own unless said."""
        self._options = options
        self._make_factory = factory or board
        self._factory: Any = None
        self._contacts: dict[str, _Contact] = {}
        self._tamper: _Contact | None = None
        self._edges: queue.SimpleQueue[tuple[_Contact, float, bool]] = queue.SimpleQueue()
        self._presses: deque[Press] = deque()

    def open(self) -> None:
        self.close()
        options = self._options
        factory = self._factory = self._make_factory()
        self._edges = queue.SimpleQueue()
        try:
            for number in options.pins:
                self._contacts[payload(number)] = self._wire(factory, number, options.active)
            if options.tamper_pin is not None:
                self._tamper = self._wire(factory, options.tamper_pin, "low")
        except _pin_errors() as error:
            self.close()
            raise DriverFault("KEYPAD_PIN_BUSY", f"a pin cannot be used: {error}", text=str(error)) from error

    def close(self) -> None:
        factory, self._factory = self._factory, None
        self._contacts.clear()
        self._tamper = None
        self._presses.clear()
        if factory is not None:
            factory.close()

    def read(self, timeout_s: float) -> Press | None:
        deadline = time.monotonic() + timeout_s
        while not self._presses:
            if self._factory is None:
                raise DriverNotReady("KEYPAD_MISSING", "the pins are not open")
            self._await_edge(deadline)
            now = time.monotonic()
            self._look(now)
            if not self._presses and now >= deadline:
                return None
        return self._presses.popleft()

    def probe(self) -> Identity:
        if self._factory is None:
            raise DriverNotReady("KEYPAD_MISSING", "the pins are not open")
        return Identity(model="keys on pins", where=", ".join(f"GPIO{pin}" for pin in self._options.pins))

    @property
    def remark(self) -> Remark | None:
        return Remark("KEYPAD_TAMPER") if self._tamper is not None and not self._tamper.settle.is_closed else None

    def _wire(self, factory: Any, number: int, active: str) -> _Contact:
        """Take one pin as an input and listen to its edges."""
        pin = factory.pin(number)
        pin.function = "input"
        pin.pull = "up" if active == "low" else "down"
        pin.bounce = None

        def is_closed() -> bool:
            return bool(pin.state) == (active == "high")

        def edge(_: float, state: int) -> None:
            self._edges.put((contact, time.monotonic(), bool(state) == (active == "high")))

        settle = Settle(self._options.debounce_ms / 1000, is_closed=is_closed())
        contact = _Contact(pin, is_closed, edge, settle)  # the library keeps no strong reference to `edge`
        pin.edges = "both"
        pin.when_changed = edge
        return contact

    def _all(self) -> list[tuple[str, _Contact]]:
        return [*self._contacts.items(), *([("", self._tamper)] if self._tamper is not None else [])]

    def _await_edge(self, deadline: float) -> None:
        """Take the edges that came, waiting for one until something else is due."""
        wake_at = min([deadline, *(at for _, contact in self._all() if (at := self._due_at(contact)) is not None)])
        wait_s = max(0.0, wake_at - time.monotonic())
        try:
            contact, at, is_closed = self._edges.get(timeout=wait_s) if wait_s else self._edges.get_nowait()
            while True:
                if contact.settle.feel(at, is_closed=is_closed):
                    self._press(contact, at)
                contact, at, is_closed = self._edges.get_nowait()
        except queue.Empty:
            return

    def _due_at(self, contact: _Contact) -> float | None:
        if contact.settle.due_at is not None:
            return contact.settle.due_at
        return contact.told_at + HELD_S if contact.settle.is_closed and contact is not self._tamper else None

    def _look(self, now: float) -> None:
        """Settle what is due, by what the pins say themselves."""
        for code, contact in self._all():
            if contact.settle.due_at is not None and now >= contact.settle.due_at:
                if contact.settle.look(now, is_closed=contact.is_closed()):
                    self._press(contact, now)
            elif code and contact.settle.is_closed and now - contact.told_at >= HELD_S:
                contact.told_at = now
                self._presses.append(Press(code, now, is_held=True))

    def _press(self, contact: _Contact, now: float) -> None:
        contact.told_at = now
        for code, each in self._contacts.items():
            if each is contact:
                self._presses.append(Press(code, now))


def board() -> Any:
    """The pins of this board, through lgpio; never through RPi.GPIO, which newer kernels and boards refuse.

    Raises:
        DriverFault: the library, the pins, or the right to use them is missing.
    """
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - an extra; the options are checked without it
    except ImportError as missing:
        raise DriverFault("KEYPAD_LIBRARY", f"{missing}: install the extra gpio", text=str(missing)) from missing
    except OSError as error:  # lgpio makes a pipe in the working directory when it is loaded
        raise DriverFault("KEYPAD_LIBRARY", f"lgpio cannot start: {error}", text=str(error)) from error
    chips = sorted(map(str, Path("/dev").glob("gpiochip*")))
    if not chips:
        raise DriverFault("KEYPAD_WRONG_PORT", "this machine has no pins (/dev/gpiochip*)")
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        raise DriverFault("KEYPAD_DENIED", f"{', '.join(chips)} may not be opened")
    try:
        return LGPIOFactory()
    except _pin_errors() as error:
        raise DriverFault("KEYPAD_PIN_BUSY", f"the pins cannot be used: {error}", text=str(error)) from error


def _pin_errors() -> tuple[type[Exception], ...]:
    """What gpiozero and the library below it raise."""
    from gpiozero import GPIOZeroError  # noqa: PLC0415

    try:
        from lgpio import error as lgpio_error  # noqa: PLC0415
    except (ImportError, OSError):
        return (GPIOZeroError, OSError)
    return (GPIOZeroError, OSError, lgpio_error)
