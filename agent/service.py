"""The Service contract: one loop, one thread, one name.

A service is built by the composition root, run by the supervisor in a thread named after it,
and ends when `stop` is set. Constructors store; `run` acts. A service that returns or raises
before it was asked to stop has *ended* and is rebuilt from its factory; one that neither ends
nor calls `progress.beat()` within its patience *hangs*, and starves the systemd watchdog.
"""

import random
import threading
import time
from abc import ABC, abstractmethod

REST_BEAT_S = 4.0
FIRST_LOOK_S = 0.2


def look_again_s(looks: int, *, cap_s: float) -> float:
    """Seconds until an absent device is looked for again, after *looks* in vain: doubling from the first, never more
    than *cap_s*, jittered down to half."""
    return min(FIRST_LOOK_S * 2.0 ** min(looks - 1, 10), cap_s) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Progress:
    """When a service last moved. Written by its own thread, read by the supervisor."""

    def __init__(self) -> None:
        self._beat_at = time.monotonic()

    def beat(self) -> None:
        self._beat_at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._beat_at


class Service(ABC):
    """One loop in one thread. `name` is the thread's name and the word used in logs."""

    name: str
    patience_s: float = 15.0
    """Seconds without a beat after which this service counts as hanging."""
    goodbye_s: float = 2.0
    """Seconds it may take to return once `stop` is set."""

    def __init__(self) -> None:
        self.progress = Progress()

    @abstractmethod
    def run(self, stop: threading.Event) -> None:
        """Work until *stop* is set, beating at least every `patience_s / 3` seconds.

        Every wait inside has a timeout or wakes on *stop*. On return everything it opened is closed.
        """

    def wake(self) -> None:  # noqa: B027 - most wait on `stop` alone
        """End a wait that `stop` does not end: called once it is set, from the thread that set it."""

    def rest(self, seconds: float, stop: threading.Event) -> None:
        """Do nothing for so long, or until *stop*, and be known to live."""
        until = time.monotonic() + seconds
        self.progress.beat()
        while (left_s := until - time.monotonic()) > 0 and not stop.wait(min(left_s, REST_BEAT_S)):
            self.progress.beat()
