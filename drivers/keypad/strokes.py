"""The kernel's events -> keys that went down. Pure, but for one question: which keys are down now.

A key is pressed when it goes down; the kernel's own repeating of it is no press, and is only told as still
held. When the kernel dropped events because nobody read them in time it says so (SYN_DROPPED): everything up
to the next report is part of a picture that is not whole and is dropped too. Then the keys that are down
are asked for, and one that was not down before is a press; presses that were also let go meanwhile are
lost, which is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.keypad.inputs import EV_KEY, EV_SYN, PRESSED, RELEASED, REPEATED, SYN_DROPPED, SYN_REPORT


@dataclass(frozen=True, slots=True)
class Stroke:
    code: int
    is_held: bool = False
    """It was pressed before, and still is."""


class Strokes:
    """One opening of one device."""

    def __init__(self, held: Callable[[], frozenset[int]]) -> None:
        self._held = held
        self._down = set(held())
        self._is_broken = False
        self.possible_losses = 0

    def feed(self, kind: int, code: int, value: int) -> list[Stroke]:
        """What one event means."""
        if (kind, code) == (EV_SYN, SYN_DROPPED):
            self._is_broken = True
            self.possible_losses += 1
        elif (kind, code) == (EV_SYN, SYN_REPORT) and self._is_broken:
            self._is_broken = False
            return self._resume()
        elif kind == EV_KEY and not self._is_broken:
            return self._key(code, value)
        return []

    def _key(self, code: int, value: int) -> list[Stroke]:
        if value == RELEASED:
            self._down.discard(code)
            return []
        if value == REPEATED:
            return [Stroke(code, is_held=True)]
        self._down.add(code)
        return [Stroke(code)] if value == PRESSED else []

    def _resume(self) -> list[Stroke]:
        down = self._held()
        pressed = sorted(down - self._down)
        self._down = set(down)
        return [Stroke(code) for code in pressed]
