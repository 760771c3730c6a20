"""The pace of one answer: says now and then that it goes on, and ends what would come too late to be waited for.

Called at every step of the work, so that only a child that makes no step is taken for one that hangs. Pure.
"""

import time
from collections.abc import Callable

TELL_EVERY_S = 1.0


class Pace:
    def __init__(self, until: float, tell: Callable[[], None], *, now: Callable[[], float] = time.monotonic) -> None:
        """*tell* hears that a step was made, once in `TELL_EVERY_S` at most; after *until* there is none any more."""
        self._until = until
        self._tell = tell
        self._now = now
        self._told_at = float("-inf")

    def __call__(self) -> None:
        """A step is about to be made.

        Raises:
            TimeoutError: it is too late for it.
        """
        now = self._now()
        if now >= self._until:
            raise TimeoutError("it took too long")
        if now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            self._tell()
