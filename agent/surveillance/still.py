"""What may leave the box."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of one camera, or a clip of a few, after egress; it exists in memory only."""

    jpeg: bytes
    """A clip's is an MP4."""
    width_px: int
    height_px: int
    taken_at_monotonic: float
    """When the picture reached the box (`time.monotonic()`)."""
    egress: Literal["pixelated", "masked", "plain"]
    hidden: tuple[str, ...]
    """What egress hid: `masks`; `whole`, or `people` (all that is not the learned backdrop) and `faces`."""
    pictures: int = 1
    lasts_s: float = 0.0
    """From a clip's first picture to its last."""
