"""Whether somebody is at the counter: the rule that turns sizes of foreign patches into arrivals and departures.

Somebody has come when two pictures in a row show it, so who passes by has not; and has left when nobody was seen for
some seconds, so who bends down has not. An arrival or a departure that was not seen is never made up: it is told as
such. Pure; one thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, Self

STAYS = 0.5
"""Who is there stays there while that share of the smallest somebody is seen."""
LEAVE_S = 8.0
"""Nobody was seen for so long: whoever was there has left, when that began."""
UNSURE_S = 30.0
"""Nobody can say for so long, or nothing was seen: it is no longer known whether somebody is there."""


class Turn(StrEnum):
    """What may happen; also the words of the wire."""

    CAME = "came"
    LEFT = "left"
    LOST = "lost"
    """It is no longer known whether who was there still is."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened, when (`time.monotonic()`), and whether that was seen."""

    turn: Turn
    at: float
    is_seen: bool = True
    empty_at: float | None = None
    """Of an arrival that was seen: the last picture without anybody."""

    @property
    def words(self) -> dict[str, Any]:
        """As it goes to the parent."""
        return {"turn": self.turn, "at": self.at, "is_seen": self.is_seen}

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """From the child's words, which are believed as far as they make sense.

        Raises:
            KeyError, TypeError, ValueError: they make none.
        """
        at = float(words["at"])
        if not isfinite(at):
            raise ValueError(f"somebody came at {at}")
        return cls(Turn(words["turn"]), at, bool(words["is_seen"]))


class Presence:
    """Fed by `see`."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._empty_at: float | None = None
        """When nobody was there, as far as the picture before; None: unknown."""
        self.arrival: Change | None = None
        """Somebody was seen for the first time, in the picture before."""
        self.is_there = False
        self._last_at = 0.0
        self._gone_at: float | None = None

    def see(self, size: float | None, at: float) -> Change | None:
        """*size*, of the largest foreign patch in smallest somebodies, was seen *at*; None: nobody can say."""
        if self._at is not None and at - self._at > UNSURE_S:
            if self.is_there:
                self._at = at
                return self.lose(at)
            self._empty_at = self.arrival = None
        self._at = at
        if self.is_there:
            return self._watch(size, at)
        if size is None:
            self._empty_at = self.arrival = None
        elif size < 1:
            self._empty_at, self.arrival = at, None
        elif self.arrival is None:
            self.arrival = Change(Turn.CAME, at, self._empty_at is not None, self._empty_at)
        else:
            arrival, self.arrival, self._gone_at = self.arrival, None, None
            self.is_there, self._last_at = True, at
            return arrival
        return None

    def lose(self, at: float) -> Change | None:
        """Nothing more can be said from *at* on."""
        was_there, self.is_there = self.is_there, False
        self._empty_at = self.arrival = None
        return Change(Turn.LOST, min(at, self._last_at), is_seen=False) if was_there else None

    def _watch(self, size: float | None, at: float) -> Change | None:
        if size is None:
            return self.lose(at) if at - self._last_at >= UNSURE_S else None
        if size >= STAYS:
            self._last_at, self._gone_at = at, None
            return None
        if self._gone_at is None:
            self._gone_at = (self._last_at + at) / 2
        if at - self._gone_at < LEAVE_S:
            return None
        self.is_there, self._empty_at = False, at
        return Change(Turn.LEFT, self._gone_at)
