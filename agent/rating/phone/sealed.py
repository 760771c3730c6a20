"""A phone's vote under its seal, on its way from the province's page to its counter. Pure.

What a broker carries tells no level: not by its words, which are encrypted, nor by its length, which is padded.
"""

from pydantic import BaseModel, ConfigDict, Field

from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import Token, seal, unseal
from agent.rating.record import LONGEST_COMMENT, Reason
from agent.rating.urn import Vote


class _Sealed(BaseModel):
    """What stands inside the seal."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True)

    level: int = Field(ge=0)
    reasons: list[str] = Field(default=[], max_length=len(Reason))
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    static: bool = False
    """Given with a printed code: its token was made by the page, to count it once."""


def seal_vote(keys: QrKeys, vote: Vote) -> bytes:
    """*vote*, which has a token, for the eyes of the counter with *keys* only."""
    if vote.token is None:
        raise ValueError("a vote without a token cannot be counted once")
    inside = _Sealed(level=vote.level, reasons=list(vote.reasons), comment=vote.comment, static=vote.is_static)
    return seal(keys, vote.token, inside.model_dump_json(exclude_defaults=True).encode())


def unseal_vote(keys: QrKeys, ballot_id: str, sealed: bytes) -> Vote:
    """The vote that was sealed under *ballot_id*.

    Raises:
        TokenRefused, SealBroken, ValueError: it was not sealed for this counter, or is no vote.
    """
    token = Token.from_id(ballot_id)
    inside = _Sealed.model_validate_json(unseal(keys, token, sealed))
    reasons = tuple(Reason(reason) for reason in inside.reasons)
    return Vote(inside.level, token, reasons, inside.comment, is_static=inside.static)
