"""What a camera looks at, learned, and what one small grey picture looks like to who knows it.

Each sample is held against the view block by block, up to gain and brightness, so that light alone changes nothing.
A block counts only where the view has something to recognise. What is no longer recognised is explained (another
place, soft, behind a film, behind something flat) before it is called tampering, and the dark is no tampering.

Pure. Imports OpenCV: only the camera's child may import this module.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.surveillance.seeing.look import Look

Sample = NDArray[np.uint8]
"""`ROWS` x `COLUMNS`, grey."""
Plane = NDArray[np.float32]

COLUMNS, ROWS = 160, 120
BLOCK = 20
"""Pixels a side: 8 x 6 blocks."""
DARK = 36.0
"""Mean brightness; video's black is 16."""

_BLACK = 16.0
_TEXTURE = 4.0
"""Standard deviation from which a block can be recognised."""
_KNOWN = 0.5
"""Correlation from which a block is recognised."""
_NOISE_STEP = 4
"""Noise is the same everywhere: so many pixels are one sample of it."""
_ADAPT_S, _ADAPT_UNKNOWN_S = 120.0, 3600.0
"""How fast a clear sample goes into the view: what is recognised in minutes, what stands there now in hours."""


def sample_of(luma: NDArray[np.uint8]) -> Sample:
    """*luma*, a picture's brightness at any size, as a sample."""
    return cv2.resize(luma, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


class View:
    """What was learned: the picture, and what of it can be recognised."""

    def __init__(self, picture: Plane) -> None:
        self.picture = picture
        self.mean = float(picture.mean()) - _BLACK
        self.soft = _blurred(picture, 1.0)
        self.deviation = _deviation(self.soft)
        self.textured = self.deviation >= _TEXTURE
        coarse = _coarse(picture)
        self.coarse = coarse - float(coarse.mean())
        fine = _fine(picture)
        edges = _dilated(np.abs(fine) >= np.quantile(np.abs(fine), 0.9))
        self._edges, self._plain = np.flatnonzero(edges), np.flatnonzero(~edges)[::_NOISE_STEP]
        self.fineness = self.sharpness(fine)
        self.gradient = _gradient(self.soft)

    @classmethod
    def learnt(cls, samples: Sequence[Sample]) -> "View | None":
        """What *samples* have in common; None when that is nothing, or nothing that can be recognised."""
        view = cls(np.median(np.stack(samples), axis=0).astype(np.float32))
        if view.mean + _BLACK < DARK or not view.is_recognisable:
            return None
        clear = sum(look(view, sample)[0] is Look.CLEAR for sample in samples)
        return view if 4 * clear >= 3 * len(samples) else None

    @property
    def is_recognisable(self) -> bool:
        return int(self.textured.sum()) >= 4

    def sharpness(self, fine: Plane) -> float:
        """The energy of *fine* where this view has edges, less the noise that is everywhere."""
        energy = float(np.square(fine.take(self._edges)).mean())
        noise = float(np.median(np.abs(fine.take(self._plain)))) ** 2 / 0.455  # the median of a squared normal variable
        return float(np.sqrt(max(0.0, energy - noise)))

    def adapted(self, sample: Sample, seconds: float) -> "View":
        """This view, after *sample* was how it looked for *seconds*; its light is not learned."""
        soft = _blurred(sample.astype(np.float32), 1.0)
        known = (_correlation(self.soft, soft, self.deviation, _deviation(soft)) >= _KNOWN) | ~self.textured
        weights = np.where(known, seconds / _ADAPT_S, seconds / _ADAPT_UNKNOWN_S).astype(np.float32)
        weight = weights.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
        mixed = self.picture + weight * (self._in_this_light(sample.astype(np.float32)) - self.picture)
        view = View(self._in_this_light(mixed))
        return view if view.is_recognisable else self

    def _in_this_light(self, picture: Plane) -> Plane:
        """*picture* as bright and as rich in contrast as the one that was learned."""
        gain = float(self.picture.std()) / max(float(picture.std()), 1.0)
        return ((picture - float(picture.mean())) * gain + float(self.picture.mean())).astype(np.float32, copy=False)


class Likeness(NamedTuple):
    """How a sample compares with the view."""

    known: float
    """Share of the view's textured blocks that are recognised."""
    alive: float
    """Share of them that show something, whatever it is."""
    blind: float
    """Share of all blocks that are too bright to show anything."""
    coarse: float
    """Correlation of the rough shapes."""
    contrast: float
    """Of the rough shapes, as a share of the view's."""
    haze: float
    """`contrast` in relation to the brightness: light changes both, a film on the lens only one."""
    sharpness: float
    """Of edges, as a share of the view's, at equal contrast."""


def likeness(view: View, sample: Sample) -> Likeness:
    """Compare *sample* with *view*, which has something to recognise."""
    picture = sample.astype(np.float32)
    soft = _blurred(picture, 1.0)
    blind = _block_means(picture) > 240.0
    seen = view.textured & ~blind
    if not seen.any():
        return Likeness(0.0, 0.0, float(blind.mean()), 0.0, 0.0, 0.0, 0.0)
    deviation = _deviation(soft)
    known = _correlation(view.soft, soft, view.deviation, deviation)[seen] >= _KNOWN
    brightness = max(0.05, (float(picture.mean()) - _BLACK) / max(view.mean, 1.0))
    alive = deviation[seen] >= 0.3 * min(1.0, brightness) * view.deviation[seen]
    coarse = _coarse(picture)
    coarse -= float(coarse.mean())
    both, ours = float((coarse * view.coarse).mean()), float(np.square(view.coarse).mean())
    contrast = both / max(ours, 1e-3)
    alike = both / max(float(np.sqrt(ours * np.square(coarse).mean())), 1e-3)
    sharpness = view.sharpness(_fine(picture)) / max(view.fineness * max(contrast, 0.02), 1e-3)
    return Likeness(
        float(known.mean()), float(alive.mean()), float(blind.mean()), alike, contrast, contrast / brightness, sharpness
    )


def look(view: View, sample: Sample) -> tuple[Look, Likeness]:
    """What *sample* looks like to who knows *view*."""
    like = likeness(view, sample)
    if float(sample.mean()) < DARK:
        return (Look.DARK if like.coarse >= 0.35 else Look.BLACK), like
    return _explained(view, sample, like), like


def _explained(view: View, sample: Sample, like: Likeness) -> Look:
    if like.blind > 0.75:
        return Look.COVERED
    if like.coarse > 0.6 and like.haze < 0.33:
        return Look.SPRAYED
    if like.coarse > 0.75 and like.sharpness < 0.62:
        return Look.DEFOCUSED
    return Look.CLEAR if like.known >= 0.6 else _unrecognised(view, sample, like)


def _unrecognised(view: View, sample: Sample, like: Likeness) -> Look:
    if _has_moved(view, sample, like.known):
        return Look.MOVED
    if like.alive < 0.45:
        return Look.COVERED
    if like.known < 0.3:
        return Look.MOVED if like.alive > 0.65 else Look.COVERED
    return Look.UNSURE  # somebody stands very close


def _has_moved(view: View, sample: Sample, known: float) -> bool:
    """Whether *view* is recognised at another place in *sample*."""
    soft = _blurred(sample.astype(np.float32), 1.0)
    (x, y), _ = cv2.phaseCorrelate(view.gradient, _gradient(soft))
    columns, rows = round(x), round(y)
    if max(abs(columns), abs(rows)) < 3 or abs(columns) > COLUMNS // 2 or abs(rows) > ROWS // 2:
        return False
    back = np.roll(soft, (-rows, -columns), axis=(0, 1))
    inside = np.zeros((ROWS, COLUMNS), np.float32)
    inside[max(0, -rows) : ROWS - max(0, rows), max(0, -columns) : COLUMNS - max(0, columns)] = 1.0
    whole = (_block_means(inside) > 0.99) & view.textured
    if whole.sum() < 3:
        return False
    there = _correlation(view.soft, back, view.deviation, _deviation(back))[whole] >= _KNOWN
    return float(there.mean()) >= max(0.5, known + 0.25)


def _blurred(picture: Plane, sigma: float) -> Plane:
    return cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32, copy=False)


def _fine(picture: Plane) -> Plane:
    return picture - _blurred(picture, 1.2)


def _coarse(picture: Plane) -> Plane:
    """The rough shapes alone: blocks of four pixels."""
    return cv2.resize(picture, (COLUMNS // 4, ROWS // 4), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _gradient(soft: Plane) -> Plane:
    """How steep it is everywhere, fading out towards the frame, which stays where it is."""
    steep = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    return (steep * _WINDOW).astype(np.float32, copy=False)


def _dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _block_means(picture: Plane) -> Plane:
    return cv2.resize(picture, (COLUMNS // BLOCK, ROWS // BLOCK), interpolation=cv2.INTER_AREA).astype(np.float32)


def _deviation(picture: Plane) -> Plane:
    means = _block_means(picture)
    return np.sqrt(np.maximum(_block_means(picture * picture) - means * means, 0))


def _correlation(first: Plane, second: Plane, first_deviation: Plane, second_deviation: Plane) -> Plane:
    """Of two pictures, block by block."""
    together = _block_means(first * second) - _block_means(first) * _block_means(second)
    correlation: Plane = together / np.maximum(first_deviation * second_deviation, 1e-3)
    return correlation


_WINDOW = cv2.createHanningWindow((COLUMNS, ROWS), cv2.CV_32F)
