"""Where the faces in a picture are. A detector that cannot prove that it sees is none.

YuNet, from a model file that the box's owner puts there, or the cascade that OpenCV 4 brings along (OpenCV 5
has none). Before a detector is trusted it must find a drawn face; whatever goes wrong is `NoFaces`, and the
caller then hides the whole picture. Imports OpenCV, so only the camera's child may import this module.
"""

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

MARGIN = 0.25
"""Of a face's size, hidden on every side of it: hair, ears and chin tell as well."""
SURE = 0.4
"""From this score on it is a face. Low: a face too many costs a few blocks, one too few a person's privacy."""
OVERLAP = 0.3
NEAR = 4
"""Faces that fill the picture are looked for in one so many times smaller."""
SMALLEST_PX = 24
CASCADE = "haarcascade_frontalface_default.xml"


class Box(NamedTuple):
    """A part of a picture in pixels, the lower right edges left out."""

    left: int
    top: int
    right: int
    bottom: int

    def grown(self, share: float, width: int, height: int) -> "Box":
        """Larger by *share* of its own size on every side, within a picture of *width* x *height*."""
        across, down = round(share * (self.right - self.left)), round(share * (self.bottom - self.top))
        return Box(
            max(0, self.left - across),
            max(0, self.top - down),
            min(width, self.right + across),
            min(height, self.bottom + down),
        )


class NoFaces(Exception):
    """Nobody can say where the faces are; the text says why."""


class Faces(Protocol):
    """Finds faces from 32 pixels on, margin included."""

    def find(self, picture: Picture) -> list[Box]:
        """Raises: NoFaces."""
        ...


class YuNet:
    """The detector of OpenCV's model zoo, at two sizes: as it is, and small for who stands before the lens.

    Raises:
        NoFaces: *model* is missing, is no such model, or does not find a face that is there.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise NoFaces(f"{model}: no such file")
        try:
            self._detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), SURE, OVERLAP, 200)
        except (cv2.error, AttributeError) as error:
            raise NoFaces(f"{model}: {_reason(error)}") from error
        _prove(self, str(model))

    def find(self, picture: Picture) -> list[Box]:
        height, width = picture.shape[:2]
        small = cv2.resize(picture, (max(32, width // NEAR), max(32, height // NEAR)), interpolation=cv2.INTER_AREA)
        found: list[Box] = []
        for size in (picture, small):
            x, y = width / size.shape[1], height / size.shape[0]
            for left, top, across, down in self._detect(size):
                box = Box(round(left * x), round(top * y), round((left + across) * x), round((top + down) * y))
                found.append(box.grown(MARGIN, width, height))
        return [box for box in found if box.left < box.right and box.top < box.bottom]

    def _detect(self, picture: NDArray[Any]) -> list[list[float]]:
        try:
            self._detector.setInputSize((picture.shape[1], picture.shape[0]))
            found: Any = self._detector.detect(picture)[1]
        except cv2.error as error:
            raise NoFaces(_reason(error)) from error
        if found is None:
            return []
        if not np.isfinite(found[:, :4]).all():
            raise NoFaces("the model answers with numbers that are none")
        return [[float(value) for value in face[:4]] for face in found]


class Cascade:
    """The detector that comes with OpenCV 4: for faces seen from the front.

    Raises:
        NoFaces: this OpenCV has none.
    """

    def __init__(self) -> None:
        classifier = getattr(cv2, "CascadeClassifier", None)
        if classifier is None:
            raise NoFaces(f"OpenCV {cv2.__version__} has no face detector of its own; faces_model names none either")
        path = Path(cv2.__file__).with_name("data") / CASCADE
        self._cascade = classifier(str(path))
        if self._cascade.empty():
            raise NoFaces(f"{path} cannot be read")
        _prove(self, CASCADE)

    def find(self, picture: Picture) -> list[Box]:
        height, width = picture.shape[:2]
        grey = cv2.equalizeHist(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        try:
            faces = self._cascade.detectMultiScale(grey, 1.1, 2, minSize=(SMALLEST_PX, SMALLEST_PX))
        except cv2.error as error:
            raise NoFaces(_reason(error)) from error
        boxes = [Box(int(x), int(y), int(x + across), int(y + down)) for x, y, across, down in faces]
        return [box.grown(MARGIN, width, height) for box in boxes]


def detector(model: Path | None) -> Faces:
    """YuNet from *model*, or what OpenCV brings along when none is named.

    Raises:
        NoFaces: there is none that works. A named model that does not work is not replaced by a weaker one.
    """
    return Cascade() if model is None else YuNet(model)


def drawn_face(width_px: int) -> Picture:
    """A face of *width_px* in the middle of an empty wall, twice its size: nobody's, but every detector finds it."""
    unit = width_px
    middle = (unit, round(1.3 * unit))
    wall = np.full((2 * middle[1], 2 * unit, 3), 190, np.uint8)

    def oval(x: float, y: float, across: float, down: float, colour: tuple[int, int, int]) -> None:
        centre = (round(middle[0] + x * unit), round(middle[1] + y * unit))
        axes = (max(1, round(across * unit)), max(1, round(down * unit)))
        cv2.ellipse(wall, centre, axes, 0, 0, 360, colour, cv2.FILLED, cv2.LINE_AA)

    oval(0, -0.12, 0.54, 0.65, (30, 34, 40))  # hair
    oval(0, 0, 0.46, 0.61, (140, 170, 215))
    for side in (-0.2, 0.2):
        oval(side, -0.1, 0.11, 0.06, (235, 240, 240))
        oval(side, -0.1, 0.05, 0.05, (30, 25, 25))
        oval(side, -0.2, 0.12, 0.02, (40, 45, 60))
    oval(0, 0.16, 0.1, 0.04, (95, 120, 165))  # nose
    oval(0, 0.36, 0.17, 0.05, (95, 95, 190))  # mouth
    return cv2.GaussianBlur(wall, (0, 0), max(0.4, 0.02 * unit)).astype(np.uint8, copy=False)


def _prove(faces: Faces, name: str) -> None:
    """Raises NoFaces when *faces* does not find a face that is plainly there."""
    face = drawn_face(80)
    x, y = face.shape[1] // 2, face.shape[0] // 2
    if not any(box.left < x < box.right and box.top < y < box.bottom for box in faces.find(face)):
        raise NoFaces(f"{name} does not find a face that is there")


def _reason(error: Exception) -> str:
    """OpenCV's own words without the lines and paths of its sources."""
    return " ".join(str(getattr(error, "err", "") or error).split())[:200]
