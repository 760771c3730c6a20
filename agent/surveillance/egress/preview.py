"""The still on the box's own status page: a glimpse through the same door as everything that leaves.

Who looks there is told as one event a viewing, not one a picture; a viewing ends when nobody asked for a picture
for a while. Several pages share one still. `picture` is for any thread that may wait; `tend` is called now and then.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.clock import Clock
from agent.surveillance.egress.account import Ended
from agent.surveillance.egress.still import Still
from agent.surveillance.egress.viewing import Viewing, Viewings
from agent.surveillance.service import CameraService

EVERY_S = 2.0
"""A still is shown so long before another one is made, however often somebody asks."""
LEFT_S = 30.0
LONGEST_S = 600.0
"""A page that stays open for a day is told as many viewings."""
MOST = round(LONGEST_S / EVERY_S) + 1
STILL_S = 5.0


@dataclass(slots=True)
class _Look:
    viewing: Viewing
    still: Still
    made_at: float
    asked_at: float


class Preview:
    """Who looks at which camera on the status page. Outlives the services."""

    def __init__(self, viewings: Viewings, clock: Clock, *, cameras: Callable[[], Mapping[str, CameraService]]) -> None:
        self._viewings = viewings
        self._clock = clock
        self._cameras = cameras
        self._making = threading.Lock()
        """Held while a still is made: who comes meanwhile gets the same one."""
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}

    def picture(self, name: str) -> bytes:
        """A still of the camera called *name*, as a JPEG; waits for it.

        Raises:
            LookupError: there is no such camera.
            CounterAgentError: the camera is away, or the look cannot be written down.
        """
        camera = self._cameras()[name]
        with self._making:
            now = self._clock.monotonic()
            with self._lock:
                look = self._looks.get(name)
                if look is not None and now - look.made_at < EVERY_S:
                    look.asked_at = now
                    return look.still.content
            still = camera.glimpse(STILL_S)
            return self._show(name, still, camera.always_hidden).content

    def _show(self, name: str, still: Still, always_hidden: tuple[str, ...]) -> Still:
        with self._lock:
            now = self._clock.monotonic()
            look = self._looks.get(name)
            if look is not None and look.viewing.egress != still.egress:
                self._end(name, Ended.CAMERA)
                look = None
            if look is None:
                viewing = Viewing(
                    "status", name, still.egress, longest_s=LONGEST_S, most=MOST, always_hidden=always_hidden
                )
                self._viewings.begin(viewing)
                look = self._looks[name] = _Look(viewing, still, now, now)
            look.viewing.shows(still)
            look.still, look.made_at, look.asked_at = still, now, now
            return still

    def tend(self) -> None:
        """End the viewings that are over."""
        with self._lock:
            now = self._clock.monotonic()
            for name, look in list(self._looks.items()):
                if now - look.asked_at >= LEFT_S:
                    self._end(name, Ended.LEFT)
                elif now - look.viewing.began_s >= LONGEST_S:
                    self._end(name, Ended.TIME)

    def close(self) -> None:
        """End every viewing: nobody will tend to them for now."""
        with self._lock:
            for name in list(self._looks):
                self._end(name, Ended.AGENT)

    def _end(self, name: str, ended: Ended) -> None:
        self._viewings.end(self._looks.pop(name).viewing, ended)
