"""When somebody came: by key frames and the one group between two of them, beside a decoder of every picture.

The films are empty for their first halves, and shown twice; people appear at other places of a group in each. Who
looks at every picture calls that an arrival which lasts for a group, flickering not counted: a shorter one passes by.
"""

from collections.abc import Iterator
from pathlib import Path

import av

from agent.surveillance.capture import Capture
from agent.surveillance.decode import Moment
from agent.surveillance.heartbeat import Heartbeat
from agent.surveillance.luma import brightness, shrunk
from agent.surveillance.presence.doorway import Doorway
from agent.surveillance.presence.ground import Ground
from agent.surveillance.presence.onset import FLICKER_S, Behind, Lead, dated
from agent.surveillance.presence.presence import LEAVE_S, STAYS, Change, Turn
from agent.surveillance.ring import Ring
from drivers.base import DriverNotReady
from tests.bench.figures import Row, Size
from tests.bench.film import FPS, GOP_S, film
from tests.bench.full_speed import BEGAN, FilmTime

REACH_S = 0.25
FILMS_S = (42, 41, 43)
SHOWINGS = 2
AREA = ((0.0, 0.25), (1.0, 0.25), (1.0, 0.8), (0.0, 0.8))
"""Where people walk: of the whole picture, those who are there first are hardly somebody, and now and then nobody."""


def measure(folder: Path, size: Size) -> Iterator[Row]:
    ours: list[float] = []
    theirs: list[float] = []
    apart: list[float] = []
    for seconds in FILMS_S[: size.rounds]:
        source = film(folder, seconds, is_half_idle=True)
        found, truth = _by_keyframes(source), _by_all(source)
        apart += [min((abs(mine - at) for mine in found), default=float("inf")) for at in truth]
        ours += found
        theirs += truth
    yield Row(
        "somebody comes: when, by key frames, beside a decoder of every picture",
        f"{max(apart):.2f} s apart at most; {len(ours)} arrivals",
        f"{len(theirs)} arrivals",
        reach=f"≤ {REACH_S} s, none missed",
        reached=max(apart) <= REACH_S and len(ours) == len(theirs) >= SHOWINGS,
    )


def _by_keyframes(source: Path) -> list[float]:
    """As a camera's process does it."""
    came: list[float] = []

    def note(change: Change, lead: Lead | None) -> None:
        if change.turn is Turn.CAME:
            came.append(dated(change, lead).at)

    doorway, passing = Doorway(lambda *_: None, note, area=AREA), FilmTime()
    for _ in range(SHOWINGS):
        camera, ring = passing.camera(source), Ring()
        behind = Behind(lambda camera=camera: camera.codec, ring.groups)  # type: ignore[misc]

        def see(moment: Moment, behind: Behind = behind) -> None:
            doorway.see(shrunk(brightness(moment.frame)), moment.at_monotonic, behind)

        with camera:
            try:
                Capture(Heartbeat.create(), packets=[ring.add], pictures=[see]).run(camera)
            except DriverNotReady:  # the end of the film
                passing.sleep(1 / FPS)
    return came


def _by_all(source: Path) -> list[float]:
    ground, came = Ground(AREA), Came()
    pictures = 0
    for _ in range(SHOWINGS):
        with av.open(str(source)) as container:
            for frame in container.decode(video=0):
                at = BEGAN + pictures / FPS
                came.see(ground.see(shrunk(brightness(frame)), at) or 0.0, at)
                pictures += 1
    return came.at


class Came:
    """The arrivals among the sizes of what is foreign, picture by picture."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self._is_there = False
        self._began_at = self._last_at = float("-inf")

    def see(self, size: float, at: float) -> None:
        if self._is_there:
            self._last_at = at if size >= STAYS else self._last_at
            self._is_there = at - self._last_at < LEAVE_S
        elif size >= 1:
            if at - self._last_at > FLICKER_S:
                self._began_at = at
            self._last_at = at
            if at - self._began_at >= GOP_S:
                self._is_there = True
                self.at.append(self._began_at)
