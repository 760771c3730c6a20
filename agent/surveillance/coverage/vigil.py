"""The vigil over one camera: from what its service sees, when there was no valid video, and why. Pure.

Four things go wrong beside each other, so lapses of four kinds are kept apart and may overlap: the session with the
camera is lost; its key frames are not whole; its view is tampered with; its video cannot be recorded. Of each kind at
most one lapse is open. A lapse is told when it opens, when its cause turns out to be another, and when it is over.

A lapse begins with the last moment that was good and ends with the first that is good again, both as the camera's
process dated them, so it does not matter how late the parent looks. Times are `time.monotonic()`. A silence that does
not cost the session is none: networks deliver late. One thread at a time; outlives the camera's service.
"""

from collections.abc import Callable
from enum import StrEnum
from itertools import count
from typing import NamedTuple

from agent.surveillance.cause import Cause
from agent.surveillance.heartbeat import Beat

_CAUSES = {
    "CAMERA_CHANGED": Cause.CORRUPT,
    "CAMERA_CRASHED": Cause.AGENT,
    "CAMERA_FAULT": Cause.AGENT,
    "CAMERA_LIBRARY": Cause.AGENT,
    "CAMERA_LOGIN": Cause.AGENT,
    "CAMERA_STALLED": Cause.STALL,
    "CAMERA_UNREADABLE": Cause.CORRUPT,
}


def cause_of(code: str, *, is_networked: bool) -> Cause:
    """Why a session ended, by the *code* of its ending; of a camera that is reached over a network, or is not."""
    return _CAUSES.get(code, Cause.NETWORK if is_networked else Cause.STALL)


class Kind(StrEnum):
    SESSION = "session"
    CORRUPT = "corrupt"
    TAMPER = "tamper"
    DISK = "disk"


class Lapse(NamedTuple):
    """No valid video from `since` to `until`; one that is told again stands in for what was told with its `number`."""

    number: int
    cause: Cause
    since: float
    until: float | None = None
    """None: still."""


class Vigil:
    """Told by a camera's service; tells of lapses."""

    def __init__(self, tell: Callable[[Lapse], None] = lambda _: None) -> None:
        self._tell = tell
        self.is_recorded = False
        """Then what an ended process had not yet written is lost."""
        self._numbers = count(1)
        self._open: dict[Kind, Lapse] = {}
        self._good_until = 0.0

    def wait(self, cause: Cause, *, since: float) -> None:
        """Nothing is known of the camera since *since*, because of *cause*, until its first picture."""
        self._begin(Kind.SESSION, cause, since)

    def resume(self, now: float) -> None:
        """A service takes over, *now*: what the one before saw is over, and what it did not tell was its own end."""
        if Kind.SESSION not in self._open:
            self._begin(Kind.SESSION, Cause.AGENT, self._good_until or now)
        for kind in (Kind.CORRUPT, Kind.TAMPER, Kind.DISK):
            self._end(kind, now)

    def see(self, beat: Beat) -> None:
        """The camera's process lives, and this is its pulse."""
        if not beat.picture_at:
            return
        self._end(Kind.SESSION, beat.picture_at)
        if beat.broken_at:
            self._begin(Kind.CORRUPT, Cause.CORRUPT, beat.broken_at)
        else:
            self._end(Kind.CORRUPT, beat.picture_at)
            self._good_until = max(beat.packet_at, beat.picture_at)

    def lose(self, cause: Cause, beat: Beat, *, started_at: float, is_cut: bool) -> None:
        """The process that was started at *started_at* is gone. *is_cut*: it could not finish its recording."""
        self.see(beat)
        before = self._open.get(Kind.SESSION)
        if before is None:
            self._begin(Kind.SESSION, cause, self._last_good(beat, cause, is_cut=is_cut))
        elif before.cause is Cause.STALL and cause is Cause.NETWORK:
            self._set(Kind.SESSION, before._replace(cause=cause))  # the silence was the network's
        elif before.cause is not cause:
            self._end(Kind.SESSION, started_at)
            self._begin(Kind.SESSION, cause, max(started_at, before.since))

    def _last_good(self, beat: Beat, cause: Cause, *, is_cut: bool) -> float:
        if cause is Cause.CORRUPT:
            return beat.broken_at or beat.picture_at
        if is_cut and self.is_recorded:
            return beat.broken_at or beat.keyframe_at
        return max(beat.packet_at, beat.picture_at)

    def look(self, *, is_tampered: bool, since: float) -> None:
        """Whether the view is tampered with, and since when that is so."""
        self._be(Kind.TAMPER, Cause.TAMPER, since, is_ill=is_tampered)

    def record(self, *, is_refused: bool, since: float) -> None:
        """Whether the disk refuses the recording, and since when that is so."""
        self._be(Kind.DISK, Cause.DISK, since, is_ill=is_refused)

    def _be(self, kind: Kind, cause: Cause, since: float, *, is_ill: bool) -> None:
        if is_ill:
            self._begin(kind, cause, since)
        else:
            self._end(kind, since)

    def _begin(self, kind: Kind, cause: Cause, since: float) -> None:
        if kind not in self._open:
            self._set(kind, Lapse(next(self._numbers), cause, since))

    def _set(self, kind: Kind, lapse: Lapse) -> None:
        self._open[kind] = lapse
        self._tell(lapse)

    def _end(self, kind: Kind, until: float) -> None:
        lapse = self._open.pop(kind, None)
        if lapse is not None:
            self._tell(lapse._replace(until=max(lapse.since, until)))
