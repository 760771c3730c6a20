"""What of a picture may leave the box. The only door: a picture that did not pass `Egress` is never encoded.

Fails closed: whatever cannot be hidden for certain is hidden whole. Nothing here can find a face,
so the `pixelated` egress pixelates everything, coarsely. Pure; imports OpenCV, so only the camera's
child may import this module.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 8 bits."""
Polygon = tuple[tuple[float, float], ...]
"""Corners in fractions of the picture's width and height."""

COLUMNS = 24
"""Blocks across a pixelated picture: a face that fills an eighth of it becomes three blocks wide."""
FILL = (96, 96, 96)
"""What masked ground looks like."""
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Shown:
    """A picture that may leave, and what was hidden in it."""

    picture: Picture
    egress: str
    hidden: tuple[str, ...]

    def jpeg(self) -> bytes:
        """Encoded in memory, without metadata."""
        done, data = cv2.imencode(".jpg", self.picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise ValueError("the picture could not be encoded")
        return bytes(data)


class Egress:
    """The rules of one camera: `pixelated`, `masked` or `plain`, and its masks.

    Raises:
        ValueError: unknown egress, or a mask that encloses nothing: better no picture than a wrong one.
    """

    def __init__(self, egress: str, masks: tuple[Polygon, ...] = ()) -> None:
        if egress not in ("pixelated", "masked", "plain"):
            raise ValueError(f'unknown egress "{egress}": pixelated, masked and plain are known')
        for mask in masks:
            if len(mask) < 3:
                raise ValueError(f"a mask with {len(mask)} corners encloses nothing")
        self._egress = egress
        self._masks = masks

    def show(self, picture: Picture) -> Shown:
        """*picture* with everything hidden that must be; the original is left as it is."""
        hidden: list[str] = []
        if self._egress != "plain" and self._masks:
            picture = fill(picture, self._masks)
            hidden.append("masks")
        if self._egress == "pixelated":
            picture = pixelate(picture)
            hidden.append("whole")
        return Shown(picture, self._egress, tuple(hidden))


def fill(picture: Picture, masks: tuple[Polygon, ...]) -> Picture:
    """A copy with every polygon filled, its border included."""
    filled = picture.copy()
    height, width = picture.shape[:2]
    for mask in masks:
        corners = np.rint(np.array(mask) * (width, height)).astype(np.int32)
        cv2.fillPoly(filled, [corners], FILL)
        cv2.polylines(filled, [corners], True, FILL, thickness=3)  # noqa: FBT003 - closed; a rounded edge hides too much, never too little
    return filled


def pixelate(picture: Picture, columns: int = COLUMNS) -> Picture:
    """A copy of the same size in which every block has one colour, the mean of what was there."""
    height, width = picture.shape[:2]
    rows = max(1, round(columns * height / width))
    blocks = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)
