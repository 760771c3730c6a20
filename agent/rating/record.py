"""The data of a rating event, as it is stored, chained and published. Its JSON Schema comes from here.

The level of a key can be computed again from `raw` and the map behind `keymap`; a phone has neither.
`nonce` is the vote itself: however a vote travels, and should a database be restored from an old copy,
two events with one nonce are one vote. The event's `time` is the start of the bucket of `bucket_min`
minutes in which it was given, or of an earlier bucket that waited for company; with 0 it is the second.
What was put right within the correction window has both values: `first`, the level of the first press, and
`level`, which stands. Without a ballot box (`bucket_min` 0) the correction is an event of its own, and
`corrects` names the one that it stands in for. Nothing in it points to a person, and nothing may be added
that does.
"""

from enum import StrEnum
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from agent.data import EventData

LONGEST_COMMENT = 300
"""Characters."""


class Flag(StrEnum):
    """Why a rating is kept but stays out of the figures."""

    LOCKOUT = "lockout"
    """Pressed right after another rating: the same person, or somebody pressing for many."""
    CAPACITY = "capacity"
    """More ratings in an hour than the counter can serve people."""
    OFF_HOURS = "off_hours"
    """The counter was closed."""
    QUOTA = "quota"
    """More phones voted in one slot of the QR than people can stand before it."""
    LOW_TRUST = "low_trust"
    """From a printed code, which anybody can use again anywhere."""
    UPGRADE = "upgrade"
    """Raised a rating while this counter's ratings are raised far more often than lowered: the first press stands."""
    TRAINING = "training"
    """Pressed while a training was announced."""
    INSPECTION = "inspection"
    """Pressed while the counter was inspected."""


class Channel(StrEnum):
    """How the citizen answered."""

    KEYPAD = "keypad"
    QR = "qr"
    """By a phone, with a token that the screen showed."""
    QR_STATIC = "qr_static"
    """By a phone, with a printed code."""


class Reason(StrEnum):
    """What the citizen says it was about: the seven aspects that the Ministry's own rating asks for."""

    OPENNESS = "openness"
    """Procedures, fees and deadlines are on display."""
    CONVENIENCE = "convenience"
    ONLINE = "online"
    """Filing online."""
    OFFICERS = "officers"
    """How the officers treat people."""
    DEADLINE = "deadline"
    RESULT = "result"
    COMPLAINTS = "complaints"
    """How complaints and suggestions are dealt with."""


class RatingData(EventData):
    """`data` of `vn.motcua.rating.v1`."""

    model_config = ConfigDict(defer_build=False, frozen=True, extra="forbid")  # the first press does not wait for it

    level: int = Field(ge=0)
    """0 is the worst."""
    raw: str | None = Field(default=None, pattern="^([0-9a-f]{2})+$")
    """The payload the keypad sent, in hex."""
    keymap: str | None = None
    """Hash of the key map that gave `raw` its level."""
    scale: str
    """The scale's name."""
    scale_hash: str
    counter: int = Field(ge=1)
    commune: str
    """The unit's code on the day of the rating."""
    channel: Channel = Channel.KEYPAD
    valid: bool
    """Whether it counts: no flag is raised."""
    flags: tuple[Flag, ...] = ()
    nonce: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{22}$")
    """16 random bytes in unpadded base64url; only events of the first test versions have none."""
    bucket_min: int = Field(default=0, ge=0, le=60)
    """Minutes to which the event's `time` is known; 0: to the second."""
    first: int | None = Field(default=None, ge=0)
    corrects: str | None = None
    """Id of the event that this one stands in for."""
    upgrade: Literal[True] | None = None
    """Present when a correction raises the level: honest counters have about as many upgrades as downgrades."""
    burst: Literal[True] | None = None
    """Present from the sixth press within 20 s on. It tells a pattern and excludes nothing by itself, or whoever
    pressed on could keep others' ratings out."""
    reasons: tuple[Reason, ...] | None = None
    """Phones only."""
    comment: str | None = Field(default=None, min_length=1, max_length=LONGEST_COMMENT)
    """Phones only; numbers and addresses were taken out before it was stored."""

    @model_validator(mode="after")
    def _has_what_its_channel_has(self) -> Self:
        is_key = self.channel is Channel.KEYPAD
        if is_key != (self.raw is not None) or is_key != (self.keymap is not None):
            raise ValueError("a key has a payload and a key map, a phone has neither")
        if is_key and (self.reasons or self.comment):
            raise ValueError("a key has no reasons and no comment")
        if self.channel is Channel.QR_STATIC and Flag.LOW_TRUST not in self.flags:
            raise ValueError("a vote by a printed code is flagged as such")
        if self.valid == bool(self.flags):
            raise ValueError("a rating counts exactly when no flag is raised")
        return self
