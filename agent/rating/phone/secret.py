"""The counter's QR secret, and the keys that are made of it. Pure.

The secret lies in one file at the counter and at the province's portal. It signs nothing itself: each use has a
key of its own, from which neither the secret nor another key can be found.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

SECRET_BYTES = 32
"""The shortest secret."""


def device_of(agent: str) -> bytes:
    """The three bytes that stand for a counter in its tokens.

    Two names of a fleet may share them (3 in 100 for a thousand counters): who knows several counters must refuse
    a second one with the same device.
    """
    return hashlib.sha256(agent.encode()).digest()[:3]


@dataclass(frozen=True, slots=True, repr=False)
class QrKeys:
    """One counter's keys, each for one use. Made of the secret and the counter's name, so a secret that was copied
    to another box opens nothing there."""

    agent: str
    mac: bytes
    ticket: bytes
    seal: bytes

    @classmethod
    def from_secret(cls, secret: bytes, *, agent: str) -> Self:
        """The keys of the counter called *agent*; *secret* is its file's content, white space around it ignored.

        Raises:
            ValueError: the secret is shorter than `SECRET_BYTES`.
        """
        secret = secret.strip()
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"a secret of {len(secret)} bytes; at least {SECRET_BYTES} are needed")
        return cls(
            agent, *(hkdf(secret, info=f"motcua qr {use} {agent}".encode()) for use in ("mac", "ticket", "seal"))
        )

    @property
    def device(self) -> bytes:
        return device_of(self.agent)


def hkdf(secret: bytes, *, info: bytes, salt: bytes = b"", length: int = 32) -> bytes:
    """RFC 5869 with SHA-256: a key for one use, from which neither the secret nor another key can be found."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    output = block = b""
    while len(output) < length:
        block = hmac.digest(key, block + info + bytes([len(output) // 32 + 1]), "sha256")
        output += block
    return output[:length]
