"""Single pictures by order leave one at a time: asked for without end they would be a watch that nobody granted.

For one thread. What did not leave does not count.
"""

from typing import Literal

from agent.clock import Clock
from agent.errors import TryAgain

Kind = Literal["snapshot", "clip"]

EVERY_S: dict[Kind, float] = {"snapshot": 5.0, "clip": 30.0}


class Spacing:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left_at: dict[tuple[Kind, str], float] = {}

    def check(self, kind: Kind, camera: str) -> None:
        """Whether another *kind* of *camera* may leave already.

        Raises:
            TryAgain: not yet; it says in how many seconds.
        """
        left_at = self._left_at.get((kind, camera))
        if left_at is None:
            return
        wait_s = left_at + EVERY_S[kind] - self._clock.monotonic()
        if wait_s > 0:
            raise TryAgain(f"a {kind} of camera {camera} left just now; the next one may in {wait_s:.0f} s")

    def note(self, kind: Kind, camera: str) -> None:
        """A *kind* of *camera* leaves now."""
        self._left_at[kind, camera] = self._clock.monotonic()
