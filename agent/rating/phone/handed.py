"""Votes handed down by the province's rating page: unsealed, cast into the urn, answered.

The page seals a vote for one counter, so that no broker on the way sees a level, and hands it down again until
it is answered; the urn takes each token once. One thread; what cannot be stored now is left unanswered
and comes again. What was not sealed for this counter is refused, and nothing of it is logged but that it came.
"""

import logging
import threading
from collections.abc import Callable
from enum import StrEnum

from agent.handover import Handover
from agent.rating.phone.gate import Gate, SecretUnusable
from agent.rating.phone.sealed import unseal_vote
from agent.rating.phone.token import SealBroken, TokenRefused
from agent.rating.urn import Cast, Urn, Vote
from agent.service import Service

log = logging.getLogger(__name__)

WAIT_S = 0.5
WAITING = 64
"""Votes waiting at once."""


class Handed(Handover[tuple[str, bytes]]):
    """Ids and sealed votes on their way from the uplink to the service. What is dropped is handed down again."""

    def __init__(self) -> None:
        super().__init__(WAITING)


class Answer(StrEnum):
    """What the page is told of a vote; either way it need not hand it down again."""

    DONE = "done"
    REJECTED = "rejected"


class HandedService(Service):
    """Takes handed-down votes, casts them, answers."""

    name = "handed"

    def __init__(self, handed: Handed, *, gate: Gate, urn: Urn, answer: Callable[[str, Answer, str], None]) -> None:
        """*answer* tells the page: a vote's id, what became of it, and why it was refused."""
        super().__init__()
        self._handed = handed
        self._gate = gate
        self._urn = urn
        self._answer = answer

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.progress.beat()
            taken = self._handed.take(WAIT_S)
            if taken is not None:
                self._take(*taken)

    def wake(self) -> None:
        self._handed.wake()

    def _take(self, ballot_id: str, sealed: bytes) -> None:
        try:
            vote = unseal_vote(self._gate.keys(), ballot_id, sealed)
        except SecretUnusable:  # health says so, and the vote is handed down again
            return
        except (TokenRefused, SealBroken, ValueError):
            log.warning("a vote that was not sealed for this counter was refused")
            self._answer(ballot_id, Answer.REJECTED, "not sealed for this counter")
            return
        match self._urn.cast(vote):
            case Cast.TAKEN:
                self._used(vote)
                self._answer(ballot_id, Answer.DONE, "")
            case Cast.SPENT:  # it was taken when it came before, and the answer was lost on the way
                self._answer(ballot_id, Answer.DONE, "")
            case Cast.REFUSED:
                self._answer(ballot_id, Answer.REJECTED, "the counter's scale has no such level")
            case Cast.LATER:
                log.warning("a vote from the rating page could not be stored; it will be handed down again")

    def _used(self, vote: Vote) -> None:
        if vote.token is not None and not vote.is_static:
            self._gate.use(vote.token)
