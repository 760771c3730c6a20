"""The pulse of a camera's child, in memory it shares with its parent; and when it has been silent too long.

A few aligned doubles, each with one writer, the child: no lock, so a child that hangs or dies in
the middle of anything cannot take its parent along. Times are `time.monotonic()`, which on Linux
is one clock for all processes.
"""

import mmap
import os
from dataclasses import dataclass
from typing import NamedTuple

from agent.surveillance.cause import Cause

LOADING_S = 40.0
"""From the start of the child until it has its libraries: after power-on, a slow card delivers them in many seconds."""
OPENING_S = 10.0
"""From there to the first packet."""
SILENCE_S = 2.0
"""Without a packet; longer for cameras below five pictures a second."""
SILENCE_PACKETS = 10
"""That many packets missing is silence at any rate: at 5 pictures a second the same 2 s."""
BLIND_GOPS = 2
"""Groups of pictures without one valid key frame."""
BLIND_SLACK_S = 0.5
BLIND_UNKNOWN_S = 20.0
"""The same while the distance of key frames is not known yet."""

_TICK_S = 0.002
"""Behind the moment, so that a look then finds what it waited for."""

_CELLS = 7
_READY_AT, _PACKET_AT, _BROKEN_AT, _PICTURE_AT, _INTERVAL_S, _GOP_S, _KEYFRAME_AT = range(_CELLS)


@dataclass(frozen=True, slots=True)
class Beat:
    """What the parent reads; a time of 0 means never."""

    ready_at: float = 0.0
    """The libraries are loaded, the camera is about to be opened."""
    packet_at: float = 0.0
    """The last packet, whatever was in it."""
    broken_at: float = 0.0
    """The first key frame after the last picture that was none; 0: there was no such."""
    picture_at: float = 0.0
    """The last key frame that could be decoded."""
    interval_s: float = 0.0
    """Between two packets, on average; 0 while unknown."""
    gop_s: float = 0.0
    """Between two key frames that are decoded, at most, lately; 0 while unknown."""
    keyframe_at: float = 0.0
    """The last key frame, decoded or not."""


class Heartbeat:
    """The shared cells; `fd` is what a child inherits."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, mmap.PAGESIZE)
        self._cells = memoryview(self._memory).cast("d")

    @classmethod
    def create(cls) -> "Heartbeat":
        """Fresh memory, all zero, without a name anywhere."""
        fd = os.memfd_create("camera-heartbeat")
        os.ftruncate(fd, mmap.PAGESIZE)
        return cls(fd)

    def read(self) -> Beat:
        return Beat(*self._cells[:_CELLS])

    def ready(self, at: float) -> None:
        """From *at* on it is the camera's turn."""
        self._cells[_READY_AT] = at

    def packet(self, at: float, *, interval_s: float, gop_s: float, is_keyframe: bool = False) -> None:
        """A packet came at *at*."""
        if is_keyframe:
            self._cells[_KEYFRAME_AT] = at
        self._cells[_INTERVAL_S], self._cells[_GOP_S] = interval_s, gop_s
        self._cells[_PACKET_AT] = at

    def picture(self, at: float) -> None:
        """The key frame that came at *at* is a valid picture."""
        self._cells[_PICTURE_AT] = at
        self._cells[_BROKEN_AT] = 0.0  # read before the picture, written after it: never both from before

    def broken(self, at: float) -> None:
        """The key frame that came at *at* is no valid picture."""
        if not self._cells[_BROKEN_AT]:
            self._cells[_BROKEN_AT] = at

    def close(self) -> None:
        self._cells.release()
        self._memory.close()
        os.close(self.fd)


class Rhythm:
    """Learns from arrivals how far packets and key frames are apart."""

    def __init__(self) -> None:
        self.interval_s = 0.0
        self.gop_s = 0.0
        self._packet_at = 0.0
        self._keyframe_at = 0.0
        self._sends_others = False

    def packet(self, at: float, *, is_keyframe: bool) -> None:
        if self._packet_at:
            apart = at - self._packet_at
            # Networks deliver in bursts: a mean over some thirty packets, not the last distance.
            self.interval_s += (apart - self.interval_s) / (32 if self.interval_s else 1)
        self._packet_at = at
        if not is_keyframe and not self._sends_others:
            # Some cameras begin with several key frames; how far those are apart says nothing of what follows.
            self._sends_others, self.gop_s = True, 0.0
        if is_keyframe:
            if self._keyframe_at:
                # Longer distances are believed at once, shorter ones slowly: never blind too early.
                self.gop_s = max(at - self._keyframe_at, self.gop_s * 0.9)
            self._keyframe_at = at


class Silence(NamedTuple):
    """What is missing, and whose fault that is."""

    text: str
    cause: Cause


def silence(beat: Beat, *, started_at: float, now: float) -> Silence | None:
    """What is missing since when, or None while the camera is alive. Pure; *started_at* is the child's start."""
    if not beat.ready_at:
        late = now - started_at
        return Silence(f"not ready {late:.1f} s after its start", Cause.AGENT) if late > LOADING_S else None
    if not beat.packet_at:
        late = now - beat.ready_at
        return Silence(f"no packet {late:.1f} s after opening", Cause.STALL) if late > OPENING_S else None
    quiet = now - beat.packet_at
    if quiet > _patience_s(beat):
        return Silence(f"no packet for {quiet:.1f} s", Cause.STALL)
    blind = now - (beat.picture_at or beat.ready_at)
    limit = max(SILENCE_S, BLIND_GOPS * beat.gop_s) + BLIND_SLACK_S if beat.gop_s else BLIND_UNKNOWN_S
    if blind > limit:
        return Silence(f"no valid key frame for {blind:.1f} s", Cause.CORRUPT)
    return None


def is_in_doubt(beat: Beat, *, now: float) -> bool:
    """Whether packets came, and half of the time has passed in which the next one must come. Pure."""
    return bool(beat.packet_at) and now - beat.packet_at > _patience_s(beat) / 2


def due_s(beat: Beat, *, now: float) -> float:
    """How long it takes until, without another packet, there is doubt or silence; endless before the first. Pure."""
    if not beat.packet_at:
        return float("inf")
    quiet, patience_s = now - beat.packet_at, _patience_s(beat)
    return max(0.0, (patience_s / 2 if quiet <= patience_s / 2 else patience_s) - quiet) + _TICK_S


def _patience_s(beat: Beat) -> float:
    return max(SILENCE_S, SILENCE_PACKETS * beat.interval_s)
