"""The doorway: who comes and goes before one camera, told as it happens. Never a picture.

Runs where the pictures are looked at, and must be quick; what takes longer, dating an arrival, is handed to `Dating`.
While the eye finds that the camera does not see what it should, nobody can say who is there; a picture that only looks
so is not shown here at all. Imports OpenCV: only the camera's child may import this module.
"""

from collections.abc import Callable

from agent.surveillance.luma import Luma
from agent.surveillance.polygon import Polygon
from agent.surveillance.presence.ground import Ground
from agent.surveillance.presence.onset import Behind, Lead
from agent.surveillance.presence.presence import Change, Presence
from agent.surveillance.wire import Tell

GROUND_EVERY_S = 3600.0
"""The parent keeps the ground that was learned; what was added to it since is told so often."""


class Doorway:
    def __init__(
        self, tell: Tell, date: Callable[[Change, Lead | None], None], *, area: Polygon | None, ground: bytes = b""
    ) -> None:
        """*tell* hears of the ground, *date* of who comes and goes; *ground* is what an earlier process told last."""
        self._tell = tell
        self._date = date
        self._area = area
        self._ground = Ground.known(ground, area)
        self._presence = Presence()
        self._lead: Lead | None = None
        self._told_at: float | None = None

    def see(self, luma: Luma, at: float, behind: Behind | None = None) -> None:
        """Look at the brightness *luma* of a key frame, of the stream *behind* it.

        Raises:
            OSError: the parent is gone.
        """
        change = self._presence.see(self._ground.see(luma, at), at)
        arrival = self._presence.arrival
        if arrival is not None and arrival.at == at and behind is not None:
            self._lead = Lead.to(arrival, behind, self._ground.glance())
        if change is not None:
            self._date(change, self._lead)
        if arrival is None:
            self._lead = None
        self._tell_ground(at)

    def blind(self, at: float) -> None:
        """The picture of the moment *at* does not show the counter as it should."""
        change = self._presence.lose(at)
        if change is not None:
            self._date(change, None)

    def relearn(self, at: float) -> None:
        """What is seen from now on is another place."""
        self.blind(at)
        self._ground = Ground(self._area)
        self._told_at = None
        self._tell({"kind": "ground"}, b"")

    def _tell_ground(self, at: float) -> None:
        if self._told_at is None or at - self._told_at >= GROUND_EVERY_S:
            picture = self._ground.picture
            if picture:
                self._told_at = at
                self._tell({"kind": "ground"}, picture)
