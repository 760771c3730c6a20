"""The counter as it looks when nobody is there, learned from what does not change. What differs is foreign.

Slow on purpose: a place is learned after a quarter of an hour of stillness, and what stands before it
becomes the place itself only after a working day of stillness: whoever sits and waits stays foreign. In doubt (not yet
learned, too dark, a moved camera) all is foreign. What was learned is kept in a file on the box, so that a camera that
was restarted need not be seen still for a quarter of an hour again. Belongs to one thread; imports OpenCV, so only the
camera's child may import this module.
"""

import logging
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.files import replace_file

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
"""Height x width of the backdrop: true where something foreign is."""

SIZE = (320, 180)
"""Width and height it is learned in: a face of 32 pixels in a picture 1280 wide is 8 here."""
NOISE = 14
"""Levels of 255 by which a still place may differ from itself: the sensor's grain and the coding's."""
LEARN_S = 15 * 60.0
ABSORB_S = 8 * 3600.0
LONGEST_GAP_S = 60.0
"""Without a picture for so long nobody knows whether it was still."""
LIGHT = (0.6, 1.6)
"""As much darker or brighter than when it was learned it may be."""
LIT = 24
"""Mean level below which it is too dark to tell people from walls."""
MOST_FOREIGN = 0.6
"""More than this share is no visitor: the lamps, the camera or the lens are not what they were."""
FOLLOW = 1 / 64
"""Share of a still place's difference that is taken over each time: daylight comes and goes."""
KEEP_EVERY_S = 3600.0
KEEP_GROWN = 0.1
"""When so much more of the picture is known it is kept at once."""
_PIXELS = SIZE[0] * SIZE[1]


class Backdrop:
    """Learns from `see`, tells by `foreign`."""

    def __init__(self, file: Path | None = None) -> None:
        """*file* holds what an earlier process learned; None: nothing is kept."""
        self._file = file
        self._begin()
        self._kept_at: float | None = None
        if file is not None:
            with suppress(OSError):
                self._recall(file.read_bytes())
        self._kept_share = float(self._known.mean())

    def forget(self) -> None:
        """The place is another one, or to be learned anew: nothing of it stays, not on the card either."""
        self._begin()
        self._kept_at, self._kept_share = None, 0.0
        if self._file is None:
            return
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("what the counter looked like stays on the card: %s", error)

    def _begin(self) -> None:
        """Know nothing."""
        self._learned = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
        self._known = np.zeros((SIZE[1], SIZE[0]), np.bool_)
        self._standing = np.zeros_like(self._learned)
        self._since = np.full((SIZE[1], SIZE[0]), np.inf)
        self._seen_at = float("-inf")

    def see(self, picture: Picture, at: float) -> None:
        """Learn from *picture*, seen *at* (`time.monotonic()`)."""
        small = self._lit(_small(picture))
        if small is None or self._is_other(small):
            return
        if at - self._seen_at > LONGEST_GAP_S:
            self._since[:] = np.inf
        self._seen_at = at
        still = _alike(small, self._standing) & np.isfinite(self._since)
        _follow(self._standing, small, still)
        _take_over(self._standing, small, ~still)
        np.putmask(self._since, ~still, at)
        fits = self._known & _alike(small, self._learned)
        _follow(self._learned, small, fits)
        since = self._since
        taken = ((since <= at - ABSORB_S) | (~self._known & (since <= at - LEARN_S))) & ~fits
        _take_over(self._learned, self._standing, taken)
        self._known |= taken
        self._keep(at)

    def _keep(self, at: float) -> None:
        """Write down what is known, now and then; a card that refuses costs a quarter of an hour after a restart."""
        if self._file is None or not self._known.any():
            return
        if self._kept_at is None:
            self._kept_at = at
        has_grown = abs(float(self._known.mean()) - self._kept_share) >= KEEP_GROWN
        if not has_grown and at - self._kept_at < KEEP_EVERY_S:
            return
        self._kept_at, self._kept_share = at, float(self._known.mean())
        learned = np.rint(self._learned).clip(0, 255).astype(np.uint8)
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, learned.tobytes() + np.packbits(self._known).tobytes())
        except OSError as error:
            log.warning(
                "what the counter looks like is not on the card, and is learned again after a restart: %s", error
            )

    def _recall(self, kept: bytes) -> None:
        if len(kept) != 3 * _PIXELS + _PIXELS // 8:
            return
        self._learned = np.frombuffer(kept, np.uint8, 3 * _PIXELS).reshape(SIZE[1], SIZE[0], 3).astype(np.float32)
        known = np.unpackbits(np.frombuffer(kept, np.uint8, offset=3 * _PIXELS))
        self._known = known.reshape(SIZE[1], SIZE[0]).astype(np.bool_)

    def foreign(self, picture: Picture) -> Mask | None:
        """Where *picture* differs from the backdrop; None while nobody can say: all of it may be foreign."""
        small = self._lit(_small(picture))
        if small is None:
            return None
        strange: Mask = ~(self._known & _alike(small, self._learned))
        return None if strange.mean() > MOST_FOREIGN else strange

    def _is_other(self, small: NDArray[np.float32]) -> bool:
        """Whether this is no picture of what was learned: another light, or another place."""
        return bool(self._known.any() and (~_alike(small, self._learned))[self._known].mean() > MOST_FOREIGN)

    def _lit(self, small: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """*small* as it would be in the light it was learned in; None: too dark, or another light altogether."""
        if small.mean() < LIT:
            return None
        if not self._known.any():
            return small
        some = (slice(None, None, 4), slice(None, None, 4))
        known = self._known[some]
        if not known.any():
            return None
        light = np.median((self._learned[some][known] + 1) / (small[some][known] + 1))
        return small * np.float32(light) if LIGHT[0] <= light <= LIGHT[1] else None


def _small(picture: Picture) -> NDArray[np.float32]:
    small = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
    return cv2.blur(small, (3, 3)).astype(np.float32)


def _follow(kept: NDArray[np.float32], seen: NDArray[np.float32], where: Mask) -> None:
    """Let *kept* come a little nearer to *seen*."""
    cv2.accumulateWeighted(seen, kept, FOLLOW, mask=where.view(np.uint8))


def _take_over(kept: NDArray[np.float32], seen: NDArray[np.float32], where: Mask) -> None:
    """Let *kept* be what was *seen*."""
    cv2.copyTo(seen, where.view(np.uint8), kept)


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> Mask:
    return cv2.inRange(cv2.absdiff(one, other), (0, 0, 0), (NOISE, NOISE, NOISE)).astype(np.bool_)
