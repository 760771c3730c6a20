"""Which token the screen shows now, and which tokens open the page at the counter itself. Pure: moments are handed in.

- A token is shown for its slot of `rotate_s`. Once somebody opened it a fresh one takes its place, so that the
  next in the queue need not wait; but not within `FRESH_S`, so that there are never more than six votes a minute
  to be had at one screen, however fast somebody scans. (A counter serves 40 people in a busy hour.)
- What this life has shown is judged by monotonic time alone: a clock that is set shuts out nobody who is just
  scanning, and lets in no photograph. Only what an earlier life may have shown, just before a restart, is judged
  by the wall clock, and only while a token of that life could still be open.

Any thread may ask: the screen shows, the phone page opens.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from agent.rating.phone.token import FRESH_S, GRACE_S, Refusal, Token, TokenRefused


@dataclass(slots=True)
class _Shown:
    at: float
    left_at: float
    """When it leaves the screen, or left it."""


class Rotation:
    """The tokens of one counter."""

    def __init__(
        self, device: bytes, rotate_s: int, *, now: float, nonce: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """*now* is the monotonic second in which this life began."""
        self._device, self._rotate_s, self._began_at, self._nonce = device, rotate_s, now, nonce
        self._lock = Lock()
        self._shown: dict[Token, _Shown] = {}
        self._current: Token | None = None
        self._is_used = False

    def current(self, *, wall_s: float, now: float) -> Token:
        """The token to show. *wall_s* in seconds since 1970, *now* monotonic."""
        slot = int(wall_s) // self._rotate_s
        with self._lock:
            token = self._current
            if token is None or self._is_over(token, slot, now):
                return self._fresh(slot, now)
            return token

    def use(self, token: Token) -> None:
        """Somebody opened *token*: show another one soon."""
        with self._lock:
            self._is_used = self._is_used or token == self._current

    def check(self, token: Token, *, wall_s: float, now: float) -> None:
        """Whether *token*, verified, opens the page.

        Raises:
            TokenRefused: it left the screen too long ago, or was never on it.
        """
        with self._lock:
            shown = self._shown.get(token)
        if shown is not None:
            if now >= shown.left_at + GRACE_S:
                raise TokenRefused(Refusal.EXPIRED)
            return
        if now - self._began_at >= token.life_s:
            raise TokenRefused(Refusal.EXPIRED)
        token.check_time(wall_s)

    def _is_over(self, token: Token, slot: int, now: float) -> bool:
        shown = self._shown[token]
        return token.slot != slot or now >= shown.left_at or (self._is_used and now - shown.at >= FRESH_S)

    def _fresh(self, slot: int, now: float) -> Token:
        if self._current is not None:
            before = self._shown[self._current]
            before.left_at = min(before.left_at, now)
        life_s = self._rotate_s + GRACE_S  # kept as long: what is forgotten here must not count as an earlier life's
        self._shown = {token: shown for token, shown in self._shown.items() if now < shown.at + life_s}
        token = Token(self._device, slot, self._nonce(2), self._rotate_s)
        while token in self._shown:
            token = Token(self._device, slot, self._nonce(2), self._rotate_s)
        self._shown[token] = _Shown(now, now + self._rotate_s)
        self._current, self._is_used = token, False
        return token
