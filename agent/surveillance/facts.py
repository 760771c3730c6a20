"""What events say of what the cameras saw: their `data`, as models. Never a picture."""

from typing import Literal

from agent.data import EventData


class TamperData(EventData):
    """An `alert`: a camera does not see any more what it is there to see. Told once, when it begins."""

    code: Literal[
        "CAMERA_COVERED", "CAMERA_SPRAYED", "CAMERA_DEFOCUSED", "CAMERA_MOVED", "CAMERA_BLACK", "CAMERA_FROZEN"
    ]
    camera: str
    """Its name in the configuration."""
