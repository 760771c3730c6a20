"""What events say of what the cameras saw: their `data`, as models. Never a picture."""

from typing import Literal

from pydantic import Field

from agent.data import EventData


class TamperData(EventData):
    """An `alert`: a camera does not see any more what it is there to see. Told once, when it begins."""

    code: Literal[
        "CAMERA_COVERED", "CAMERA_SPRAYED", "CAMERA_DEFOCUSED", "CAMERA_MOVED", "CAMERA_BLACK", "CAMERA_FROZEN"
    ]
    camera: str
    """Its name in the configuration."""


Cut = Literal["camera", "view", "agent"]
"""Why nobody saw a visit's end: the camera was away, did not see the counter any more, or the agent or the box was off.
"""


class VisitData(EventData):
    """A `visit`: somebody was at the counter. Told when it must be over, in company, as ratings are."""

    camera: str
    """Its name in the configuration."""
    length_s: int
    """How long: whole minutes, rounded up; to the second without a bucket."""
    is_begin_seen: bool
    """Whether the arrival was seen; if not, it began earlier, or another visit was cut short."""
    cut: Cut | None = None
    """Why the end was not seen: it lasted at least so long."""
    bucket_min: int = Field(ge=0)
    """How precisely the event's `time` is known: it is the start of so many minutes, 0: to the second."""
    nonce: str
    """The visit itself: it counts once."""
