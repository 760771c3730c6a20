"""What one thread hands to another: a bounded row, taken from in order, whose taker can be woken.

It outlives both threads, whose services may be rebuilt while things wait in it. Whoever hands over never waits.
"""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    def __init__(self, places: int) -> None:
        self.places = places
        self._things: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_woken = False

    def put(self, thing: T) -> None:
        """Hand *thing* over; when there is no place, the oldest is dropped for it."""
        with self._changed:
            if len(self._things) >= self.places:
                self._things.popleft()
            self._things.append(thing)
            self._changed.notify()

    def offer(self, thing: T) -> bool:
        """Hand *thing* over if there is a place for it."""
        with self._changed:
            if len(self._things) >= self.places:
                return False
            self._things.append(thing)
            self._changed.notify()
            return True

    def take(self, timeout_s: float) -> T | None:
        """The oldest thing; None when none came in *timeout_s* seconds, or before `wake`."""
        with self._changed:
            if not (self._things or self._is_woken):
                self._changed.wait(timeout_s)
            self._is_woken = False
            return self._things.popleft() if self._things else None

    def __len__(self) -> int:
        return len(self._things)

    def wake(self) -> None:
        """Have whoever waits in `take`, or comes to it next, return at once."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()
