"""The urn: where a phone's vote is cast, whichever way it came. Words only.

Whoever receives votes (the page on the counter's own network, the province's portal over MQTT) is handed
an `Urn` by the composition root and knows nothing else of ratings. The desk judges the vote like a press
(opening hours, capacity, modes, the quota of its slot) and it is durable in the ballot box before `cast`
returns. Two phones with one token: one is taken, whoever comes second is told, also years of reboots later.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent.rating.phone.token import Token
from agent.rating.record import Reason


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer from a phone. Nothing in it says whose, or when."""

    level: int
    token: Token | None
    """What it is counted once by: the verified token of the screen, or for a printed code one that the province's
    page made. None: a printed code, answered at the counter's own page."""
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    """Scrubbed (`agent.rating.comment`), at most 300 characters."""
    is_static: bool = False
    """Given with a printed code, which anybody can use again anywhere: channel `qr_static`."""


class Cast(StrEnum):
    """What became of a vote."""

    TAKEN = "taken"
    """It is durable; now the citizen may be thanked."""
    SPENT = "spent"
    """This token has voted before. Nothing was stored."""
    REFUSED = "refused"
    """It can never be taken: the scale has no such level. Nothing was stored."""
    LATER = "later"
    """It could not be stored, or not soon enough. The same vote may be cast again: with its token it counts once."""


class Urn(Protocol):
    """Takes votes. Any thread may cast."""

    def cast(self, vote: Vote) -> Cast:
        """Judge and store *vote*; waits for the disk, some milliseconds, at most ten seconds."""
