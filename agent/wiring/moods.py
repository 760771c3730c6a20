"""How the agent as a whole is: a service that keeps ending, a training, an inspection. The worst of it is told.

Several threads know of these; health's component `agent` has this one author, but for who serves its pages.
"""

import threading
from collections.abc import Callable

from agent.health import OK, Condition, Status
from agent.rating.inspection.modes import Mode, ModeKind
from agent.rating.inspection.sign import Sign
from agent.screen.hub import Banner
from agent.wiring.standing import Standing

NOT_COUNTED = {ModeKind.TRAINING: "AGENT_TRAINING", ModeKind.INSPECTION: "AGENT_INSPECTION"}


class Moods:
    """Tells health, the screen and the province."""

    def __init__(self, standing: Standing, sign: Sign, *, changed: Callable[[], None]) -> None:
        """*changed* is called after a mode began or ended, on the thread that told it."""
        self._standing = standing
        self._sign = sign
        self._changed = changed
        self._lock = threading.Lock()
        self._trouble: Condition | None = None
        self.mode: Mode | None = None
        """The mode that is on, as it was told last."""

    def trouble(self, name: str | None, what: str) -> None:
        """A service keeps ending or hangs, or (name None) all are well again."""
        code = "AGENT_HANGS" if what == "hangs" else "AGENT_KEEPS_ENDING"
        with self._lock:
            self._trouble = None if name is None else Condition(Status.DEGRADED, code, {"service": name})
            self._report()

    def mode_is(self, mode: Mode | None) -> None:
        """Ratings are not counted from now on, or (None) they are."""
        with self._lock:
            is_news, self.mode = mode != self.mode, mode
            self._report()
        clock, left_s = self._standing.clock, self._sign.left_s
        if mode is not None:
            now = clock.read()
            until = f"{now.before(-left_s).at:%H:%M}" if now.quality.is_trusted else ""
            self._standing.hub.set_banner(Banner(mode.kind.value, until, clock.monotonic() + left_s))
        else:
            self._standing.hub.set_banner(None)
        if is_news:
            self._changed()

    def report(self) -> None:
        """Tell health how it is now."""
        with self._lock:
            self._report()

    def _report(self) -> None:
        condition, mode = self._trouble, self.mode
        if condition is None and mode is not None:
            values = {"by": mode.lease.by, "minutes": round(mode.lease.lasts_s / 60)}
            condition = Condition(Status.DEGRADED, NOT_COUNTED[mode.kind], values)
        self._standing.health.report("agent", condition or OK)
