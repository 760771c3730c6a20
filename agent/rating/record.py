"""The data of a rating event, as it is stored, chained and published. Its JSON Schema comes from here.

The level can be computed again from `raw` and the map behind `keymap`. A correction is an event of its
own, since events never change: `corrects` names the event it stands in for, `first` is the level of the
session's first press. Nothing in it points to a person, and nothing may be added that does.
"""

from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from agent.data import EventData


class Flag(StrEnum):
    """Why a rating is kept but stays out of the figures."""

    LOCKOUT = "lockout"
    """Pressed right after another rating: the same person, or somebody pressing for many."""
    CAPACITY = "capacity"
    """More ratings in an hour than the counter can serve people."""
    OFF_HOURS = "off_hours"
    """The counter was closed."""


class RatingData(EventData):
    """`data` of `vn.motcua.rating.v1`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: int = Field(ge=0)
    """0 is the worst."""
    raw: str = Field(pattern="^([0-9a-f]{2})+$")
    """The payload the keypad sent, in hex."""
    keymap: str
    """Hash of the key map that gave `raw` its level."""
    scale: str
    """The scale's name."""
    scale_hash: str
    counter: int = Field(ge=1)
    commune: str
    """The unit's code on the day of the rating."""
    channel: Literal["keypad"] = "keypad"
    valid: bool
    """Whether it counts: no flag is raised."""
    flags: tuple[Flag, ...] = ()
    first: int | None = Field(default=None, ge=0)
    corrects: str | None = None
    """Id of the event that this one stands in for."""
    upgrade: Literal[True] | None = None
    """Present when a correction raises the level: honest counters have about as many upgrades as downgrades."""
