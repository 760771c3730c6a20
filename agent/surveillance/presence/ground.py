"""What the camera sees when nobody is there, and how large the largest thing is that does not belong to it.

The ground is what stood in each place longest, in brightness as the eye feels it, so that light adds to it and is taken
off again. What is new becomes ground when it, and all around it, has not moved at all for half an hour: a chair does,
somebody who sits there does not, for nobody sits so still. A patch in which the texture of the ground shows
through is a shadow or a lamp, and too much at once is another light: then nobody can say (None).

Pure; one thread (a `glance` is for another). Imports OpenCV: only the camera's child may import this module.
"""

from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.surveillance.luma import COLUMNS, ROWS, Luma, shrunk
from agent.surveillance.polygon import Polygon

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLOCK = 10
"""Pixels a side: 32 x 18 blocks."""
ABSORB_S = 1800.0
"""So long nothing may have moved, in and around a thing, before it is part of the place."""
BEGINNING_S = 600.0
"""Until then whatever stood longest is the ground: there is nothing better yet."""
WARM_S = 10.0
"""Nothing is said before it has looked for so long."""
LEAST = 0.006
"""Share of the area from which a foreign patch is somebody; and never less than `LEAST_PX`."""
LEAST_PX = 120
MOST = 0.6
"""A larger share of the picture is no visitor."""
DARK = 24.0
"""Mean brightness below which nobody can be told from the wall."""

_NOISE = 9.0
"""What a place may differ from itself; and three times what it usually does."""
_SPREAD_MOST = 6.0
_NEAR = 4.0
"""Daylight changes a place by less from one picture to the next."""
_FOLLOW_S = 60.0
"""How fast the ground goes along with daylight."""
_TEXTURE = 4.0
_SAME = 0.75
"""Standard deviation from which a block can be recognised, and the correlation from which it is."""
_STIRRED = 0.04
"""Share of a block that must change to say that something moved there."""
_RESTLESS, _RESTLESS_S = 0.3, 120.0
"""A block in which something moves so often, and how fast that is learned."""
_HOT = 0.3
"""Share of a block that must differ."""
_SETTLE_EVERY_S = 5.0
_SHAKE = np.ones((3, 3), np.uint8)
_SOME = (slice(None, None, 8), slice(None, None, 8))
"""Pixels enough to tell the light by."""
_OTHER_LIGHT_S = 20.0
_FELT = (148 * np.log((np.arange(256) + 48) / 48)).astype(np.float32)
"""A step of brightness counts more in the dark; at mid-grey one is one."""


class Judgement(NamedTuple):
    """What one picture looks like to who knows the ground."""

    size: float | None
    lit: Plane
    """The picture, in the light of the ground."""
    foreign: Mask
    share: Plane
    """Of each block, how much is foreign."""


class Glance(NamedTuple):
    """The ground at one moment: what judges pictures without learning from them. For any one thread."""

    ground: Plane
    low: Plane
    high: Plane
    """What a place may look like, if the camera shakes a little."""
    area: NDArray[np.float32]
    least_px: float

    def foreign(self, luma: Luma) -> float | None:
        """The largest foreign patch of *luma* as a multiple of the smallest somebody; None: nobody can say."""
        felt = _felt(luma)
        return None if felt is None else self.judge(felt).size

    def judge(self, felt: Plane) -> Judgement:
        """The same of a felt picture, and why."""
        lit = felt - np.float32(np.median(felt[_SOME] - self.ground[_SOME]))
        foreign = (lit < self.low) | (lit > self.high)
        share = _blocks(foreign.astype(np.float32))
        if float(share.mean()) > MOST:
            return Judgement(None, lit, foreign, share)
        hot = share > _HOT
        if not hot.any():  # as at most times: there is nothing to tell from a shadow
            return Judgement(0.0, lit, foreign, share)
        hot &= ~self._shines_through(lit)
        here = share * self.area * hot
        _, labels = cv2.connectedComponents(hot.astype(np.uint8), connectivity=8)
        sizes = np.bincount(labels.ravel(), weights=here.ravel())
        return Judgement(float(sizes[1:].max(initial=0.0)) * BLOCK**2 / self.least_px, lit, foreign, share)

    def _shines_through(self, lit: Plane) -> Mask:
        """The blocks in which the ground's own texture is seen."""
        one, two = _half(self.ground), _half(lit)
        ours, theirs = _blocks(one), _blocks(two)
        own = np.sqrt(np.maximum(_blocks(one * one) - ours * ours, 0))
        other = np.sqrt(np.maximum(_blocks(two * two) - theirs * theirs, 0))
        together = _blocks(one * two) - ours * theirs
        seen: Mask = (own > _TEXTURE) & (together > _SAME * own * np.maximum(other, 1e-3))
        return seen


class Ground:
    """Learns from `see`."""

    def __init__(self, area: Polygon | None = None) -> None:
        """*area*, in fractions of the picture, is where somebody counts; None: anywhere."""
        self._area = _area(area)
        self._least_px = max(LEAST_PX, LEAST * float(self._area.sum()) * BLOCK**2)
        self._ground = np.zeros((ROWS, COLUMNS), np.float32)
        self._spread = np.full((ROWS, COLUMNS), 1.0, np.float32)
        self._low = self._high = self._ground
        self._standing = np.zeros((ROWS, COLUMNS), np.float32)
        self._since = np.zeros((ROWS, COLUMNS), np.float32)
        self._held = np.zeros((ROWS, COLUMNS), np.float32)
        """How long the ground has stood in one piece, at most."""
        self._stirred_at = np.zeros((ROWS // BLOCK, COLUMNS // BLOCK), np.float32)
        self._restless = np.zeros_like(self._stirred_at)
        """How often something moves in a block where nobody is."""
        self._began_at: float | None = None
        self._seen_at = 0.0
        self._settled_at = 0.0
        self._known_s = 0.0

    @classmethod
    def known(cls, picture: bytes, area: Polygon | None = None) -> Self:
        """The ground that an earlier process learned; a new one where *picture* is none."""
        ground = cls(area)
        if len(picture) == COLUMNS * ROWS:
            ground._ground = np.frombuffer(picture, np.uint8).reshape(ROWS, COLUMNS).astype(np.float32)
            ground._known_s = BEGINNING_S
        return ground

    @property
    def picture(self) -> bytes:
        """What `known` takes; empty while it is too young to be worth keeping."""
        if self._known_s < BEGINNING_S:
            return b""
        return np.clip(np.rint(self._ground), 0, 255).astype(np.uint8).tobytes()

    def glance(self) -> Glance:
        """The ground as it is now, once something was seen."""
        return Glance(self._ground.copy(), self._low, self._high, self._area, self._least_px)

    def see(self, luma: Luma, at: float) -> float | None:
        """What `Glance.foreign` says of *luma*, seen at the monotonic time *at*; then learn from it."""
        felt = _felt(luma)
        if felt is None:
            return None
        if self._began_at is None:
            self._began_at = self._seen_at = self._settled_at = at
            self._standing[:] = felt
            if not self._known_s:
                self._ground[:] = felt
            self._allow()
        passed_s = min(at - self._seen_at, 10.0)
        self._seen_at = at
        self._known_s += passed_s
        glance = Glance(self._ground, self._low, self._high, self._area, self._least_px)
        judged = glance.judge(felt)
        self._follow(judged, passed_s)
        self._stand(judged, at - self._began_at, passed_s)
        if at - self._settled_at >= _SETTLE_EVERY_S:
            self._settled_at = at
            self._settle(at - self._began_at, is_other=judged.size is None)
            self._allow()
        return judged.size if self._known_s >= WARM_S else None

    def _allow(self) -> None:
        """Say anew what each place may look like."""
        tolerance = _NOISE + 3 * self._spread
        self._low = cv2.erode(self._ground, _SHAKE) - tolerance
        self._high = cv2.dilate(self._ground, _SHAKE) + tolerance

    def _follow(self, judged: Judgement, passed_s: float) -> None:
        """Go along with what is no more than the day's light, and learn how much it flickers."""
        lit, same = judged.lit, (~judged.foreign).astype(np.uint8)
        weight = min(1.0, passed_s / _FOLLOW_S)
        strayed = cv2.absdiff(lit, self._ground)
        near = (strayed < _NEAR).astype(np.uint8)  # or a coat as grey as the wall would be taken for it, bit by bit
        cv2.accumulateWeighted(np.minimum(strayed, _SPREAD_MOST), self._spread, weight, mask=same)
        cv2.accumulateWeighted(lit, self._ground, weight, mask=near)

    def _stand(self, judged: Judgement, now: float, passed_s: float) -> None:
        """Take note of where something moved; but for what always moves, like the clock that a camera writes."""
        moved = (cv2.absdiff(judged.lit, self._standing) > _NOISE).astype(np.uint8)
        cv2.copyTo(judged.lit, moved, self._standing)
        self._since[moved.view(np.bool_)] = now
        stirred = _blocks(moved.astype(np.float32)) > _STIRRED
        weight = np.float32(min(1.0, passed_s / _RESTLESS_S))
        is_own = judged.share < _HOT
        self._restless += np.where(is_own, (stirred - self._restless) * weight, 0)
        self._stirred_at[stirred & ~is_own & (self._restless < _RESTLESS)] = now

    def _settle(self, now: float, *, is_other: bool) -> None:
        """Let that be the ground which has stood long enough."""
        stood = np.float32(now) - self._since
        if is_other and float(np.median(stood)) >= _OTHER_LIGHT_S:
            self._ground[:] = self._standing
            self._spread[:] = 1.0
            return
        same = cv2.absdiff(self._standing, self._ground) <= _NOISE + 3 * self._spread
        if self._known_s < BEGINNING_S:
            taken = ~same & (stood > self._held)
            longest = np.where(same, np.maximum(self._held, stood), self._held)
            self._held = np.where(taken, stood, longest).astype(np.float32, copy=False)
        else:
            taken = ~same & (now - _around(self._stirred_at) >= ABSORB_S)
        cv2.copyTo(self._standing, taken.astype(np.uint8), self._ground)


def _felt(luma: Luma) -> Plane | None:
    """*luma* small and as it is felt; None when it is too dark."""
    small = cv2.resize(shrunk(luma), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    if float(cv2.mean(small)[0]) < DARK:
        return None
    return cv2.LUT(small, _FELT).astype(np.float32, copy=False)


def _half(plane: Plane) -> Plane:
    size = (COLUMNS // 2, ROWS // 2)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _blocks(plane: Plane) -> Plane:
    """The mean of each block."""
    size = (COLUMNS // BLOCK, ROWS // BLOCK)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _around(times: Plane) -> Plane:
    """The newest of the *times* in and around each block, for each pixel."""
    wide = cv2.dilate(times, np.ones((3, 3), np.uint8))
    return wide.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1).astype(np.float32, copy=False)


def _area(area: Polygon | None) -> NDArray[np.float32]:
    """The share of each block that lies in *area*."""
    plane = np.zeros((ROWS, COLUMNS), np.float32)
    if area is None:
        plane[:] = 1
    else:
        corners = np.array([[round(x * COLUMNS), round(y * ROWS)] for x, y in area], np.int32)
        cv2.fillPoly(plane, [corners], 1.0)
    return _blocks(plane)
