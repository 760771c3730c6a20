"""What of a picture may leave the box. The only door: a picture that did not pass `Egress` is never encoded.

First the masks are filled, whatever the egress; then, unless the box's owner wrote otherwise, whatever is not
the learned backdrop is pixelated, and the faces in what remains. Fails closed: without a backdrop, or
without a detector that works, everything is pixelated, coarsely. Imports OpenCV, so only the camera's child
may import this module.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.surveillance.egress.backdrop import Backdrop, Mask
from agent.surveillance.egress.faces import Box, Faces, NoFaces
from agent.surveillance.polygon import Polygon

Picture = NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 8 bits."""

COLUMNS = 24
"""Blocks across a pixelated picture: a face that fills an eighth of it becomes three blocks wide."""
FACE_COLUMNS = 4
"""Blocks across a face, its margin included, however large it is."""
WIDEST_PX = 1280
"""A pixelated picture is not wider: faces are looked for in it within a bounded time."""
FILL = (96, 96, 96)
"""What masked ground looks like."""
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Shown:
    """A picture that may leave, and what was hidden in it."""

    picture: Picture
    egress: str
    hidden: tuple[str, ...]

    def jpeg(self, quality: int = JPEG_QUALITY) -> bytes:
        """Encoded in memory, without metadata."""
        done, data = cv2.imencode(".jpg", self.picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise ValueError("the picture could not be encoded")
        return bytes(data)


class Egress:
    """The rules of one camera: `pixelated`, `masked` or `plain`, and its masks.

    *faces* finds faces; without it, or without *backdrop*, a pixelated picture is pixelated whole.

    Raises:
        ValueError: unknown egress, or a mask that encloses nothing: better no picture than a wrong one.
    """

    def __init__(
        self,
        egress: str,
        masks: tuple[Polygon, ...] = (),
        *,
        faces: Faces | None = None,
        backdrop: Backdrop | None = None,
    ) -> None:
        if egress not in ("pixelated", "masked", "plain"):
            raise ValueError(f'unknown egress "{egress}": pixelated, masked and plain are known')
        for mask in masks:
            if len(mask) < 3:
                raise ValueError(f"a mask with {len(mask)} corners encloses nothing")
        self._egress = egress
        self._masks = masks
        self._faces = faces
        self._backdrop = backdrop

    @property
    def learns(self) -> bool:
        """Whether it wants to see what nobody asked for: `learn`."""
        return self._egress == "pixelated" and self._faces is not None and self._backdrop is not None

    def learn(self, picture: Picture, at: float) -> None:
        """Take *picture*, seen *at* (`time.monotonic()`), for a look at the backdrop."""
        if self._backdrop is not None:
            self._backdrop.see(picture, at)

    def relearn(self) -> None:
        """The camera is meant to look at another place: nothing of it is known."""
        if self._backdrop is not None:
            self._backdrop.forget()

    def show(self, picture: Picture) -> Shown:
        """*picture* with everything hidden that must be; the original is left as it is."""
        (shown,) = self.show_all([picture])
        return shown

    def show_all(self, pictures: Iterable[Picture]) -> list[Shown]:
        """Pictures that follow each other: a face found in one is hidden in all, for it may be missed there."""
        veiled = [self._veil(picture) for picture in pictures]
        faces = {box for each in veiled for box in each.faces or ()}
        return [self._hide(each, sorted(faces)) for each in veiled]

    def _veil(self, picture: Picture) -> "_Veiled":
        foreign: Mask | None = None
        found: list[Box] | None = None
        filled = fill(picture, self._masks) if self._masks else picture
        if self._egress == "pixelated":
            filled = _narrowed(filled)
            if self._faces is not None and self._backdrop is not None:
                foreign = self._backdrop.foreign(picture)
                found = None if foreign is None else self._find(filled)
        return _Veiled(filled, foreign, found)

    def _find(self, picture: Picture) -> list[Box] | None:
        """None: nobody can say."""
        try:
            return self._faces.find(picture) if self._faces is not None else None
        except NoFaces:
            return None

    def _hide(self, veiled: "_Veiled", faces: Sequence[Box]) -> Shown:
        picture = veiled.picture
        hidden = ["masks"] if self._masks else []
        if self._egress != "pixelated":
            return Shown(picture, self._egress, tuple(hidden))
        if veiled.foreign is None or veiled.faces is None:
            return Shown(pixelate(picture), self._egress, (*hidden, "whole"))
        if veiled.foreign.any():
            picture = pixelate_where(picture, veiled.foreign)
            hidden.append("people")
        if faces:
            picture = blur_faces(picture, faces)
            hidden.append("faces")
        return Shown(picture, self._egress, tuple(hidden))


@dataclass(frozen=True)
class _Veiled:
    """A picture with its masks filled, and what else is to be hidden in it; None: everything."""

    picture: Picture
    foreign: Mask | None
    faces: list[Box] | None


def _narrowed(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    if width <= WIDEST_PX:
        return picture
    size = (WIDEST_PX, max(1, round(height * WIDEST_PX / width)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


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


def pixelate_where(picture: Picture, foreign: Mask, columns: int = COLUMNS) -> Picture:
    """A copy pixelated in every block with something of *foreign*, in those around it, and in what they enclose."""
    height, width = picture.shape[:2]
    rows = max(1, round(columns * height / width))
    share = cv2.resize(foreign.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    blocks = cv2.dilate((share > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(blocks, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(blocks, outlines, -1, 1, cv2.FILLED)
    where = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.bool_)
    return np.where(where[:, :, None], pixelate(picture, columns), picture).astype(np.uint8, copy=False)


def blur_faces(picture: Picture, faces: Sequence[Box]) -> Picture:
    """A copy in which every face is a few blocks, and so is every group of faces that touch."""
    hidden = picture.copy()
    for left, top, right, bottom in _joined(faces):
        hidden[top:bottom, left:right] = pixelate(picture[top:bottom, left:right], FACE_COLUMNS)
    return hidden


def _joined(boxes: Sequence[Box]) -> list[Box]:
    """*boxes* with those that touch made one: what two grids of blocks leave of one face may tell more than each."""
    joined: list[Box] = []
    for box in boxes:
        whole = box
        while touching := next((other for other in joined if _touch(other, whole)), None):
            joined.remove(touching)
            whole = Box(*map(min, touching[:2], whole[:2]), *map(max, touching[2:], whole[2:]))
        joined.append(whole)
    return joined


def _touch(one: Box, other: Box) -> bool:
    return one.left <= other.right and other.left <= one.right and one.top <= other.bottom and other.top <= one.bottom
