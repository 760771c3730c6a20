"""Whether a camera still sees what it is there to see, from one small grey picture every few seconds.

Each sample is held against the view that was learned: block by block, up to gain and brightness, so that light
alone changes nothing. A block counts only where the view has something to recognise. What is no longer recognised
is explained (another place, soft, behind a film, behind something flat) before it is called tampering, and the dark
is no tampering. An alarm takes several samples and is told once; it ends when the view is recognised again.

Pure; one thread. Imports OpenCV: only the camera's child may import this module.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.surveillance.look import Look

Sample = NDArray[np.uint8]
"""`ROWS` x `COLUMNS`, grey."""
Plane = NDArray[np.float32]

COLUMNS, ROWS = 160, 120
BLOCK = 20
"""Pixels a side: 8 x 6 blocks."""

CONFIRM_S = 3.9
"""How long it must look tampered before it is said: three samples where a key frame comes every two seconds."""
FORGET_S = 20.0
"""A sample that looked tampered is no longer held against those that come so much later."""
CLEAR_S = 5.9
"""How long the view must be recognised before an alarm is over."""
FROZEN_S = 5.9
"""How long not one pixel changes before the picture is said to be frozen."""
WARM_UP = 8
"""Quiet samples that make a view."""
FEATURELESS_S = 60.0
"""Nothing to learn for so long: something is before the lens since the start."""

_DARK = 36.0
"""Mean brightness; video's black is 16."""
_BLACK = 16.0
_TEXTURE = 4.0
"""Standard deviation from which a block can be recognised."""
_KNOWN = 0.5
"""Correlation from which a block is recognised."""
_STILL = 0.02
"""Mean difference below which two pictures are the same: no sensor is so quiet."""
_ADAPT_EVERY_S = 10.0
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
        self._edges = _dilated(np.abs(fine) >= np.quantile(np.abs(fine), 0.9))
        self.fineness = self.sharpness(fine)
        self.gradient = _gradient(self.soft)

    @classmethod
    def learnt(cls, samples: Sequence[Sample]) -> "View | None":
        """What *samples* have in common; None when that is nothing, or nothing that can be recognised."""
        view = cls(np.median(np.stack(samples), axis=0).astype(np.float32))
        if view.mean + _BLACK < _DARK or not view.is_recognisable:
            return None
        clear = sum(look(view, sample)[0] is Look.CLEAR for sample in samples)
        return view if 4 * clear >= 3 * len(samples) else None

    @property
    def is_recognisable(self) -> bool:
        return int(self.textured.sum()) >= 4

    def sharpness(self, fine: Plane) -> float:
        """The energy of *fine* where this view has edges, less the noise that is everywhere."""
        energy = np.square(fine)
        noise = float(np.median(energy[~self._edges])) / 0.455  # the median of a squared normal variable
        return float(np.sqrt(max(0.0, float(energy[self._edges].mean()) - noise)))

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
    if float(sample.mean()) < _DARK:
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


class Sentry:
    """Learns a view, watches it, and says what is wrong with it: once, and until it is over."""

    def __init__(self, learnt: Sample | None = None, state: Look = Look.CLEAR) -> None:
        """*learnt* and *state* are `background` and `state` of before: they outlive the process that learned."""
        self._view = View(learnt.astype(np.float32)) if learnt is not None else None
        self._adapted_at = -_ADAPT_EVERY_S
        self._learning: deque[Sample] = deque(maxlen=WARM_UP)
        self._learning_since: float | None = None
        self._before: Sample | None = None
        self._same_since = 0.0
        self._suspects: deque[tuple[float, Look]] = deque(maxlen=32)
        """The samples in a row that looked tampered with."""
        self._other: tuple[float, Look] | None = None
        """What it looks like that is no tampering, and since when."""
        self.state = state if learnt is not None else Look.CLEAR
        """What is said now: clear, dark, or the alarm that is on."""

    @property
    def background(self) -> Sample | None:
        """The view as it is known now; None: nothing was learned yet."""
        return np.clip(self._view.picture, 0, 255).astype(np.uint8) if self._view is not None else None

    def see(self, sample: Sample, at: float) -> Look:
        """Take in what was seen at the monotonic time *at*; the new `state`."""
        if self._view is None:
            return self._learn(sample, at)
        verdict, _ = look(self._view, sample)
        if self._is_frozen(sample, at) and verdict in (Look.CLEAR, Look.UNSURE):
            verdict = Look.FROZEN
        self._turn(verdict, at)
        if self.state is verdict is Look.CLEAR and at - self._adapted_at >= _ADAPT_EVERY_S:
            self._view = self._view.adapted(sample, _ADAPT_EVERY_S)
            self._adapted_at = at
        return self.state

    def _learn(self, sample: Sample, at: float) -> Look:
        self._learning_since = at if self._learning_since is None else self._learning_since
        self._learning.append(sample)
        if len(self._learning) == WARM_UP:
            self._view = View.learnt(self._learning)
            if self._view is not None:
                self.state = Look.CLEAR
            elif float(sample.mean()) < _DARK:
                self.state = Look.DARK
            elif at - self._learning_since >= FEATURELESS_S and not View(sample.astype(np.float32)).is_recognisable:
                self.state = Look.COVERED
        return self.state

    def _is_frozen(self, sample: Sample, at: float) -> bool:
        before, self._before = self._before, sample
        if before is None or float(cv2.absdiff(sample, before).mean()) > _STILL:
            self._same_since = at
        return at - self._same_since >= FROZEN_S

    def _turn(self, verdict: Look, at: float) -> None:
        """A new `state`, once *verdict* has been the same for long enough."""
        if verdict.is_tampering:
            self._other = None
            self._suspect(verdict, at)
        elif verdict is not Look.UNSURE:
            self._suspects.clear()
            if self._other is None or self._other[1] is not verdict:
                self._other = at, verdict
            # The dark hides what an alarm was about; it does not end the alarm.
            stays = verdict is Look.DARK and self.state.is_tampering
            if not stays and at - self._other[0] >= CLEAR_S:
                self.state = verdict

    def _suspect(self, verdict: Look, at: float) -> None:
        if verdict is Look.BLACK and self.state is Look.DARK:
            return  # it was dark before it was black: what could still be seen went with the light
        while self._suspects and at - self._suspects[0][0] > FORGET_S:
            self._suspects.popleft()
        self._suspects.append((at, verdict))
        is_sure = verdict is Look.FROZEN or at - self._suspects[0][0] >= CONFIRM_S
        if is_sure and not self.state.is_tampering:
            self.state = Counter(each for _, each in self._suspects).most_common(1)[0][0]
