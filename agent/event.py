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
from typing import Any, NamedTuple

from agent.clock import ClockQuality, Moment


class Lane(StrEnum):
    """The separately numbered streams, most urgent first: priority never looks like loss."""

    ALERT = "alert"
    RECORD = "record"
    METRIC = "metric"


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
    METRIC = "metric"

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


@dataclass(frozen=True, slots=True)
class Event:
    """A fact in its place. Immutable once committed."""

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

        Raises:
            TypeError, ValueError: the fact's data is not JSON (an object, a NaN, half a surrogate pair).
        """
        booted = {"booted": stamp(self.fact.booted)} if self.fact.booted is not None else {}
        return _ENCODER.encode(
            {
                "specversion": "1.0",
                "id": self.id,
                "source": f"/motcua/{self.province}/{self.agent}",
                "type": self.fact.type.full_name,
                "time": self.fact.at.isoformat(timespec="seconds"),
                "datacontenttype": "application/json",
                "epoch": self.epoch,
                "lane": self.lane,
                "seq": self.seq,
                "previous": self.previous,
                "boot": self.boot,
                **booted,
                "clock": self.fact.clock,
                "data": self.fact.data,
            }
        ).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
"""Made once: `json.dumps` with these wishes makes a new one for every event."""


def stamp(moment: datetime) -> str:
    """A moment that people do not read as a time of day: UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chain_hash(body: bytes) -> str:
    """SHA-256 of an event's bytes, unpadded base64url (RFC 4648 section 5): the next event's `previous`."""
    return binascii.b2a_base64(hashlib.sha256(body).digest(), newline=False).translate(_URLSAFE, b"=").decode()


_URLSAFE = bytes.maketrans(b"+/", b"-_")
"""`base64.urlsafe_b64encode` takes twice as long, and a drain does this for every event."""


GENESIS = chain_hash(b"")
"""`previous` of the first event of an epoch: the hash of the empty string."""
