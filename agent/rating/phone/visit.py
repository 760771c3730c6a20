"""A phone's visit, in the words that the rating page shares with whoever stands behind it. Pure.

The page is the same at the counter and at the province's portal; behind it stands a `Reception`: the
counter itself, or the portal for all counters. A visit begins with the code of a QR, lasts as long as its
ticket, and ends with one vote.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent.errors import CounterAgentError
from agent.rating.phone.token import Token
from agent.rating.scale import Scale
from agent.rating.urn import Cast, Vote


@dataclass(frozen=True, slots=True)
class Place:
    """What the page says of a counter."""

    name: str
    number: int
    scale: Scale
    hotlines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """A phone that may vote once, at one counter, for as long as its ticket holds."""

    ticket: str
    place: Place
    token: Token | None
    """What the vote is counted once by (`agent.rating.urn.Vote`)."""
    is_static: bool = False
    """It scanned a printed code."""


class Ground(StrEnum):
    """Why a phone may not vote. Each has words in `agent/messages/phone` under `refused`."""

    INVALID = "invalid"
    """No such code; also for whoever tries codes."""
    EXPIRED = "expired"
    SPENT = "spent"
    """A vote with this code was taken before."""
    CROWDED = "crowded"
    """More than can be honest, or than can be served."""
    LATER = "later"
    """Not now; trying again may help."""


class VisitRefused(CounterAgentError):
    """The page says why, in its words for `ground`, and what to do."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground.value)
        self.ground = ground


class Reception(Protocol):
    """Who stands behind the page. Called from any thread; may wait for a disk.

    Each method may raise `VisitRefused`.
    """

    def open(self, code: str) -> Visit:
        """Begin the visit of a phone that scanned *code*: what follows `/r/` in the address."""

    def resume(self, ticket: str) -> Visit:
        """Go on with the visit that has this ticket."""

    def cast(self, visit: Visit, vote: Vote) -> Cast:
        """Take the visit's one vote; taken is durable."""
