"""How long to wait before the next connection attempt: spread first, then full jitter.

A province's counters lose their broker at the same moment. The first attempt is spread evenly
over `spread_s` (number of counters / 200 s keeps one broker's TLS handshakes below its means),
later ones wait a random part of a doubling, capped time. Only a connection that held for
`STABLE_S` forgets the failures before it: a link that flaps is not hammered.
"""

import random
from collections.abc import Callable

SPREAD_S = 3.0
"""For the several hundred counters of a province."""
CAP_S = 60.0
DOUBLINGS = 20
"""Far above any cap; a box that was away for days must not count beyond what a number can hold."""
STABLE_S = 300.0
TAKEN_OVER_S = 30.0
"""At least this long after another box took the session over, so that two with one name do not fight."""


class Backoff:
    """Counts failures and answers with a wait in seconds."""

    def __init__(
        self, *, spread_s: float = SPREAD_S, cap_s: float = CAP_S, chance: Callable[[], float] = random.random
    ) -> None:
        self._spread_s = spread_s
        self._cap_s = cap_s
        self._chance = chance
        self._failures = 0

    def lost(self, *, held_s: float) -> float:
        """A connection that had held for *held_s* seconds is gone (0: it never came up)."""
        if held_s >= STABLE_S:
            self._failures = 0
        self._failures += 1
        doublings = min(self._failures - 1, DOUBLINGS)
        ceiling = self._spread_s if doublings == 0 else min(self._cap_s, 2.0**doublings)
        return self._chance() * ceiling
