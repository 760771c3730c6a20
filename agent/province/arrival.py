"""What comes in from a counter is taken apart here: whatever the bytes are, they are events or they are refused.

One message that could not be stored would be handed over by the broker again and again, and with it everything
behind it. So nothing that reaches the store may surprise it: every field it reads has been checked.
"""

import json
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationError

from agent.event import EventType, Lane
from agent.ranges import Ranges
from agent.uplink.payload import Payload

log = logging.getLogger(__name__)

LARGEST_BATCH_BYTES = 4 * 1024 * 1024
"""A batch that unpacks to more is refused: a hundred events are a few hundred kilobytes."""
MOST = 2**31 - 1
"""Integers of CloudEvents are signed and 32 bits wide."""
_BLANK = " \t\n\r"


class UnreadableEvent(ValueError):
    """The bytes are not an event of the counter whose topic they came on."""


@dataclass(frozen=True, slots=True)
class Key:
    """One numbered stream: a lane of one database of one counter."""

    agent: str
    epoch: str
    lane: Lane


MOST_RANGES = 1000
"""A counter drops at most a thousand events at a time."""
Number = Annotated[int, Field(strict=True, ge=1, le=MOST)]
Epoch = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]


class Gap(Payload):
    """The data of a `gap` event: numbers of a lane that the counter dropped on purpose."""

    lane: Lane
    ranges: Annotated[list[tuple[Number, Number]], Field(min_length=1, max_length=MOST_RANGES)]
    epoch: Epoch


class Envelope(Payload):
    """What the province needs of an event: its place. The rest is stored as it is, whether it makes sense or not."""

    source: str
    epoch: Epoch
    lane: Lane
    seq: Number
    type: Annotated[str, Field(max_length=64)] = ""
    time: Annotated[str, Field(max_length=64)] = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it came in."""

    key: Key
    seq: int
    type: str
    time: str
    body: bytes
    """The very bytes that were hashed."""
    event: dict[str, Any]

    @property
    def gap(self) -> tuple[Key, Ranges] | None:
        """The stream and the numbers that this event declares dropped, if it does."""
        if self.type != EventType.GAP.full_name:
            return None
        try:
            gap = Gap.model_validate(self.event.get("data"))
        except ValidationError as error:
            log.warning("event %d of %s declares a gap that cannot be read: %s", self.seq, self.key, error)
            return None
        return Key(self.key.agent, gap.epoch, gap.lane), Ranges(gap.ranges)


def read_event(agent: str, body: bytes) -> Arrival:
    """Take an event's bytes apart.

    Raises:
        UnreadableEvent: not an event, or another counter's.
    """
    try:
        said = Envelope.model_validate_json(body)
        event = json.loads(body)
    except (ValidationError, ValueError, RecursionError) as error:
        raise UnreadableEvent(f"not an event: {error}") from error
    whose = said.source.rpartition("/")[2]
    if whose != agent:
        raise UnreadableEvent(f"event {said.seq} of {whose} came on the topic of {agent}")
    return Arrival(Key(agent, said.epoch, said.lane), said.seq, said.type, said.time, body, event)


def read_batch(agent: str, payload: bytes) -> list[Arrival]:
    """The events of a batch, each with its own bytes; one that cannot be read does not take the others along.

    Raises:
        UnreadableEvent: not a batch at all, or one that unpacks to far too much.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(payload, LARGEST_BATCH_BYTES)
    except zlib.error as error:
        raise UnreadableEvent(f"a batch that does not unpack: {error}") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise UnreadableEvent("a batch that is cut or far too large")
    arrivals = []
    for body in split_batch(text):
        try:
            arrivals.append(read_event(agent, body))
        except UnreadableEvent as error:
            log.warning("in a batch of %s: %s", agent, error)
    return arrivals


def split_batch(text: bytes) -> list[bytes]:
    """Cut a JSON array of objects into its elements' own bytes, which a parser would not give back.

    Raises:
        UnreadableEvent: not an array.
    """
    try:
        return list(_elements(text.decode()))
    except (ValueError, IndexError, RecursionError) as error:
        raise UnreadableEvent(f"a batch that is not a JSON array: {error}") from error


def _elements(array: str) -> Iterator[bytes]:
    decoder = json.JSONDecoder()
    at = _next(array, 0)
    if array[at] != "[":
        raise ValueError("no array")
    at = _next(array, at + 1)
    while array[at] != "]":
        _, end = decoder.raw_decode(array, at)
        yield array[at:end].encode()
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
