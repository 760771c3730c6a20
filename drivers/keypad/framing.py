"""Bytes from a wire -> payloads, one per key press. Pure: no port, no clock.

A framer is fed whatever arrived, in pieces of any size, and hands back the payloads that became
complete; what is incomplete waits inside it, never longer than its limit. It never raises, and what it
hands back stood in the stream, whole and in that order, however the stream was cut. Bytes that fit
nothing are dropped and never become a press of another key; after them the next whole line or frame is
found again. `settle` says that the line fell silent: what is incomplete then will not be completed, and
a frame whose length byte was noise gives back the frames it had swallowed. A framer belongs to one
opening of a port; the next opening begins with a new one.
"""

from functools import reduce
from operator import xor
from typing import Annotated, Literal, Protocol, Self

from pydantic import AfterValidator, Field, model_validator

from drivers.base import Options

LONGEST = 64
"""Bytes of one line or frame, unless the options allow more or fewer."""


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

    def settle(self) -> list[bytes]:
        """The line is silent: drop what is incomplete, return what it had hidden."""


class ByteFramer:
    """Every byte is a payload."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data[at : at + 1] for at in range(len(data))]

    def settle(self) -> list[bytes]:
        return []


class LineFramer:
    """What stands between two line ends is a payload; empty lines are nothing, a line beyond *limit* is dropped."""

    def __init__(self, ends: bytes, limit: int) -> None:
        self._ends = ends
        self._limit = limit
        self._line = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        payloads = []
        for byte in data:
            if byte not in self._ends:
                # One byte beyond the limit is kept: it marks the line as too long until its end.
                if len(self._line) <= self._limit:
                    self._line.append(byte)
                continue
            if 0 < len(self._line) <= self._limit:
                payloads.append(bytes(self._line))
            self._line.clear()
        return payloads

    def settle(self) -> list[bytes]:
        self._line.clear()
        return []


class FrameFramer:
    """What stands between a start mark and its check or end mark is a payload; the rules are `FrameFraming`'s."""

    def __init__(self, framing: "FrameFraming") -> None:
        self._framing = framing
        self._start = bytes.fromhex(framing.start)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        payloads: list[bytes] = []
        for byte in data:
            self._buffer.append(byte)
            self._take(payloads)
        return payloads

    def settle(self) -> list[bytes]:
        payloads: list[bytes] = []
        while self._buffer:
            del self._buffer[0]
            self._take(payloads)
        return payloads

    def _take(self, payloads: list[bytes]) -> None:
        """Move every frame that is whole from the buffer to *payloads*."""
        while self._buffer:
            if not self._start.startswith(self._buffer[: len(self._start)]):
                del self._buffer[0]
                continue
            size = self._size()
            if size is None or len(self._buffer) < size:
                return
            payload = self._payload(bytes(self._buffer[:size]))
            if payload is None:
                del self._buffer[0]  # no frame: the next one may begin at any byte inside
            else:
                payloads.append(payload)
                del self._buffer[:size]

    def _size(self) -> int | None:
        """The bytes of the frame at the buffer's beginning, 0 when it cannot be one; None: not known yet."""
        framing = self._framing
        if framing.size is not None:
            return framing.size
        if framing.length_at is not None:
            if len(self._buffer) < framing.length_at + framing.length_bytes:
                return None
            field = self._buffer[framing.length_at : framing.length_at + framing.length_bytes]
            size = int.from_bytes(field, "big") + framing.length_adds
            return size if framing.overhead < size <= framing.limit else 0
        end = bytes.fromhex(framing.end)
        at = self._buffer.find(end, len(self._start))
        if at >= 0:
            return at + len(end)
        return 0 if len(self._buffer) >= framing.limit else None

    def _payload(self, frame: bytes) -> bytes | None:
        """What *frame* carries; None when it is none."""
        end = bytes.fromhex(self._framing.end)
        if len(frame) <= self._framing.overhead or not frame.endswith(end):
            return None
        body = frame[len(self._start) : len(frame) - len(end)]
        if self._framing.check == "none":
            return body
        body, check = body[:-1], body[-1]
        figure = reduce(xor, body) if self._framing.check == "xor" else sum(body) & 0xFF
        return body if figure == check else None


class ByteFraming(Options):
    """`framing: {kind: byte}`: each byte stands for one press."""

    kind: Literal["byte"] = "byte"

    def framer(self) -> Framer:
        return ByteFramer()


class LineFraming(Options):
    """`framing: {kind: line}`: each line stands for one press, without its line end."""

    kind: Literal["line"] = "line"
    ends: Payload = "0d0a"
    """The bytes in hex of which each ends a line; empty lines are nothing."""
    limit: int = Field(default=LONGEST, ge=1, le=256)
    """The longest line, in bytes."""

    def framer(self) -> Framer:
        return LineFramer(bytes.fromhex(self.ends), self.limit)


class FrameFraming(Options):
    """`framing: {kind: frame}`: what stands between the marks stands for one press.

    Where a frame ends is told by its `size`, by a length inside it, or else by its end mark.
    """

    kind: Literal["frame"] = "frame"
    start: Payload
    """The bytes in hex that every frame begins with."""
    end: Annotated[str, AfterValidator(lambda text: _payload(text) if text else "")] = ""
    """The bytes in hex that every frame ends with."""
    size: int | None = Field(default=None, ge=2, le=256)
    """Bytes of a whole frame, where all have the same number."""
    length_at: int | None = Field(default=None, ge=0, le=64)
    """Where the frame says its length: so many bytes after its first."""
    length_bytes: Literal[1, 2] = 1
    """Bytes of that length, the higher one first."""
    length_adds: int = Field(default=0, ge=0, le=64)
    """Bytes of a whole frame that the length does not count."""
    check: Literal["none", "xor", "sum"] = "none"
    """The byte before the end mark: XOR or sum of all bytes between the start mark and itself."""
    limit: int = Field(default=LONGEST, ge=2, le=256)
    """The longest frame, in bytes."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.size is not None and self.length_at is not None:
            raise ValueError("size and length_at exclude each other")
        if self.size is None and self.length_at is None and not self.end:
            raise ValueError("one of size, length_at and end must say where a frame ends")
        if self.size is not None and self.size <= self.overhead:
            raise ValueError(f"size {self.size} leaves no room between the marks, which take {self.overhead} bytes")
        if self.limit <= self.overhead or (self.size or 0) > self.limit:
            raise ValueError(f"limit {self.limit} is less than a whole frame")
        return self

    @property
    def overhead(self) -> int:
        """Bytes of a frame that are marks and check: a frame of so many carries nothing."""
        return (len(self.start) + len(self.end)) // 2 + (self.check != "none")

    def framer(self) -> Framer:
        return FrameFramer(self)


Framing = Annotated[ByteFraming | LineFraming | FrameFraming, Field(discriminator="kind")]
