"""What a keypad's payloads mean, and which of them are new presses at all. Pure.

A key map turns payloads into levels; a payload outside it is garbage: counted, never guessed. A
contact rule tells a new press from the keypad's own repeating of one: the same key again within the
repeat gap is the same press, and every repeat extends it. A key that repeats for `stuck_s` is stuck,
and stays one press until it has been silent for `SILENCE_S`; the other keys still count. Whoever
presses slower than the repeat gap is heard each time, however often: judging that is the desk's
business. Moments are monotonic seconds and are handed in.
"""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

SILENCE_S = 2.0
"""A stuck key that was not heard for so long has been let go."""
NOISE_COUNT = 10
NOISE_WINDOW_S = 60.0
"""So many payloads outside the key map within so many seconds: the line is noisy, or its speed is wrong."""


@dataclass(frozen=True)
class Keys:
    """The keys of one keypad."""

    levels: Mapping[str, int]
    """Payload in lower-case hex -> level."""
    repeat_gap_s: float = 0.3
    stuck_s: float = 10.0

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits over the map: with the raw code they let anyone compute the level again."""
        body = json.dumps(dict(sorted(self.levels.items())), separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()[:16]


class Touch(StrEnum):
    """What one payload is."""

    PRESS = "press"
    REPEAT = "repeat"
    STUCK = "stuck"
    GARBAGE = "garbage"


class Fault(StrEnum):
    """What is wrong with a keypad that is there."""

    NOISE = "noise"
    STUCK = "stuck"


@dataclass(slots=True)
class _Run:
    """One press of one key, with its repeats."""

    began_at: float
    last_at: float
    is_stuck: bool = False


class Contact:
    """The contact rule of one keypad."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._silence_s = max(SILENCE_S, keys.repeat_gap_s)
        self._runs: dict[str, _Run] = {}
        self._garbage_at: deque[float] = deque(maxlen=NOISE_COUNT)

    def feel(self, code: str, at: float) -> Touch:
        """Judge the payload *code*, read at *at*."""
        if code not in self._keys.levels:
            self._garbage_at.append(at)
            return Touch.GARBAGE
        run = self._runs.get(code)
        if run is None or at - run.last_at >= (self._silence_s if run.is_stuck else self._keys.repeat_gap_s):
            self._runs[code] = _Run(began_at=at, last_at=at)
            return Touch.PRESS
        run.last_at = at
        run.is_stuck = run.is_stuck or at - run.began_at >= self._keys.stuck_s
        return Touch.STUCK if run.is_stuck else Touch.REPEAT

    def hold(self, code: str, at: float) -> None:
        """The keypad says that the key *code*, felt before, is still down at *at*: no press, but it may be stuck."""
        run = self._runs.get(code)
        if run is not None:
            run.last_at = at
            run.is_stuck = run.is_stuck or at - run.began_at >= self._keys.stuck_s

    def fault(self, at: float) -> Fault | None:
        """What is wrong at *at*. A stuck key is told until it was let go, noise until it is rare again."""
        if any(run.is_stuck and at - run.last_at < self._silence_s for run in self._runs.values()):
            return Fault.STUCK
        if len(self._garbage_at) == NOISE_COUNT and at - self._garbage_at[0] < NOISE_WINDOW_S:
            return Fault.NOISE
        return None
