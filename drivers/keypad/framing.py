"""Bytes from a wire -> payloads, one per key press. Pure: no port, no clock.

A framer is fed whatever arrived, in pieces of any size, and hands back the payloads that became
complete; what is incomplete waits inside it. It never invents a payload and never raises: bytes
that fit nothing are the key map's garbage or are dropped here, but they never become a press of
another key. A framer belongs to one opening of a port; the next opening begins with a new one.
"""

from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator

from drivers.base import Options


def _payload(text: str) -> str:
    try:
        payload = bytes.fromhex(text).hex()
    except ValueError:
        payload = ""
    if not payload:
        raise ValueError(f'"{text}" is not a payload in hex, such as "31" or "0d0a"')
    return payload


Payload = Annotated[str, AfterValidator(_payload)]
"""A payload as options name it: hex, kept in lower case and without spaces."""


class Framer(Protocol):
    def feed(self, data: bytes) -> list[bytes]:
        """Take the bytes that arrived; return the payloads they completed, oldest first."""


class ByteFramer:
    """Every byte is a payload."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data[at : at + 1] for at in range(len(data))]


class ByteFraming(Options):
    """`framing: {kind: byte}`: each byte stands for one press."""

    kind: Literal["byte"] = "byte"

    def framer(self) -> Framer:
        return ByteFramer()
