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
SHORT_S = 120.0
FLAPS = 3


class Backoff:
    """Counts failures and answers with a wait in seconds."""

    def __init__(
        self, *, spread_s: float = SPREAD_S, cap_s: float = CAP_S, chance: Callable[[], float] = random.random
    ) -> None:
        self._spread_s = spread_s
        self._cap_s = cap_s
        self._chance = chance
        self._failures = 0
        self._short_lives = 0

    @property
    def is_flapping(self) -> bool:
        """Connections come up and are lost soon, again and again: a broker that is down would not take them at all.

        Most often two boxes with one name throw each other out. MQTT 5 has a word for it (0x8E); MQTT 3.1.1 has
        none, and some brokers (Mosquitto 2.0.11) never say it.
        """
        return self._short_lives >= FLAPS

    def lost(self, *, held_s: float) -> float:
        """A connection that had held for *held_s* seconds is gone (0: it never came up)."""
        self._short_lives = self._short_lives + 1 if 0 < held_s < SHORT_S else 0
        if held_s >= STABLE_S:
            self._failures = 0
        self._failures += 1
        doublings = min(self._failures - 1, DOUBLINGS)
        ceiling = self._spread_s if doublings == 0 else min(self._cap_s, 2.0**doublings)
        return self._chance() * ceiling
