"""The portal's reception: behind the rating page stands every counter whose key is here.

A token is judged by the portal's own clock. A vote is sealed for its counter and durable in the portal's store
before the phone is thanked; the courier does the rest. Called from any thread.
"""

import secrets
import time
from collections.abc import Callable
from threading import Lock

from agent.errors import TryAgain
from agent.province.ballots import Ballot, BallotStore
from agent.province.keyring import Keyring
from agent.rating.phone.sealed import seal_vote
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.sticker import read_mark
from agent.rating.phone.token import Token, TokenRefused, open_ticket, read, read_ticket
from agent.rating.phone.visit import Ground, Place, Visit, VisitRefused
from agent.rating.scale import Level, Scale
from agent.rating.urn import Cast, Vote
from agent.uplink.payload import Info
from agent.web.rates import Allowance, Rates

STATIC_S = 945
"""What a token that this page made for a printed code says of itself: no screen shows one for so long."""
STATIC_VOTES = Allowance(at_once=20, per_s=20 / 3600)
"""Of one counter's printed code: who copies it can vote at most so often, and never for the index."""
TOGETHER = Allowance(at_once=1000, per_s=1000 / 3600)


class PortalReception:
    """Receives phones for all counters of a province."""

    def __init__(
        self,
        keyring: Keyring,
        store: BallotStore,
        *,
        put: Callable[[], None],
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*put* is called after each vote that was stored; *now* gives seconds since 1970."""
        self._keyring = keyring
        self._store = store
        self._put = put
        self._now = now
        self._monotonic = monotonic
        self._lock = Lock()
        self._places: dict[str, Place] = {}
        self._static = Rates(each=STATIC_VOTES, together=TOGETHER)

    def meet(self, agent: str, info: Info) -> None:
        """*agent*'s birth certificate: what the page shows of it from now on."""
        place = place_of(info)
        with self._lock:
            self._places[agent] = place

    # -- what the page asks ------------------------------------------------------------------------

    def open(self, code: str) -> Visit:
        """Begin a visit with the token of a screen, or the mark of a sticker."""
        now = self._now()
        device = read_mark(code)
        if device is not None:
            token = Token(device, int(now) // STATIC_S, secrets.token_bytes(2), STATIC_S)
        else:
            try:
                token = read(code, self._keyring.find, now=now)
            except TokenRefused as refused:
                raise VisitRefused(Ground(refused.outward)) from refused
        return self._visit(open_ticket(self._keys(token), token, at=now), token)

    def resume(self, ticket: str) -> Visit:
        """Go on with a visit."""
        try:
            token = read_ticket(ticket, self._keyring.find, now=self._now())
        except TokenRefused as refused:
            raise VisitRefused(Ground(refused.outward)) from refused
        return self._visit(ticket, token)

    def cast(self, visit: Visit, vote: Vote) -> Cast:
        """Seal and store the visit's vote."""
        if visit.token is None:
            raise VisitRefused(Ground.INVALID)
        keys = self._keys(visit.token)
        try:
            if visit.is_static and not self._store.is_used(visit.token.id):
                self._check_static(keys.agent)
            is_new = self._store.put(Ballot(visit.token.id, keys.agent, seal_vote(keys, vote)))
        except TryAgain:
            return Cast.LATER
        if not is_new:
            return Cast.SPENT
        self._put()
        return Cast.TAKEN

    # ----------------------------------------------------------------------------------------------

    def _keys(self, token: Token) -> QrKeys:
        keys = self._keyring.find(token.device)
        if keys is None:
            raise VisitRefused(Ground.INVALID)
        return keys

    def _visit(self, ticket: str, token: Token) -> Visit:
        with self._lock:
            place = self._places.get(self._keys(token).agent)
        if place is None:  # its counter was never online since its key came here
            raise VisitRefused(Ground.LATER)
        return Visit(ticket, place, token, is_static=token.rotate_s == STATIC_S)

    def _check_static(self, agent: str) -> None:
        with self._lock:
            if not self._static.admit_asker(agent, self._monotonic()):
                raise VisitRefused(Ground.CROWDED)


def place_of(info: Info) -> Place:
    """What the page shows of a counter, from its birth certificate."""
    levels = tuple(
        Level(level.id, is_satisfied=level.satisfied, labels=tuple(level.labels.items())) for level in info.scale.levels
    )
    return Place(info.name, info.counter, Scale(info.scale.id, levels), tuple(info.hotlines))
