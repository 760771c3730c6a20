"""The lookout: everything that looks at one camera's key frames, and the stream that they are looked at on.

Where the camera offers a smaller picture of the same view, that is looked at, on a thread of its own, and the main
stream is left to what records. While the smaller one is away, or sends no pictures, the main one is looked at, so
nobody is missed; that is told, and the smaller one opened again and again. Imports PyAV and OpenCV: only the camera's
child may import this module.
"""

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.surveillance.capture import Capture
from agent.surveillance.decode import Moment
from agent.surveillance.heartbeat import Heartbeat, silence
from agent.surveillance.presence.doorway import Doorway
from agent.surveillance.presence.onset import Behind, Dating
from agent.surveillance.ring import Ring
from agent.surveillance.seeing.eye import Eye
from agent.surveillance.seeing.look import Look
from agent.surveillance.wire import Tell
from drivers.base import Camera, DriverError, DriverNotReady, Packet

log = logging.getLogger(__name__)

AWAY_S = 10.0
"""The smaller stream showed nothing for so long: the main one is looked at."""
LATE_S = 30.0
"""And after so long that is told, even if nothing failed."""
FIRST_AGAIN_S, LAST_AGAIN_S = 2.0, 60.0
"""It is opened again after so long, and ever longer."""


def lookout(order: Mapping[str, Any], tell: Tell, main: Behind, smaller: Callable[[], Camera] | None) -> "Lookout":
    """What looks at the camera of *order*, whose pictures come from *main* and *smaller*; started."""
    doorway = None
    if order["visits"] is not None:
        dating = Dating(lambda change: tell({"kind": "presence", **change.words}, b""))
        dating.start()
        ground = base64.b64decode(order["ground"])
        doorway = Doorway(tell, dating.put, area=order["visits"]["area"], ground=ground)
    eye = Eye(tell, view=base64.b64decode(order["view"]), state=Look(order["look"]), doorway=doorway)
    made = Lookout(eye, main, tell, smaller)
    made.start()
    return made


class Lookout:
    """Shows *eye* the pictures of one stream at a time. `see` is a taker of `Capture`'s pictures."""

    def __init__(self, eye: Eye, main: Behind, tell: Tell, smaller: Callable[[], Camera] | None = None) -> None:
        self._eye = eye
        self._main = main
        self._tell = tell
        self._smaller = smaller
        self._lock = threading.Lock()
        self._aside_at = float("-inf")
        self._awaited_at: float | None = None
        self._telling = threading.Lock()
        self._trouble = ""

    def start(self) -> None:
        """Open the smaller stream, if there is one."""
        if self._smaller is not None:
            threading.Thread(target=self._follow, args=(self._smaller,), name="smaller", daemon=True).start()

    def see(self, moment: Moment) -> None:
        """A key frame of the main stream."""
        if moment.at_monotonic - self._aside_at >= AWAY_S:
            self._show(moment, self._main)
        if self._smaller is not None:
            self._awaited_at = self._awaited_at or moment.at_monotonic
            if moment.at_monotonic - max(self._aside_at, self._awaited_at) >= LATE_S:
                self._say(f"no picture for {LATE_S:g} s")

    def relearn(self) -> None:
        """What is seen from the next picture on is how it should be."""
        self._eye.relearn()

    def _show(self, moment: Moment, behind: Behind) -> None:
        with self._lock:
            self._eye.see(moment, behind)

    def _follow(self, smaller: Callable[[], Camera]) -> None:
        again_s = FIRST_AGAIN_S
        while True:
            seen = threading.Event()
            try:
                self._look_aside(smaller(), seen)
            except OSError:
                return  # the parent is gone; drivers have errors of their own
            except Exception as error:
                is_new = not self._trouble
                self._say(str(error) or type(error).__name__)
                if is_new and not isinstance(error, DriverError):
                    log.exception("the smaller stream cannot be looked at")
            again_s = FIRST_AGAIN_S if seen.is_set() else min(2 * again_s, LAST_AGAIN_S)
            threading.Event().wait(again_s)

    def _look_aside(self, camera: Camera, seen: threading.Event) -> None:
        """Show the pictures of *camera* until it fails, or shows none; *seen* is set when it showed one."""
        ring, pulse = Ring(), Heartbeat.create()
        behind = Behind(lambda: camera.codec, ring.groups)

        def listen(packet: Packet) -> None:
            ring.add(packet)
            missing = silence(pulse.read(), started_at=packet.at_monotonic, now=packet.at_monotonic)
            if missing is not None:
                raise DriverNotReady("CAMERA_STALLED", missing.text)

        def look(moment: Moment) -> None:
            seen.set()
            self._aside_at = moment.at_monotonic
            self._say("")
            self._show(moment, behind)

        try:
            with camera:
                pulse.ready(time.monotonic())
                Capture(pulse, packets=[listen], pictures=[look]).run(camera)
        finally:
            pulse.close()

    def _say(self, trouble: str) -> None:
        with self._telling:
            if bool(trouble) != bool(self._trouble):
                self._tell({"kind": "smaller", "trouble": trouble}, b"")
            self._trouble = trouble
