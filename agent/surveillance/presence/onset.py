"""When somebody came: key frames say between which two of them, and the pictures in between say when exactly.

Only then are those decoded, and on a thread of its own: the camera does not wait for it. One group of pictures is
enough, unless he was there from its beginning: the key frame may have missed him for a moment. Whatever is told of
presence goes through here, so that it is told in the order in which it happened.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import av
import cv2

from agent.surveillance.decode import pictures
from agent.surveillance.luma import brightness
from agent.surveillance.presence.ground import Glance
from agent.surveillance.presence.presence import Change
from drivers.base import Codec, Packet

FLICKER_S = 0.4
"""Somebody who is not recognised for so long is still somebody."""


class Behind(NamedTuple):
    """The stream that pictures come from."""

    codec: Callable[[], Codec]
    groups: Callable[[], list[Sequence[Packet]]]
    """What is kept of it: newest group first, each begins with a key frame."""


class Lead(NamedTuple):
    """What the time of an arrival can be found with: the pictures before it, and the ground of that moment."""

    codec: Codec
    groups: Sequence[Sequence[Packet]]
    """Between the key frame without him and the one that shows him, in order."""
    earlier: Sequence[Packet]
    """The group before those; empty when it is not kept."""
    glance: Glance

    @classmethod
    def to(cls, arrival: Change, behind: Behind, glance: Glance) -> "Lead":
        """What there is of it at the moment of *arrival*."""
        since = arrival.empty_at if arrival.empty_at is not None else arrival.at
        kept = [group for group in behind.groups() if group[0].at_monotonic < arrival.at]
        groups = [group for group in kept if group[0].at_monotonic >= since]
        return cls(behind.codec(), groups[::-1], next(iter(kept[len(groups) :]), ()), glance)

    def onset(self, empty_at: float, before: float) -> float:
        """Since when he was there who was not seen at *empty_at*, and at *before*."""
        at = onset(self._seen(self.groups), before=before)
        if self.earlier and at - empty_at <= FLICKER_S:
            at = onset(self._seen([self.earlier, *self.groups]), before=before)
        return at

    def _seen(self, groups: Iterable[Sequence[Packet]]) -> Iterator[tuple[float, float | None]]:
        """Every picture: when it came, and the size of what is foreign in it."""
        for group in groups:
            for moment in pictures(self.codec, group):
                yield moment.at_monotonic, self.glance.foreign(brightness(moment.frame))


class Dating(threading.Thread):
    """Dates arrivals and hands on what was told, in its order."""

    def __init__(self, tell: Callable[[Change], None]) -> None:
        super().__init__(name="dating", daemon=True)
        self._tell = tell
        self._waiting: queue.SimpleQueue[tuple[Change, Lead | None]] = queue.SimpleQueue()

    def put(self, change: Change, lead: Lead | None = None) -> None:
        """*change* happened; of an arrival that was seen, *lead* says when. Never waits."""
        self._waiting.put((change, lead))

    def run(self) -> None:
        with suppress(OSError):  # the parent is gone
            while True:
                change, lead = self._waiting.get()
                self._tell(dated(change, lead))


def dated(change: Change, lead: Lead | None) -> Change:
    """*change* with the time that *lead* tells; half way where there are no pictures in between that can be looked at.

    The log does not hear of that: its line would say to the second when somebody came.
    """
    if change.empty_at is None:
        return change
    at = (change.empty_at + change.at) / 2
    if lead is not None and sum(map(len, lead.groups)) > 1:
        with suppress(av.FFmpegError, cv2.error, ValueError):
            at = lead.onset(change.empty_at, change.at)
    return replace(change, at=at)


def onset(seen: Iterable[tuple[float, float | None]], *, before: float) -> float:
    """Since when somebody was there in the pictures *seen*, by time and size, who is still there at *before*. Pure."""
    began: float | None = None
    empty_at: float | None = None
    for at, size in seen:
        if at >= before:
            break
        if size is None or size < 1:
            empty_at = at if empty_at is None else empty_at
            continue
        if began is None or (empty_at is not None and at - empty_at > FLICKER_S):
            began = at
        empty_at = None
    is_gone = empty_at is not None and before - empty_at > FLICKER_S
    return before if began is None or is_gone else began
