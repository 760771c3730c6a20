"""Waiting for something to become true, with a deadline: the only way a test lets time pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T | None], within_s: float = 20.0, *, every_s: float = 0.01) -> T:
    """Ask *condition* again and again until it answers something true, and hand that back.

    A condition may also assert; its last complaint is what the test shows when time is up.

    Raises:
        AssertionError: not true within *within_s* seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        complaint: AssertionError | None = None
        answer: T | None = None
        try:
            answer = condition()
        except AssertionError as error:
            complaint = error
        if complaint is None and answer:
            return answer
        if time.monotonic() >= deadline:
            seen = f"last answer: {answer!r}" if complaint is None else f"last complaint: {complaint}"
            raise AssertionError(f"not true within {within_s} s; {seen}") from complaint
        time.sleep(every_s)
