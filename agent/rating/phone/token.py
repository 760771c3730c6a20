"""The rating token: what the QR on the screen carries, so that a rating comes from somebody who stands there now.

A token names its counter and its slot of time, and is signed with a key that only the counter and the
province's portal have. It opens the rating page while it is shown and `GRACE_S` longer; a ticket then gives
the citizen ten minutes to answer. One token is one vote: whoever stores votes remembers the tokens spent.

- Pure: no clock is read, nothing is remembered. The same code signs at the counter and verifies at both ends.
- A token says itself how long it is shown, so that the two ends need to share nothing but the secret.
- 18 bytes, in base32 29 characters: in capitals the whole address stays a QR of version 3 or 4.
- Outwardly a token of an unknown counter and a forged one are the same, and take the same time: nothing can
  be found out by trying.
"""

import base64
import binascii
import hmac
import re
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

from agent.errors import CounterAgentError
from agent.rating.phone.secret import QrKeys

FRESH_S = 10
"""How long a token stays on the screen at least: a used one makes room for the next in the queue no sooner."""
STEP_S = 15
"""A token is shown for a multiple of this."""
GRACE_S = 30
"""How long a token still opens after it left the screen: somebody was just scanning it."""
SKEW_S = 30
"""How far the clocks of a counter and the portal may differ."""
TOKEN_LENGTH = 29
"""Characters of a token in an address."""
TICKET_S = 600
"""How long a citizen may take to answer."""

_VERSION = 1
_HEAD = struct.Struct(">B3sI2s")
"""Version and steps shown (2 and 6 bits), device, slot, nonce."""
_MAC_BYTES = 8
_TICKET = struct.Struct(">I")
_TICKET_MAC_BYTES = 16
_BLOCK_BYTES = 512
_SEAL_NONCE_BYTES = 12


class Refusal(StrEnum):
    """Why a token or a ticket does not open the page."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    """No such counter here."""
    FORGED = "forged"
    EXPIRED = "expired"
    EARLY = "early"
    """From a counter whose clock is ahead."""


class TokenRefused(CounterAgentError):
    """A token or ticket that does not open the page; `reason` is for the operator, `outward` for the citizen."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason

    @property
    def outward(self) -> Literal["invalid", "expired"]:
        """All that the outside may learn: no such code, or one whose time is over (scan the one shown now)."""
        return "expired" if self.reason in (Refusal.EXPIRED, Refusal.EARLY) else "invalid"


class SealBroken(CounterAgentError):
    """Sealed bytes that were not sealed with these keys for this token."""


FindKeys = Callable[[bytes], QrKeys | None]
"""From a device to its keys; for one counter `{keys.device: keys}.get`."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `slot` counts from 1970 in steps of `rotate_s`, by the counter's wall clock."""

    device: bytes
    slot: int
    nonce: bytes
    rotate_s: int = 60
    """How long it is shown: a multiple of 15, to 600."""

    @property
    def id(self) -> str:
        """20 hexadecimal digits: what a vote is stored and counted under."""
        return self.head.hex()

    @property
    def head(self) -> bytes:
        """What is signed.

        Raises:
            ValueError: a part that a token cannot say.
        """
        steps, rest = divmod(self.rotate_s, STEP_S)
        if (
            rest
            or not 0 < steps < 1 << 6
            or not 0 <= self.slot < 1 << 32
            or (len(self.device), len(self.nonce)) != (3, 2)
        ):
            raise ValueError(
                "a token has a device of 3 bytes, a slot, a nonce of 2 bytes, and steps of 15 s up to 945 s"
            )
        return _HEAD.pack(_VERSION << 6 | steps, self.device, self.slot, self.nonce)

    @classmethod
    def from_id(cls, text: str) -> Self:
        """The token with this `id`: not verified, for those who were told it by somebody who did.

        Raises:
            TokenRefused: no token has such an id.
        """
        if re.fullmatch("[0-9a-f]{20}", text) is None:
            raise TokenRefused(Refusal.MALFORMED)
        return cls._from_head(bytes.fromhex(text))

    @classmethod
    def _from_head(cls, head: bytes) -> Self:
        first, device, slot, nonce = _HEAD.unpack(head)
        if first >> 6 != _VERSION or not first & 0x3F:
            raise TokenRefused(Refusal.MALFORMED)
        return cls(device, slot, nonce, (first & 0x3F) * STEP_S)

    @property
    def quota(self) -> int:
        """The votes that its slot can honestly have, one for each token that a screen shows in it: six in a minute.

        A counter serves 40 people in a busy hour. More votes of one slot mean that tokens were made elsewhere, or
        that the clock was turned back over the slot.
        """
        return -(-self.rotate_s // FRESH_S)

    @property
    def shown_at_s(self) -> int:
        """When its slot begins, in seconds since 1970."""
        return self.slot * self.rotate_s

    @property
    def life_s(self) -> int:
        """How long it opens the page at most, from its first second on the screen."""
        return self.rotate_s + GRACE_S

    def check_time(self, now: float) -> None:
        """Whether it opens the page at *now* (seconds since 1970).

        Raises:
            TokenRefused: too late, or too early.
        """
        if now >= self.shown_at_s + self.life_s:
            raise TokenRefused(Refusal.EXPIRED)
        if now < self.shown_at_s - SKEW_S:
            raise TokenRefused(Refusal.EARLY)


def mint(keys: QrKeys, token: Token) -> str:
    """*token*, signed, as it stands in the address: 29 of A-Z and 2-7."""
    return _base32(token.head + _mac(keys.mac, token.head, _MAC_BYTES))


def verify(text: str, find: FindKeys) -> Token:
    """The token that *text* is, signed by the counter it names; whether it is in time is not asked.

    Lower case and the look-alikes 0 and 1 (for O and I) are read as what they were meant for (RFC 4648, 3.4).

    Raises:
        TokenRefused: malformed, unknown or forged.
    """
    signed = _unbase32(text)
    head, mac = signed[: _HEAD.size], signed[_HEAD.size :]
    token = Token._from_head(head)
    keys = find(token.device)
    expected = _mac(keys.mac if keys is not None else _NOBODY, head, _MAC_BYTES)
    is_signed = hmac.compare_digest(mac, expected)
    if keys is None:
        raise TokenRefused(Refusal.UNKNOWN)
    if not is_signed:
        raise TokenRefused(Refusal.FORGED)
    return token


def read(text: str, find: FindKeys, *, now: float) -> Token:
    """The token that *text* is, signed and in time at *now* (seconds since 1970, a clock that can be believed).

    Raises:
        TokenRefused: anything else.
    """
    token = verify(text, find)
    token.check_time(now)
    return token


def open_ticket(keys: QrKeys, token: Token, *, at: float) -> str:
    """The right to answer with *token* for ten minutes from *at* on: text for a hidden field of the form.

    *at* is in seconds of any clock that `read_ticket` is asked with too: a counter's monotonic one, which nobody
    sets; the portal's wall clock.
    """
    body = token.head + _TICKET.pack(int(at))
    return base64.urlsafe_b64encode(body + _mac(keys.ticket, body, _TICKET_MAC_BYTES)).decode()


def read_ticket(text: str, find: FindKeys, *, now: float) -> Token:
    """The token whose ticket *text* is.

    Raises:
        TokenRefused: not a ticket of a counter known here, or its ten minutes are over.
    """
    size = _HEAD.size + _TICKET.size
    if re.fullmatch("[A-Za-z0-9_-]{40}", text) is None:
        raise TokenRefused(Refusal.MALFORMED)
    signed = base64.urlsafe_b64decode(text)
    body, mac = signed[:size], signed[size:]
    token = Token._from_head(body[: _HEAD.size])
    keys = find(token.device)
    expected = _mac(keys.ticket if keys is not None else _NOBODY, body, _TICKET_MAC_BYTES)
    is_signed = hmac.compare_digest(mac, expected)
    if keys is None:
        raise TokenRefused(Refusal.UNKNOWN)
    if not is_signed:
        raise TokenRefused(Refusal.FORGED)
    (opened_at,) = _TICKET.unpack(body[_HEAD.size :])
    if now >= opened_at + TICKET_S:
        raise TokenRefused(Refusal.EXPIRED)
    if now < opened_at - SKEW_S:
        raise TokenRefused(Refusal.EARLY)
    return token


def seal(keys: QrKeys, token: Token, plain: bytes) -> bytes:
    """*plain* for the counter's eyes only, bound to *token*. Its length tells no more than how many half kilobytes.

    Raises:
        ValueError: more than 64 KiB.
    """
    if len(plain) > 0xFFFF:
        raise ValueError(f"{len(plain)} bytes are too many to seal")
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - slow to import

    framed = len(plain).to_bytes(2) + plain
    framed += bytes(-len(framed) % _BLOCK_BYTES)
    nonce = secrets.token_bytes(_SEAL_NONCE_BYTES)
    return nonce + ChaCha20Poly1305(keys.seal).encrypt(nonce, framed, token.head)


def unseal(keys: QrKeys, token: Token, sealed: bytes) -> bytes:
    """What was sealed with *keys* for *token*.

    Raises:
        SealBroken: it was not.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415

    nonce, rest = sealed[:_SEAL_NONCE_BYTES], sealed[_SEAL_NONCE_BYTES:]
    try:
        framed = ChaCha20Poly1305(keys.seal).decrypt(nonce, rest, token.head)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("not sealed with these keys for this token") from error
    return framed[2 : 2 + int.from_bytes(framed[:2])]


_NOBODY = secrets.token_bytes(32)
"""Signs for counters that do not exist, so that they take as long."""


def _mac(key: bytes, body: bytes, size: int) -> bytes:
    return hmac.digest(key, body, "sha256")[:size]


def _base32(body: bytes) -> str:
    return base64.b32encode(body).decode().rstrip("=")


def _unbase32(text: str) -> bytes:
    if len(text) != TOKEN_LENGTH or not text.isascii():
        raise TokenRefused(Refusal.MALFORMED)
    padding = "=" * (-len(text) % 8)
    try:
        body = base64.b32decode(text + padding, casefold=True, map01=b"I")
    except binascii.Error as error:
        raise TokenRefused(Refusal.MALFORMED) from error
    if _base32(body) != text.upper().translate(_LOOKALIKES):  # bits beyond the last byte: one token, one spelling
        raise TokenRefused(Refusal.MALFORMED)
    return body


_LOOKALIKES = str.maketrans("01", "OI")
