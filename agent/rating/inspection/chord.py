"""How an inspector asks for an inspection at the keypad: the chord, then the one-time code. Pure.

Keypads send one byte a press, so nothing can be held: the chord is worst, best, worst, best within six seconds,
which no citizen means. The code is keys too, counted from the worst (1). An authenticator's six decimal digits
would need ten keys, and a secret on the box that its staff could read; a code that the province arms for one day and
that is used up by its first use needs neither.

Until the code is right nothing is different: every press of chord and code is an ordinary rating under the ordinary
rules, or a chord would be a way to keep a citizen's next press from counting.
"""

import hmac
import json
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from agent.data import EventData
from agent.rating.inspection.modes import Lease

CHORD_S = 6.0
PAUSE_S = 10.0
"""Between two presses of the code; whoever mistyped waits so long and begins again."""
LEAST_KEYS, MOST_KEYS = 6, 12
TRIES = 5
"""Wrong codes; then it is worth nothing any more."""
DAY_S = 24 * 3600.0


class Chord:
    """Watches the presses of a counter for the chord, and collects what is typed after it."""

    def __init__(self, best: int) -> None:
        """*best* is the scale's best level; 0 is the worst."""
        self._pattern = [0, best, 0, best]
        self._last: deque[tuple[int, float]] = deque(maxlen=4)
        self._typed: list[int] | None = None
        self._typed_at = float("-inf")

    def typed(self, at: float) -> int | None:
        """How many keys of a code were typed after the chord; None: no chord."""
        return len(self._typed) if self._typed is not None and at - self._typed_at < PAUSE_S else None

    def feel(self, level: int, at: float, *, length: int) -> str | None:
        """A key was pressed; the code of *length* keys that it completes, if it does. 1 is the worst key."""
        if self._typed is None or self.typed(at) is None:
            self._typed = None
            self._last.append((level, at))
            if [each for each, _ in self._last] == self._pattern and at - self._last[0][1] < CHORD_S:
                self._typed, self._typed_at = [], at
                self._last.clear()
            return None
        self._typed.append(level)
        self._typed_at = at
        if len(self._typed) < length:
            return None
        code, self._typed = "".join(str(each + 1) for each in self._typed), None
        return code


class Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Passcode:
    """A code that the province has armed."""

    code: str
    lease: Lease
    wrong: int = 0

    @property
    def tries_left(self) -> int:
        return TRIES - self.wrong

    def judge(self, typed: str) -> Verdict:
        return Verdict.RIGHT if hmac.compare_digest(self.code.encode(), typed.encode()) else Verdict.WRONG

    def missed(self) -> "Passcode":
        """After a wrong code."""
        return replace(self, wrong=self.wrong + 1)

    def encode(self) -> bytes:
        return json.dumps({"code": self.code, "wrong": self.wrong, **self.lease.body()}, ensure_ascii=False).encode()

    @classmethod
    def decode(cls, body: bytes) -> "Passcode":
        """Read what `encode` wrote.

        Raises:
            ValueError: not a whole passcode.
        """
        try:
            found = json.loads(body)
            return cls(str(found["code"]), Lease.of(found, DAY_S), int(found["wrong"]))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a passcode: {error!r}") from error


def checked_code(code: object, *, best: int) -> str:
    """*code* if it can be typed on a scale whose best level is *best*.

    Raises:
        ValueError: it is too short, or names a key that there is none.
    """
    typed = str(code)
    keys = {str(each + 1) for each in range(best + 1)}
    if not LEAST_KEYS <= len(typed) <= MOST_KEYS or not set(typed) <= keys:
        raise ValueError(f"code: {LEAST_KEYS} to {MOST_KEYS} digits from 1 (the worst key) to {best + 1} (the best)")
    return typed


class CodeMissed(EventData):
    """An `alert`: somebody typed a wrong inspection code at the keypad."""

    code: str = "INSPECTION_CODE_WRONG"
    by: str
    """Who had armed the right one."""
    tries_left: int
