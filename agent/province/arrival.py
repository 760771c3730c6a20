"""What comes in from a counter is taken apart here: whatever the bytes are, they are events or they are refused.

One message that could not be stored would be handed over by the broker again and again, and with it everything
behind it. So nothing that reaches the store may surprise it: every field it reads has been checked.
"""

import json
import logging
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationError

from agent.event import EventType, Lane
from agent.ranges import Ranges
from agent.uplink.batch import Element, UnreadableBatch, unpack
from agent.uplink.payload import Payload

log = logging.getLogger(__name__)

MOST = 2**31 - 1
"""Integers of CloudEvents are signed and 32 bits wide."""


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


_GAP = EventType.GAP.full_name


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
    chained_to: bytes | None = None
    """The body that this one's `previous` was computed from, where a batch had left it out."""

    @property
    def gap(self) -> tuple[Key, Ranges] | None:
        """The stream and the numbers that this event declares dropped, if it does."""
        if self.type != _GAP:
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
        return _arrival(agent, Element(body, json.loads(body)))
    except (ValueError, RecursionError) as error:
        raise UnreadableEvent(f"not an event: {error}") from error


def read_batch(agent: str, payload: bytes) -> list[Arrival]:
    """The events of a batch, each with its own bytes; one that cannot be read does not take the others along.

    Raises:
        UnreadableEvent: not a batch at all, or one that unpacks to far too much.
    """
    try:
        elements = unpack(payload)
    except UnreadableBatch as error:
        raise UnreadableEvent(str(error)) from error
    arrivals = []
    for element in elements:
        try:
            arrivals.append(_arrival(agent, element))
        except UnreadableEvent as error:
            log.warning("in a batch of %s: %s", agent, error)
    return arrivals


def _arrival(agent: str, element: Element) -> Arrival:
    try:
        said = Envelope.model_validate(element.said)
    except ValidationError as error:
        raise UnreadableEvent(f"not an event: {error}") from error
    whose = said.source.rpartition("/")[2]
    if whose != agent:
        raise UnreadableEvent(f"event {said.seq} of {whose} came on the topic of {agent}")
    key = Key(agent, said.epoch, said.lane)
    return Arrival(key, said.seq, said.type, said.time, element.body, element.said, element.chained_to)
