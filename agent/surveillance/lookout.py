"""The lookout: everything that looks at one camera's key frames, and the stream that they are looked at on.

Where the camera offers a smaller picture of the same view, that is looked at, on a thread of its own, and the main
stream is left to what records. While the smaller one is away the main one is looked at, so nobody is missed. Imports
PyAV and OpenCV: only the camera's child may import this module.
"""

import base64
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from agent.surveillance.capture import Capture
from agent.surveillance.decode import Moment
from agent.surveillance.doorway import Doorway
from agent.surveillance.eye import Eye
from agent.surveillance.heartbeat import Heartbeat
from agent.surveillance.look import Look
from agent.surveillance.onset import Behind, Dating
from agent.surveillance.ring import Ring
from drivers.base import Camera, DriverError

log = logging.getLogger(__name__)

AWAY_S = 10.0
"""The smaller stream showed nothing for so long: the main one is looked at."""
FIRST_AGAIN_S, LAST_AGAIN_S = 2.0, 60.0
"""It is opened again after so long, and ever longer."""

Tell = Callable[[Mapping[str, Any], bytes], None]


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
        self._trouble = ""

    def start(self) -> None:
        """Open the smaller stream, if there is one."""
        if self._smaller is not None:
            threading.Thread(target=self._follow, args=(self._smaller,), name="smaller", daemon=True).start()

    def see(self, moment: Moment) -> None:
        """A key frame of the main stream."""
        if moment.at_monotonic - self._aside_at >= AWAY_S:
            self._show(moment, self._main)

    def relearn(self) -> None:
        """What is seen from the next picture on is how it should be."""
        self._eye.relearn()

    def _show(self, moment: Moment, behind: Behind) -> None:
        with self._lock:
            self._eye.see(moment, behind)

    def _follow(self, smaller: Callable[[], Camera]) -> None:
        again_s, pulse = FIRST_AGAIN_S, Heartbeat.create()
        while True:
            camera, ring = smaller(), Ring()
            behind = Behind(lambda camera=camera: camera.codec, ring.groups)  # type: ignore[misc]
            capture = Capture(pulse, packets=[ring.add])
            capture.show_to(lambda moment, behind=behind: self._see_aside(moment, behind))  # type: ignore[misc]
            trouble = ""
            try:
                with camera:
                    capture.run(camera)
            except DriverError as error:
                trouble = str(error)
            except OSError:
                return  # the parent is gone
            again_s = FIRST_AGAIN_S if capture.seen.is_set() else min(2 * again_s, LAST_AGAIN_S)
            self._say(trouble)
            threading.Event().wait(again_s)

    def _see_aside(self, moment: Moment, behind: Behind) -> None:
        self._aside_at = moment.at_monotonic
        self._say("")
        self._show(moment, behind)

    def _say(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            self._tell({"kind": "smaller", "trouble": trouble}, b"")
        self._trouble = trouble
