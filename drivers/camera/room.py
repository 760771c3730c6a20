"""The drawn counter that the simulated camera looks at: a desk, an officer, a citizen who comes and goes.

A picture is a function of the moment alone, so a test can say what must be in it. Imports OpenCV:
only an opened `SimCamera` may import this module.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height x width x 3, blue-green-red, 8 bits."""

VISIT_EVERY_S = 50.0
"""A citizen comes in, stays at the desk and leaves within 20 s, once in this time."""
_WALL, _FLOOR, _DESK, _DESK_EDGE = (196, 205, 208), (120, 138, 150), (60, 96, 140), (40, 68, 104)
_UNIFORM, _SHIRT, _SKIN, _HAIR, _INK = (62, 96, 74), (170, 96, 60), (150, 180, 214), (32, 30, 34), (40, 40, 40)
_NOISES = 4


class Room:
    """Draws the counter at one size; the camera's own noise included, so that no two pictures are alike."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._width, self._height = width_px, height_px
        self._empty = self._furnish()
        grain = np.random.default_rng(40)
        self._noise = [grain.normal(0, 1.5, self._empty.shape).astype(np.int8) for _ in range(_NOISES)]

    def draw(self, seconds: float, frame: int) -> Picture:
        """The counter *seconds* after the camera was switched on."""
        citizen = _walk(seconds % VISIT_EVERY_S)
        return self._counter(seconds, frame, citizen + 0.004 * math.sin(seconds * 5) if citizen is not None else None)

    def empty(self, seconds: float, frame: int) -> Picture:
        """Nobody comes."""
        return self._counter(seconds, frame, None)

    def sitting(self, seconds: float, frame: int) -> Picture:
        """A citizen sits at the desk and does not move."""
        return self._counter(seconds, frame, 0.4)

    def _counter(self, seconds: float, frame: int, citizen: float | None) -> Picture:
        picture = self._empty.copy()
        self._clock(picture, seconds)
        self._person(picture, x=0.62 + 0.03 * math.sin(seconds / 2), y=0.30, cloth=_UNIFORM)
        self._desk(picture)
        if citizen is not None:
            self._person(picture, x=citizen, y=0.42, cloth=_SHIRT)
        self._write(picture, f"{int(seconds // 60):02d}:{seconds % 60:04.1f}  #{frame}")
        return self._grained(picture, frame)

    def dark(self, seconds: float, frame: int) -> Picture:
        """The same with the lamps out."""
        return cv2.convertScaleAbs(self.draw(seconds, frame), alpha=0.06).astype(np.uint8)

    def black(self, _seconds: float, frame: int) -> Picture:
        """A cap on the lens: the sensor's own noise."""
        return self._grained(np.full_like(self._empty, 4), frame)

    def covered(self, _seconds: float, frame: int) -> Picture:
        """A hand over the lens: nearly even, warm and dim."""
        return self._grained(np.full_like(self._empty, (30, 34, 52)), frame)

    def sprayed(self, seconds: float, frame: int) -> Picture:
        """Through a film of grey paint."""
        return cv2.convertScaleAbs(self.draw(seconds, frame), alpha=0.12, beta=125).astype(np.uint8)

    def defocused(self, seconds: float, frame: int) -> Picture:
        """With the lens turned out of focus."""
        return cv2.GaussianBlur(self.draw(seconds, frame), (0, 0), self._width / 90).astype(np.uint8)

    def moved(self, seconds: float, frame: int) -> Picture:
        """Turned to the right, by an eighth of the picture."""
        shift = np.array([[1, 0, -self._width / 8], [0, 1, 0]], np.float32)
        turned = cv2.warpAffine(
            self.draw(seconds, frame), shift, (self._width, self._height), borderMode=cv2.BORDER_REFLECT
        )
        return turned.astype(np.uint8)

    def _furnish(self) -> Picture:
        picture = np.empty((self._height, self._width, 3), np.uint8)
        picture[:] = _WALL
        self._box(picture, (0.0, 0.72), (1.0, 1.0), _FLOOR)
        self._box(picture, (0.06, 0.12), (0.26, 0.46), (236, 226, 214))  # a window
        self._box(picture, (0.155, 0.12), (0.165, 0.46), _INK)
        self._box(picture, (0.40, 0.08), (0.84, 0.16), (52, 52, 168))  # the unit's sign
        for stripe in range(6):
            self._box(picture, (0.44 + 0.06 * stripe, 0.105), (0.48 + 0.06 * stripe, 0.135), (90, 220, 240))
        return picture

    def _desk(self, picture: Picture) -> None:
        self._box(picture, (0.34, 0.60), (0.98, 0.92), _DESK)
        self._box(picture, (0.33, 0.57), (0.99, 0.61), _DESK_EDGE)
        self._box(picture, (0.80, 0.42), (0.93, 0.57), _INK)  # the officer's monitor

    def _person(self, picture: Picture, *, x: float, y: float, cloth: tuple[int, int, int]) -> None:
        head = round(0.065 * self._height)
        centre = self._at(x, y)
        shoulders = (centre[0], centre[1] + round(4.2 * head))
        cv2.ellipse(picture, shoulders, (2 * head, 3 * head), 0, 0, 360, cloth, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(picture, centre, (head, round(1.25 * head)), 0, 0, 360, _SKIN, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(picture, centre, (head, round(1.25 * head)), 0, 180, 360, _HAIR, cv2.FILLED, cv2.LINE_AA)

    def _clock(self, picture: Picture, seconds: float) -> None:
        centre, radius = self._at(0.33, 0.20), round(0.06 * self._height)
        cv2.circle(picture, centre, radius, (250, 250, 250), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(picture, centre, radius, _INK, 1, cv2.LINE_AA)
        turn = seconds / 60 * math.tau
        tip = (centre[0] + round(0.85 * radius * math.sin(turn)), centre[1] - round(0.85 * radius * math.cos(turn)))
        cv2.line(picture, centre, tip, (40, 40, 200), 1, cv2.LINE_AA)

    def _write(self, picture: Picture, text: str) -> None:
        size = self._height / 720
        origin = self._at(0.02, 0.97)
        cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1, cv2.LINE_AA)

    def _grained(self, picture: Picture, frame: int) -> Picture:
        return cv2.add(picture, self._noise[frame % _NOISES], dtype=cv2.CV_8U).astype(np.uint8, copy=False)

    def _box(
        self, picture: Picture, first: tuple[float, float], last: tuple[float, float], colour: tuple[int, int, int]
    ) -> None:
        cv2.rectangle(picture, self._at(*first), self._at(*last), colour, cv2.FILLED)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(x * self._width), round(y * self._height)


def _walk(seconds: float) -> float | None:
    """Where the citizen is, in fractions of the width, *seconds* into the cycle; None while nobody is there."""
    if seconds < 4:
        return -0.1 + 0.5 * seconds / 4
    if seconds < 16:
        return 0.4
    if seconds < 20:
        return 0.4 - 0.5 * (seconds - 16) / 4
    return None
