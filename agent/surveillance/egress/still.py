"""What may leave the box."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of one camera, or a clip of a few, after egress; it exists in memory only."""

    content: bytes
    """A JPEG; a clip's is an MP4."""
    width_px: int
    height_px: int
    taken_at_monotonic: float
    """When the picture, of a clip its last one, reached the box (`time.monotonic()`)."""
    egress: Literal["pixelated", "masked", "plain"]
    hidden: tuple[str, ...]
    """What egress hid: `masks`; `whole`, or `people` (all that is not the learned backdrop) and `faces`."""
    pictures: int = 1
    lasts_s: float = 0.0
    """From a clip's first picture to its last."""

    def about(self, camera: str, *, now: float) -> dict[str, Any]:
        """What is said of it beside it; *now* is `time.monotonic()`."""
        return {
            "camera": camera,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "age_ms": round((now - self.taken_at_monotonic) * 1000),
            "pictures": self.pictures,
            "lasts_s": self.lasts_s,
            "egress": self.egress,
            "hidden": list(self.hidden),
        }
