"""The tray: presses on their way from the keypads to the desk. Bounded, in order, none is ever dropped.

Filled by the keypads' threads, emptied by the desk's; it outlives both services, which are rebuilt
while presses wait in it. When it is full the keypad waits, and the wire behind it buffers.
"""

import queue
from dataclasses import dataclass

from drivers.base import Press

PLACES = 1000
PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A press, and the keypad it came from."""

    keypad: str
    press: Press


class Tray:
    def __init__(self, places: int = PLACES) -> None:
        self._queue: queue.Queue[Arrival] = queue.Queue(places)

    def put(self, keypad: str, press: Press) -> None:
        """Lay a press down, waiting for a place.

        Raises:
            queue.Full: there was no place for `PATIENCE_S` seconds; the caller keeps the press and asks again.
        """
        self._queue.put(Arrival(keypad, press), timeout=PATIENCE_S)

    def take(self, timeout_s: float) -> Arrival | None:
        """The oldest press, at once when there is one; None after *timeout_s* seconds without."""
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
