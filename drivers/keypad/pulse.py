"""Whether a keypad that must answer does. Pure: moments are handed in.

It is asked every so many seconds. Anything it sends is a sign of life, a press too; only so many
questions in a row without one mean that it is gone. Questions are counted, not seconds: a reader that
was busy elsewhere for a minute has not asked, and finds the answers waiting.
"""

from pydantic import Field

from drivers.base import Options
from drivers.keypad.framing import Payload


class Heartbeat(Options):
    """How a keypad is asked whether it is there. Without it, its port being there must do."""

    tx: Payload
    """The question, in hex: all bytes, marks too."""
    expect: Payload
    """The payload in hex that answers it, which is never a press."""
    every_s: float = Field(default=5, ge=0.1, le=3600)
    """Seconds between two questions."""
    miss: int = Field(default=3, ge=1, le=100)
    """So many questions without any answer: the keypad is lost."""


class Pulse:
    """The heartbeat of one opening."""

    def __init__(self, heartbeat: Heartbeat, at: float) -> None:
        self._heartbeat = heartbeat
        self._next_at = at
        self._unanswered = 0
        self.is_heard = False
        """Whether anything was heard at all."""

    def is_due(self, at: float) -> bool:
        """Whether the next question, or the verdict in its place, is due."""
        return at >= self._next_at

    @property
    def is_lost(self) -> bool:
        return self._unanswered >= self._heartbeat.miss

    def asked(self, at: float) -> None:
        self._unanswered += 1
        self._next_at = at + self._heartbeat.every_s

    def heard(self) -> None:
        self._unanswered = 0
        self.is_heard = True
