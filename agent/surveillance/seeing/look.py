"""What a camera's picture may look like, in the words of health and alerts; for both ends of the wire."""

from enum import StrEnum


class Look(StrEnum):
    """Clear, or what is wrong with it."""

    CLEAR = "OK"
    UNSURE = "UNSURE"
    """Said by one sample only, never by a camera."""
    DARK = "CAMERA_DARK"
    COVERED = "CAMERA_COVERED"
    SPRAYED = "CAMERA_SPRAYED"
    DEFOCUSED = "CAMERA_DEFOCUSED"
    MOVED = "CAMERA_MOVED"
    BLACK = "CAMERA_BLACK"
    FROZEN = "CAMERA_FROZEN"

    @property
    def is_tampering(self) -> bool:
        return self not in (Look.CLEAR, Look.UNSURE, Look.DARK)
