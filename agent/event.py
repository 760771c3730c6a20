"""Events: facts that happened at the counter, and the words every room uses for them.

A `Fact` is what a room wants remembered. The outbox turns it into an `Event` by giving it a
place in its lane: epoch, sequence number and the hash of the event before it. An event's bytes
are its identity: what is stored, published, batched and hashed are the same bytes, written
once by `Event.encode` (CloudEvents 1.0 in structured JSON; UTF-8, compact, keys in this order).
"""

import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from agent.clock import ClockQuality, Moment


class Lane(StrEnum):
    """The separately numbered streams, most urgent first: priority never looks like loss."""

    ALERT = "alert"
    RECORD = "record"
    METRIC = "metric"

    __hash__ = str.__hash__  # as its word's, and in C: an enum's own is written in Python


class Stream(NamedTuple):
    """One numbered stream of a counter: a lane of one database."""

    epoch: str
    lane: Lane


class EventType(StrEnum):
    """Every kind of event a counter can tell."""

    RATING = "rating"
    VISIT = "visit"
    INSPECTION = "inspection"
    ALERT = "alert"
    GAP = "gap"
    CLOCK = "clock"
    TAMPER = "tamper"
    SUMMARY = "summary"
    PLAYED = "played"
    EGRESS = "egress"
    METRIC = "metric"

    __hash__ = str.__hash__  # as with `Lane`

    @property
    def lane(self) -> Lane:
        return _LANES[self]

    @property
    def full_name(self) -> str:
        """CloudEvents' `type`."""
        return f"vn.motcua.{self}.v1"


_LANES = {
    EventType.RATING: Lane.RECORD,
    EventType.VISIT: Lane.RECORD,
    EventType.INSPECTION: Lane.RECORD,
    EventType.ALERT: Lane.ALERT,
    EventType.GAP: Lane.ALERT,
    EventType.CLOCK: Lane.ALERT,
    EventType.TAMPER: Lane.ALERT,
    EventType.EGRESS: Lane.RECORD,
    EventType.SUMMARY: Lane.METRIC,
    EventType.PLAYED: Lane.METRIC,
    EventType.METRIC: Lane.METRIC,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened and shall be remembered; not yet numbered."""

    type: EventType
    at: datetime
    """Aware wall time; written to the second."""
    clock: ClockQuality
    data: Mapping[str, Any]
    booted: datetime | None = None
    """When this boot began, by the clock that said `at`: what corrects an untrusted `at` later."""
    boot: str | None = None
    """The boot in which it happened; None: in the one in which it gets its place."""

    @classmethod
    def seen(cls, kind: EventType, moment: Moment, data: Mapping[str, Any]) -> "Fact":
        """What happened at *moment*."""
        return cls(kind, moment.at, moment.quality, data, moment.booted)


class Event(NamedTuple):
    """A fact in its place."""

    province: str
    agent: str
    epoch: str
    lane: Lane
    seq: int
    previous: str
    boot: str
    fact: Fact

    @property
    def id(self) -> str:
        return f"{self.agent}/{self.epoch}/{self.lane}/{self.seq}"

    def encode(self) -> bytes:
        """The bytes that are stored, published and hashed.

        Written out around what is the same for a whole boot, not made by the encoder from a dictionary: that would
        take five times as long, and every press waits for it.

        Raises:
            TypeError, ValueError: the fact's data is not JSON (an object, a NaN, half a surrogate pair).
        """
        fact, seq = self.fact, self.seq
        begin, to_time, to_seq, to_data = _frame(
            self.province, self.agent, self.epoch, self.lane, self.boot, fact.type, fact.clock, fact.booted
        )
        return (
            f"{begin}{seq}{to_time}{fact.at.isoformat(timespec='seconds')}{to_seq}{seq}"
            f',"previous":{_quoted(self.previous)}{to_data}{_json(fact.data)}}}'
        ).encode()


_quoted = json.encoder.encode_basestring
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@lru_cache(maxsize=32)
def _frame(  # noqa: PLR0917 - the cache would take longer to find what is named
    province: str,
    agent: str,
    epoch: str,
    lane: Lane,
    boot: str,
    kind: EventType,
    clock: ClockQuality,
    booted: datetime | None,
) -> tuple[str, str, str, str]:
    """The parts of an event between its number, its time, its number again with the hash, and its data."""
    since = f'"booted":"{stamp(booted)}",' if booted is not None else ""
    return (
        f'{{"specversion":"1.0","id":{_quoted(f"{agent}/{epoch}/{lane}/")[:-1]}',
        f'","source":{_quoted(f"/motcua/{province}/{agent}")},"type":"{kind.full_name}","time":"',
        f'","datacontenttype":"application/json","epoch":{_quoted(epoch)},"lane":"{lane}","seq":',
        f',"boot":{_quoted(boot)},{since}"clock":"{clock}","data":',
    )


@lru_cache(maxsize=16)
def stamp(moment: datetime) -> str:
    """A moment that people do not read as a time of day: UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chain_hash(body: bytes) -> str:
    """SHA-256 of an event's bytes, unpadded base64url (RFC 4648 section 5): the next event's `previous`."""
    return chain_code(body).decode()


def chain_code(body: bytes) -> bytes:
    """`chain_hash` as it stands in an event's bytes."""
    return binascii.b2a_base64(hashlib.sha256(body).digest(), newline=False).translate(_URLSAFE, b"=")


_URLSAFE = bytes.maketrans(b"+/", b"-_")
"""`base64.urlsafe_b64encode` takes twice as long, and a drain does this for every event."""


GENESIS = chain_hash(b"")
"""`previous` of the first event of an epoch: the hash of the empty string."""
