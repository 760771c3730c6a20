"""Votes handed down by the province's rating page: unsealed, cast into the urn, answered.

The page seals a vote for one counter, so that no broker on the way sees a level, and hands it down again until
it is answered; the urn takes each token once. One thread; what cannot be stored now is left unanswered
and comes again. What was not sealed for this counter is refused, and nothing of it is logged but that it came.
"""

import logging
import queue
import threading
from collections.abc import Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.rating.record import LONGEST_COMMENT, Reason
from agent.rating.secret import QrKeys
from agent.rating.token import SealBroken, Token, TokenRefused, seal, unseal
from agent.rating.urn import Cast, Urn, Vote
from agent.service import Service

log = logging.getLogger(__name__)

WAIT_S = 0.5
WAITING = 64
"""Votes waiting at once; a further one is dropped, it is handed down again."""

Handed = queue.Queue[tuple[str, bytes]]
"""Ids and sealed votes on their way from the uplink to this service; bounded by `WAITING`."""


class Answer(StrEnum):
    """What the page is told of a vote; either way it need not hand it down again."""

    DONE = "done"
    REJECTED = "rejected"


class _Sealed(BaseModel):
    """What stands inside the seal."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

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


class HandedService(Service):
    """Takes handed-down votes, casts them, answers."""

    name = "handed"

    def __init__(self, handed: Handed, *, keys: QrKeys, urn: Urn, answer: Callable[[str, Answer, str], None]) -> None:
        """*answer* tells the page: a vote's id, what became of it, and why it was refused."""
        super().__init__()
        self._handed = handed
        self._keys = keys
        self._urn = urn
        self._answer = answer

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.progress.beat()
            try:
                ballot_id, sealed = self._handed.get(timeout=WAIT_S)
            except queue.Empty:
                continue
            self._take(ballot_id, sealed)

    def _take(self, ballot_id: str, sealed: bytes) -> None:
        try:
            vote = unseal_vote(self._keys, ballot_id, sealed)
        except (TokenRefused, SealBroken, ValidationError, ValueError):
            log.warning("a vote that was not sealed for this counter was refused")
            self._answer(ballot_id, Answer.REJECTED, "not sealed for this counter")
            return
        match self._urn.cast(vote):
            case Cast.TAKEN | Cast.SPENT:  # spent: it was taken when it came before, and the answer was lost
                self._answer(ballot_id, Answer.DONE, "")
            case Cast.REFUSED:
                self._answer(ballot_id, Answer.REJECTED, "the counter's scale has no such level")
            case Cast.LATER:
                log.warning("a vote from the rating page could not be stored; it will be handed down again")
