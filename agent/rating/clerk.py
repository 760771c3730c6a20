"""The clerk: puts judged ratings where they belong, and lets them out of the ballot box when it is time.

With a ballot box (`bucket_min` above 0) a rating goes in without the time it was given at; a correction is
made on the vote itself, while it lies there. Without one a rating is an event at once, and a correction another.
Either way the vote gets its nonce here. One thread. What the store refuses leaves as `TryAgain` or
`PersonMustAct`, and nothing was stored then. Nothing is logged of a vote.
"""

import logging
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Protocol

from agent.clock import Clock, Moment
from agent.errors import BallotGone, PersonMustAct, TryAgain
from agent.event import Event, EventType, Fact
from agent.rating.box import Choose, Held, Release, sealed
from agent.rating.desk import Rating
from agent.rating.phone.token import Token
from agent.rating.record import Flag, RatingData

log = logging.getLogger(__name__)

LOOK_S = 15.0
"""The box is looked into so often."""
OPEN_VOTES = 32
"""So many votes can be corrected at once: more than anybody can press within the correction window."""


_TOO_LATE: dict[str, Any] = {
    "corrects": None,
    "first": None,
    "upgrade": None,
    "valid": False,
    "flags": (Flag.LOCKOUT,),
}


class Store(Protocol):
    """What the clerk wants of the outbox."""

    def append(self, *facts: Fact) -> Sequence[Event]: ...

    def hold(self, fact: Fact, *, token: bytes | None = None, slot: int = 0) -> int: ...

    def amend(self, key: int, fact: Fact) -> None: ...

    def release(self, choose: Choose) -> int: ...

    def spent_in(self, slot: int, kind: bytes = b"") -> int: ...


@dataclass(frozen=True, slots=True)
class _Open:
    """A vote in the box that may still be corrected."""

    data: RatingData
    fact: Fact
    pressed_at_s: float


class Clerk:
    def __init__(self, store: Store, release: Release, *, bucket_min: int, clock: Clock) -> None:
        self._store = store
        self._release = release
        self._bucket_min = bucket_min
        self._clock = clock
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._looked_at_s: float | None = None
        self._served_s = -inf
        self._is_refused = False

    # -- taking ------------------------------------------------------------------------------------

    def take(self, rating: Rating, moment: Moment) -> str:
        """Store *rating*, given at *moment*; returns what a correction of it has to name in `corrects`.

        Raises:
            TryAgain, PersonMustAct: nothing was stored.
        """
        if not self._bucket_min:
            return self._store.append(self._fact(self._named(rating.data), moment))[0].id
        data = self._named(rating.data)
        if data.corrects is not None:
            try:
                return self._correct(int(data.corrects), data)
            except BallotGone:  # it has left: the first press stands, and this one is kept
                data = data.model_copy(update=_TOO_LATE)
        fact = sealed(self._fact(data, moment), boot=self._clock.boot, bucket_min=self._bucket_min)
        return self._remember(self._store.hold(fact), _Open(data, fact, rating.at_monotonic))

    def take_vote(self, rating: Rating, moment: Moment, token: Token | None) -> None:
        """Store a phone's vote and spend its token.

        Raises:
            TokenSpent: the token has voted; nothing was stored.
            TryAgain, PersonMustAct: nothing was stored.
        """
        fact = self._fact(self._named(rating.data), moment)
        fact = sealed(fact, boot=self._clock.boot, bucket_min=self._bucket_min)
        if token is not None:
            self._store.hold(fact, token=token.head, slot=token.shown_at_s)
        else:
            self._store.hold(fact)
        if not self._bucket_min:
            self._let_out()

    def spent_in(self, token: Token | None) -> int:
        """How many votes the slot of *token* has had; slots of another length that begin with it are others."""
        return self._store.spent_in(token.shown_at_s, token.head[:1]) if token is not None else 0

    def _correct(self, key: int, data: RatingData) -> str:
        open_vote = self._open.get(key)
        if open_vote is None:
            raise BallotGone
        before = open_vote.data
        corrected = before.model_copy(
            update={
                "level": data.level,
                "raw": data.raw,
                "keymap": data.keymap,
                "first": data.first,
                "upgrade": data.upgrade or before.upgrade,
            }
        )
        fact = replace(open_vote.fact, data=corrected.payload())
        try:
            self._store.amend(key, fact)
        except BallotGone:  # the file was damaged, and this vote could not be read out of it
            del self._open[key]
            key = self._store.hold(fact)
        return self._remember(key, replace(open_vote, data=corrected, fact=fact))

    def _remember(self, key: int, vote: _Open) -> str:
        self._open[key] = vote
        if len(self._open) > OPEN_VOTES:
            self._open.popitem(last=False)
        return str(key)

    def _named(self, data: RatingData) -> RatingData:
        nonce = urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        return data.model_copy(update={"nonce": nonce, "bucket_min": self._bucket_min})

    @staticmethod
    def _fact(data: RatingData, moment: Moment) -> Fact:
        payload: dict[str, Any] = data.payload()
        return Fact.seen(EventType.RATING, moment, payload)

    # -- letting out -------------------------------------------------------------------------------

    def look(self, served_s: float) -> None:
        """Let out of the box what may go; looks no more often than every `LOOK_S`.

        Every press before the monotonic second *served_s* has been taken, so none of them will correct anything.
        """
        self._served_s = max(self._served_s, served_s)
        now_s = self._clock.monotonic()
        if self._looked_at_s is None or now_s - self._looked_at_s >= LOOK_S:
            self._looked_at_s = now_s
            self._let_out()

    def _let_out(self) -> None:
        try:
            self._store.release(self._choose)
        except (TryAgain, PersonMustAct) as error:
            if not self._is_refused:
                log.warning("votes stay in the ballot box for now: %s", error)
            self._is_refused = True
        else:
            if self._is_refused:
                log.info("votes leave the ballot box again")
            self._is_refused = False

    def _choose(self, held: Held) -> Sequence[tuple[int, Fact]]:
        settled_s = self._served_s - self._release.settle_s
        for key in [key for key, vote in self._open.items() if vote.pressed_at_s <= settled_s]:
            del self._open[key]
        settled = {key: fact for key, fact in held.items() if key not in self._open}
        return self._release(settled, self._clock.read(), self._clock.boot)
