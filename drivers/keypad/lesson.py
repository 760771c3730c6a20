"""What a keypad's bytes mean, learnt from what came when its keys were pressed. Pure.

Each key was pressed twice; what came at one press is a burst. From the bursts the plainest way to tell one
press from another is chosen: a byte, a line, a frame with marks, and of frames the one with a check that
fits. It must give exactly one payload for every burst, the same for both presses of a key and different
for every two keys: nothing is guessed that did not show itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from typing import Any

from pydantic import ValidationError

from drivers.keypad.framing import ByteFraming, FrameFraming, LineFraming

IDLE = frozenset(b"\r\n\x00\xff")
"""Bytes that are never a key's: line ends, idle bytes, a floating line."""
FRAMINGS: dict[str, type[ByteFraming | LineFraming | FrameFraming]] = {
    "byte": ByteFraming,
    "line": LineFraming,
    "frame": FrameFraming,
}


@dataclass(frozen=True, slots=True)
class Wire:
    """How the bytes of a keypad are to be read."""

    framing: Mapping[str, Any]
    """As in the configuration file."""
    payloads: tuple[str, ...]
    """One for each level, in hex."""
    ignore: tuple[str, ...] = field(default=())
    """Further payloads that come with a press and are none: what a key sends when it is let go."""


def tidy(burst: bytes) -> bytes:
    """*burst* without what a keypad says over and over while a key is down: one byte repeated is one byte."""
    bare = bytes(byte for byte in burst if byte not in IDLE)
    return bare[:1] if len(set(bare)) == 1 else burst


def read(bursts: Sequence[Sequence[bytes]]) -> Wire | None:
    """How to read *bursts*, the presses of each level in order; None when they show no rule."""
    every = [tidy(burst) for presses in bursts for burst in presses]
    for framing in _framings(every):
        try:
            made = FRAMINGS[str(framing["kind"])].model_validate(framing)
        except ValidationError:
            continue
        levels = [{_payloads(made, tidy(burst)) for burst in presses} for presses in bursts]
        wire = _wire(framing, levels)
        if wire is not None:
            return wire
    return None


def _payloads(framing: Any, burst: bytes) -> tuple[str, ...]:
    framer = framing.framer()
    found = [*framer.feed(burst), *framer.settle()]
    return tuple(payload.hex() for payload in found if not (len(payload) == 1 and payload[0] in IDLE))


def _wire(framing: Mapping[str, Any], levels: list[set[tuple[str, ...]]]) -> Wire | None:
    """The rule, if every key has one payload of its own; a byte may be followed by another when it is let go."""
    if any(len(level) != 1 for level in levels):
        return None
    payloads = [next(iter(level)) for level in levels]
    most = 2 if framing["kind"] == "byte" else 1
    if any(not 1 <= len(each) <= most for each in payloads) or len({each[0] for each in payloads}) < len(payloads):
        return None
    pressed = tuple(each[0] for each in payloads)
    released = tuple(sorted({each[1] for each in payloads if len(each) == 2}))
    if set(pressed) & set(released):
        return None
    return Wire(framing, pressed, released)


def _framings(every: list[bytes]) -> Iterator[dict[str, Any]]:
    """The framings that may fit, the plainest first."""
    yield {"kind": "byte"}
    if all(burst.endswith((b"\r", b"\n")) for burst in every):
        yield {"kind": "line"}
    start = _common(every)
    end = _common([burst[::-1] for burst in every])[::-1]
    is_one_size = len(set(map(len, every))) == 1
    for marks in _marks(every, start, end):
        size = {"size": len(every[0])} if is_one_size else {}
        if size or marks["end"]:
            yield {"kind": "frame", **{name: mark for name, mark in marks.items() if mark}, **size}


def _common(bursts: list[bytes]) -> bytes:
    """The bytes with which all begin."""
    low, high = min(bursts), max(bursts)
    length = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]


def _marks(every: list[bytes], start: bytes, end: bytes) -> Iterator[dict[str, str]]:
    """Start and end marks: first those with a check between them that fits every burst, then the longest."""
    shortest = min(map(len, every))
    for length in range(len(end), -1, -1):
        for check, figure in (("xor", lambda body: reduce(xor, body)), ("sum", lambda body: sum(body) & 0xFF)):
            for begin in range(1, len(start) + 1):
                if shortest - begin - length < 3:
                    continue
                bodies = [burst[begin : len(burst) - length] for burst in every]
                if len(set(bodies)) > 1 and all(figure(body[:-1]) == body[-1] for body in bodies):
                    yield {"start": start[:begin].hex(), "end": end[len(end) - length :].hex(), "check": check}
    if start and len(start) + len(end) < shortest:
        yield {"start": start.hex(), "end": end.hex(), "check": ""}
    elif start:
        yield {"start": start[: max(1, shortest - len(end) - 1)].hex(), "end": "", "check": ""}
