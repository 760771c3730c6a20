"""Many events in one message, and out of it again with exactly the bytes that were stored. Pure.

A batch is the zlib of a JSON array of events (CloudEvents' batch format). A chain is what zlib cannot make smaller:
each event repeats the hash of the one before it. Where that one stands right before it in the same batch, the event
travels without its `previous`; the reader hashes the one and puts `previous` back into the other, after `seq`.

The sender leaves out only what it has computed itself and found equal, so a chain that was tampered with travels as
it is and is seen at the other end, never mended on the way. The first event of a batch always names its `previous`.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from agent.event import chain_code, chain_hash

LARGEST_BYTES = 4 * 1024 * 1024
"""A batch that unpacks to more is refused: a hundred events are a few hundred kilobytes."""
LEVEL = 1
"""Without its hashes a batch is nine tenths repetition: level 6 takes three times as long to save two bytes of 19."""
_BLANK = " \t\n\r"
_SEQ = b'"seq":'
_KEY = b'"previous":'


class UnreadableBatch(ValueError):
    """The bytes are not a batch; the message says why."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a batch."""

    body: bytes
    """Its own bytes, `previous` in its place."""
    said: Any
    """What they say, as a JSON parser reads them."""
    chained_to: bytes | None = None
    """The body that its `previous` was computed from, where it had been left out."""


def pack(bodies: Sequence[bytes]) -> bytes:
    """The batch of events of a lane, each as `Event.encode` wrote it, in any order."""
    return zlib.compress(array(bodies), LEVEL)


def array(bodies: Sequence[bytes]) -> bytes:
    """The same before it is compressed."""
    elements = [*bodies[:1]]
    for before, body in pairwise(bodies):
        at, link = _place(body), b'"previous":"%b",' % chain_code(before)
        is_sure = body.startswith(link, at) and body.find(_KEY, at + len(link)) < 0
        elements.append(body[:at] + body[at + len(link) :] if is_sure else body)
    return b"[" + b",".join(elements) + b"]"


def unpack(payload: bytes) -> list[Element]:
    """The elements of a batch, whatever they are.

    Raises:
        UnreadableBatch: it does not unpack, unpacks to far too much, or is not a JSON array.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(payload, LARGEST_BYTES)
    except zlib.error as error:
        raise UnreadableBatch(f"a batch that does not unpack: {error}") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise UnreadableBatch("a batch that is cut or far too large")
    return elements_of(text)


def elements_of(text: bytes) -> list[Element]:
    """The elements of a batch that is not compressed any more; raises as `unpack` does."""
    elements: list[Element] = []
    try:
        for body, said in _cut(text.decode()):
            at = _place(body) if elements and isinstance(said, dict) and "previous" not in said else 0
            if not at:
                elements.append(Element(body, said))
                continue
            before = elements[-1].body
            said["previous"] = chain_hash(before)
            link = f'"previous":"{said["previous"]}",'.encode()
            elements.append(Element(body[:at] + link + body[at:], said, before))
    except (ValueError, IndexError, RecursionError) as error:
        raise UnreadableBatch(f"a batch that is not a JSON array: {error}") from error
    return elements


def _place(body: bytes) -> int:
    """Where `previous` stands or would stand: behind the first `seq` and its comma; 0 where there is none."""
    return body.find(b",", body.find(_SEQ)) + 1


def _cut(array: str) -> Iterator[tuple[bytes, Any]]:
    """A JSON array's elements, each with its own bytes, which a parser alone would not give back."""
    decoder = json.JSONDecoder()
    at = _next(array, 0)
    if array[at] != "[":
        raise ValueError("no array")
    at = _next(array, at + 1)
    while array[at] != "]":
        said, end = decoder.raw_decode(array, at)
        yield array[at:end].encode(), said
        at = _next(array, end)
        if array[at] == ",":
            at = _next(array, at + 1)
        elif array[at] != "]":
            raise ValueError(f"no comma at {at}")


def _next(array: str, at: int) -> int:
    """Where the next character that is not blank stands."""
    while array[at] in _BLANK:
        at += 1
    return at
