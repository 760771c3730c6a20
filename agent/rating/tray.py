"""The tray: presses and phones' votes on their way to the desk. Bounded, in order, none is ever dropped.

Filled by the keypads' threads and by those that receive votes, emptied by the desk's; it outlives all these
services, which are rebuilt while presses wait in it. When it is full the keypad waits, and the wire behind it
buffers. Who casts a vote waits for the answer; a vote nobody came to in time is taken back.
"""

import queue
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import suppress
from dataclasses import dataclass, field

from agent.handover import Handover
from agent.rating.urn import Cast, Vote
from drivers.base import Press

PLACES = 1000
PATIENCE_S = 1.0
ANSWER_S = 4.0
"""How long a vote waits for its turn, and then again for the disk."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A press, and the keypad it came from."""

    keypad: str
    press: Press


Felt = Handover[Arrival]
"""Presses on their way to whoever leads an inspection as well; nobody waits for that."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A phone's vote, and where its answer is waited for."""

    vote: Vote
    answer: "Future[Cast]" = field(default_factory=Future)


class Tray:
    def __init__(self, places: int = PLACES) -> None:
        self._queue: queue.Queue[Arrival | Posted | None] = queue.Queue(places)

    def put(self, keypad: str, press: Press) -> None:
        """Lay a press down, waiting for a place.

        Raises:
            queue.Full: there was no place for `PATIENCE_S` seconds; the caller keeps the press and asks again.
        """
        self._queue.put(Arrival(keypad, press), timeout=PATIENCE_S)

    def cast(self, vote: Vote) -> Cast:
        """Lay *vote* down and wait until it is stored: see `agent.rating.urn.Urn`."""
        posted = Posted(vote)
        try:
            self._queue.put(posted, timeout=PATIENCE_S)
        except queue.Full:
            return Cast.LATER
        try:
            return posted.answer.result(timeout=ANSWER_S)
        except NoAnswer:
            if posted.answer.cancel():
                return Cast.LATER
        try:
            return posted.answer.result(timeout=ANSWER_S)
        except NoAnswer:
            return Cast.LATER

    def take(self, timeout_s: float) -> Arrival | Posted | None:
        """The oldest press or vote, at once when there is one; None after *timeout_s* seconds without, or `wake`."""
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None

    def wake(self) -> None:
        """Have whoever waits in `take` return at once."""
        with suppress(queue.Full):  # then nobody waits
            self._queue.put_nowait(None)
