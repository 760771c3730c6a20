"""What is said of every picture that left the box, or was shown on its own page: an event.

A single picture's is written before it goes; that of somebody who looks for a while when he has looked
(`agent.surveillance.egress.viewing` sees to it that it is written).
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from agent.data import EventData, Stamp


class Ended(StrEnum):
    """Why somebody does not look at a camera any more."""

    TIME = "time"
    """It was granted for so long."""
    STOPPED = "stopped"
    """By order of who looked."""
    RENEWED = "renewed"
    """The same person's next order goes on where this one ended."""
    LINK = "link"
    """The connection to the broker was lost."""
    CAMERA = "camera"
    """The camera is not configured any more, or otherwise."""
    AGENT = "agent"
    """The agent was stopped."""
    RESTART = "restart"
    """The agent or the box died. `to` and `pictures` are the most that there can have been."""
    LEFT = "left"
    """Nobody asked for a picture any more."""


class EgressData(EventData):
    """An `egress`: pictures of the counter were handed over. A picture that cannot be accounted for stays."""

    kind: Literal["snapshot", "clip", "watch", "status"]
    """By order, or shown on the box's own status page."""
    camera: str
    order: str
    """The order's id: `result/<kind>/<id>` and `bulk/<id>` have the same; empty for the status page."""
    is_broadcast: bool
    """Whether every counter was asked at once."""
    by: str | None = None
    """Who asked, as the order says; the broker's list of permissions says who may."""
    pictures: int
    egress: Literal["pixelated", "masked", "plain"]
    hidden: list[str]
    """What was hidden, in a single picture or in some of several: `masks`; `whole`, or `people` and `faces`."""
    from_: Stamp | None = Field(default=None, serialization_alias="from", validation_alias="from")
    """When somebody began to look for a while."""
    to: Stamp | None = None
    ended: Ended | None = None
