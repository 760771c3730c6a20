"""Watching: a superior looks at a counter for some minutes, a small still every few seconds, over a thin link.

A lease is for one camera and one who asked, who must be named, and ends by itself. While there is one the
screen says so. A still is made of the last key frame, which was decoded anyway; it is left out while the one before it
is on its way. The leases outlive the service, whose thread makes the stills and ends what is over.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agent.clock import Clock
from agent.errors import CounterAgentError, TryAgain
from agent.service import Service
from agent.surveillance.egress.account import Ended
from agent.surveillance.egress.preview import Preview
from agent.surveillance.egress.still import Still
from agent.surveillance.egress.viewing import Viewing, Viewings
from agent.surveillance.service import CameraService

LONGEST_S = 600.0
SHORTEST_EVERY_S, LONGEST_EVERY_S = 1.0, 60.0
STILL_S = 2.0
"""A still that takes longer is left out."""
TEND_EVERY_S = 0.2
GLANCE_S = 10.0
"""So long the screen says that somebody looks when it is for a single picture."""


class Way(Protocol):
    """How the stills of one lease leave."""

    @property
    def is_open(self) -> bool:
        """The connection that it was asked for over is still there."""

    @property
    def is_free(self) -> bool:
        """Everything it was given has arrived."""

    def carry(self, number: int, still: Still) -> None:
        """Give it the still with this *number*, from 1 on."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    order: str
    by: str
    camera: str
    lasts_s: float
    every_s: float

    def __post_init__(self) -> None:
        """Raises ValueError: it would last too long, or show too much or too little."""
        if not 0 < self.lasts_s <= LONGEST_S:
            raise ValueError(f"minutes: a watch lasts at most {LONGEST_S / 60:g}")
        if not SHORTEST_EVERY_S <= self.every_s <= LONGEST_EVERY_S:
            raise ValueError(f"every_s: a number from {SHORTEST_EVERY_S:g} to {LONGEST_EVERY_S:g}")


@dataclass(slots=True, eq=False)
class _Lease:
    wish: Wish
    way: Way
    finish: Callable[[Mapping[str, Any]], None]
    viewing: Viewing
    ends_at: float
    due_at: float
    left_out: int = 0


class Leases:
    """Who watches which camera. Any thread may call; `tend` is the service's."""

    def __init__(
        self,
        viewings: Viewings,
        clock: Clock,
        *,
        cameras: Callable[[], Mapping[str, CameraService]],
        watched: Callable[[int], None],
    ) -> None:
        """*watched* is told how many watch, before the first still is made; it must not wait."""
        self._viewings = viewings
        self._clock = clock
        self._cameras = cameras
        self._watched = watched
        self._lock = threading.Lock()
        self._leases: dict[str, _Lease] = {}
        self._glanced_until: float | None = None

    def begin(self, wish: Wish, way: Way, finish: Callable[[Mapping[str, Any]], None]) -> None:
        """Show what *wish* says over *way*; *finish* is called once, with what it came to. Renews the same one's lease.

        Raises:
            TryAgain: somebody else is watching, the link is gone, or it cannot be written down.
        """
        with self._lock:
            before = self._leases.get(wish.camera)
            if before is not None and before.wish.by != wish.by:
                raise TryAgain(f"camera {wish.camera} is being watched by {before.wish.by}")
            if not way.is_open:
                raise TryAgain("the link is away")
            now = self._clock.monotonic()
            camera = self._cameras()[wish.camera]
            viewing = Viewing(
                "watch",
                wish.camera,
                camera.egress,
                longest_s=wish.lasts_s,
                most=int(wish.lasts_s / wish.every_s) + 1,
                order=wish.order,
                by=wish.by,
                always_hidden=camera.always_hidden,
            )
            self._viewings.begin(viewing)
            due_at = now if before is None else before.due_at
            self._leases[wish.camera] = _Lease(wish, way, finish, viewing, now + wish.lasts_s, due_at)
            self._say_how_many()
        if before is not None:
            self._conclude(before, Ended.RENEWED)

    def glance(self) -> None:
        """A single picture is about to be made for somebody: the screen says so for some seconds from now on."""
        with self._lock:
            self._glanced_until = self._clock.monotonic() + GLANCE_S
            self._say_how_many()

    def _say_how_many(self) -> None:
        self._watched(len(self._leases) + (self._glanced_until is not None))

    def stop(self, camera: str, by: str) -> bool:
        """End *by*'s lease of *camera*; whether there was one. No still leaves after this.

        Raises:
            TryAgain: it is somebody else's.
        """
        with self._lock:
            lease = self._leases.get(camera)
            if lease is not None and lease.wish.by != by:
                raise TryAgain(f"camera {camera} is being watched by {lease.wish.by}")
        return lease is not None and self._end(lease, Ended.STOPPED)

    def watchers(self) -> dict[str, str]:
        """Who watches, by the camera's name."""
        with self._lock:
            return {camera: lease.wish.by for camera, lease in self._leases.items()}

    def close(self) -> None:
        """End everything: nobody will tend to it for now."""
        with self._lock:
            leases = list(self._leases.values())
            self._glanced_until = None
            self._say_how_many()
        for lease in leases:
            self._end(lease, Ended.AGENT)

    def tend(self) -> None:
        """Make the stills that are due, and end what is over."""
        with self._lock:
            leases = list(self._leases.values())
            if self._glanced_until is not None and self._clock.monotonic() >= self._glanced_until:
                self._glanced_until = None
                self._say_how_many()
        for lease in leases:
            now = self._clock.monotonic()
            camera = self._cameras().get(lease.wish.camera)
            if not lease.way.is_open:
                self._end(lease, Ended.LINK)
            elif now >= lease.ends_at:
                self._end(lease, Ended.TIME)
            elif camera is None or camera.egress != lease.viewing.egress:
                self._end(lease, Ended.CAMERA)
            elif now >= lease.due_at:
                lease.due_at = max(lease.due_at + lease.wish.every_s, now)  # what is late is not made up for
                self._show(lease, camera)
        self._viewings.settle()

    def _show(self, lease: _Lease, camera: CameraService) -> None:
        try:
            still = camera.glimpse(STILL_S) if lease.way.is_free else None
        except CounterAgentError:  # its health says why
            still = None
        if still is None or still.egress != lease.viewing.egress:
            lease.left_out += 1
            return
        with self._lock:
            if self._leases.get(lease.wish.camera) is lease and self._clock.monotonic() < lease.ends_at:
                lease.viewing.shows(still)
                lease.way.carry(lease.viewing.pictures, still)

    def _end(self, lease: _Lease, ended: Ended) -> bool:
        """Whether this ended it: it may have been over already."""
        with self._lock:
            if self._leases.get(lease.wish.camera) is not lease:
                return False
            del self._leases[lease.wish.camera]
            self._say_how_many()
        self._conclude(lease, ended)
        return True

    def _conclude(self, lease: _Lease, ended: Ended) -> None:
        viewing = lease.viewing
        self._viewings.end(viewing, ended)
        lease.finish(
            {
                "camera": viewing.camera,
                "pictures": viewing.pictures,
                "left_out": lease.left_out,
                "egress": viewing.egress,
                "hidden": sorted(viewing.hidden),
                "ended": ended,
            }
        )


class WatchService(Service):
    """Tends to the leases, and to who looks on the status page."""

    name = "watch"
    patience_s = 60.0
    goodbye_s = 2.5

    def __init__(self, leases: Leases, preview: Preview) -> None:
        super().__init__()
        self._leases, self._preview = leases, preview

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(TEND_EVERY_S):
                self.progress.beat()
                self._leases.tend()
                self._preview.tend()
        finally:
            self._leases.close()
            self._preview.close()
