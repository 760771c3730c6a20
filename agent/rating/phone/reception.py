"""The counter's own reception: phones on the counter's Wi-Fi, let in by the gate, their votes cast into the urn.

A code from the screen is a token: it opens while it is shown, and votes once. A printed code proves nothing, so
its votes are a channel of their own, `STATIC_PER_HOUR` an hour at most; each page that it opens votes
once too, by a token that only this life of the agent knows. Which phone it was is never asked. Any thread.
"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from agent.clock import Clock
from agent.rating.phone.gate import Gate, SecretUnusable
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.sticker import read_mark
from agent.rating.phone.token import Token, TokenRefused, open_ticket, read_ticket
from agent.rating.phone.visit import Ground, Place, Visit, VisitRefused
from agent.rating.urn import Cast, Urn, Vote

HOUR_S = 3600.0
STATIC_PER_HOUR = 60
"""Votes by printed codes; a busy counter serves fewer people."""


class CounterReception:
    """One counter behind the rating page."""

    def __init__(
        self,
        gate: Gate,
        urn: Urn,
        *,
        agent: str,
        place: Place,
        clock: Clock,
    ) -> None:
        self._gate, self._urn, self._place, self._clock = gate, urn, place, clock
        self._printed = _Printed(agent)

    def open(self, code: str) -> Visit:
        if read_mark(code) is not None:
            token, ticket = self._printed.admit(code, self._clock.monotonic())
            self._gate.came_by_print()
            return Visit(ticket, self._place, token, is_static=True)
        try:
            token, ticket = self._gate.admit(code)
        except (TokenRefused, SecretUnusable) as error:
            raise _refused(error) from error
        return Visit(ticket, self._place, token)

    def resume(self, ticket: str) -> Visit:
        token = self._printed.answering(ticket, self._clock.monotonic())
        if token is not None:
            return Visit(ticket, self._place, token, is_static=True)
        try:
            return Visit(ticket, self._place, self._gate.answering(ticket))
        except (TokenRefused, SecretUnusable) as error:
            raise _refused(error) from error

    def cast(self, visit: Visit, vote: Vote) -> Cast:
        if not visit.is_static or visit.token is None:
            return self._urn.cast(vote)
        known_here = replace(vote, token=None)  # what only this life knows is of no use on the disk
        return self._printed.cast(visit.token, lambda: self._urn.cast(known_here), self._clock.monotonic())


def _refused(error: TokenRefused | SecretUnusable) -> VisitRefused:
    if isinstance(error, SecretUnusable):
        return VisitRefused(Ground.LATER)
    return VisitRefused(Ground.EXPIRED if error.outward == "expired" else Ground.INVALID)


class _Printed:
    """Visits by the printed code: tickets and their one vote, for as long as this life of the agent lasts."""

    def __init__(self, agent: str) -> None:
        self._keys = QrKeys.from_secret(secrets.token_hex(32).encode(), agent=agent)
        self._lock = Lock()
        self._spent: deque[tuple[float, Token]] = deque()
        """Tokens that voted within the hour, the oldest first; a ticket holds for less."""

    def admit(self, code: str, now: float) -> tuple[Token, str]:
        """A visit for whoever brings the mark *code*.

        Raises:
            VisitRefused: another counter's mark, or the hour has had its votes.
        """
        if read_mark(code) != self._keys.device:
            raise VisitRefused(Ground.INVALID)
        with self._lock:
            self._check_hour(now)
        number = secrets.token_bytes(6)
        token = Token(self._keys.device, int.from_bytes(number[:4]), number[4:])
        return token, open_ticket(self._keys, token, at=now)

    def answering(self, ticket: str, now: float) -> Token | None:
        """The token of one of these visits; None: *ticket* is another's.

        Raises:
            VisitRefused: its ten minutes are over.
        """
        try:
            return read_ticket(ticket, {self._keys.device: self._keys}.get, now=now)
        except TokenRefused as refused:
            if refused.outward == "expired":
                raise VisitRefused(Ground.EXPIRED) from refused
            return None

    def cast(self, token: Token, cast: Callable[[], Cast], now: float) -> Cast:
        """What *cast* answers, if this is the first vote with *token*; one at a time.

        Raises:
            VisitRefused: the hour has had its votes.
        """
        with self._lock:
            if any(token == spent for _, spent in self._spent):
                return Cast.SPENT
            self._check_hour(now)
            answer = cast()
            if answer is Cast.TAKEN:
                self._spent.append((now, token))
            return answer

    def _check_hour(self, now: float) -> None:
        while self._spent and now - self._spent[0][0] >= HOUR_S:
            self._spent.popleft()
        if len(self._spent) >= STATIC_PER_HOUR:
            raise VisitRefused(Ground.CROWDED)
