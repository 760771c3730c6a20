"""The ladder: what is done about a browser whose page is silent. Pure; one step at a time, each harder than the last.

15 s of silence: the page is loaded anew, in the same browser. 30 s: another browser. The third new browser in ten
minutes: pictures without films from then on, because films are what browsers die of; for a day, or until the nightly
recycling, which begins everything afresh. A browser that dies by itself counts like one that was replaced.

A browser that was replaced before it gave any sign may only have been slow: the next one gets twice as long to start,
so that a busy board with an old card shows its page late, and not never.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What to do now."""

    NOTHING = "nothing"
    NAVIGATE = "navigate"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Paces:
    """How long the kiosk waits for what, in seconds."""

    navigate_s: float = 15.0
    restart_s: float = 30.0
    start_s: float = 20.0
    """What a browser may take from its start to its first sign, before its silence counts."""
    longest_start_s: float = 320.0
    """The same, for one that follows slow ones."""
    often: int = 3
    within_s: float = 600.0
    pictures_only_s: float = 24 * 3600.0
    rest_s: float = 600.0
    """For so long the panel must be dark before the browser is recycled."""
    recycle_s: float = 20 * 3600.0
    """A browser younger than that is not recycled: longer than a night, so that there is one in each."""


class Ladder:
    """Counts silence and replacements; times are of one monotonic clock."""

    def __init__(self, paces: Paces | None = None) -> None:
        self.paces = paces or Paces()
        self._since = 0.0
        self._has_navigated = False
        self.has_lived = False
        """Whether the browser of now ever gave a sign."""
        self._start_s = self.paces.start_s
        self._restarts: deque[float] = deque(maxlen=self.paces.often)
        self._spared_at: float | None = None

    def started(self, now: float) -> None:
        """A browser begins."""
        self._since, self._has_navigated, self.has_lived = now + self._start_s, False, False

    def look(self, now: float, *, is_alive: bool) -> Step:
        """The step for a page that *is_alive*, or is not."""
        if is_alive:
            self._since, self._has_navigated, self.has_lived = now, False, True
            self._start_s = self.paces.start_s
            return Step.NOTHING
        silent_s = now - self._since
        if silent_s >= self.paces.restart_s:
            if not self.has_lived:
                self._start_s = min(2 * self._start_s, self.paces.longest_start_s)
            return Step.RESTART
        if silent_s >= self.paces.navigate_s and not self._has_navigated:
            self._has_navigated = True
            return Step.NAVIGATE
        return Step.NOTHING

    def wait(self, now: float) -> None:
        """Nobody can say whether the page lives: its silence does not count."""
        self._since, self._has_navigated = max(self._since, now), False

    def failed(self, now: float) -> None:
        """A browser died, or has to be replaced."""
        self._restarts.append(now)
        if self.restarts(now) >= self.paces.often:
            self._spared_at = now

    def recycled(self) -> None:
        """The night is over: nothing is held against the new browser."""
        self._restarts.clear()
        self._spared_at = None

    def restarts(self, now: float) -> int:
        """How many browsers failed lately; beyond the number that counts as often, no more are counted."""
        return sum(now - at <= self.paces.within_s for at in self._restarts)

    def is_pictures_only(self, now: float) -> bool:
        return self._spared_at is not None and now - self._spared_at < self.paces.pictures_only_s
