"""The glass: what the kiosk says of the big screen, and what the agent wants of it. Any thread.

The kiosk is another process under another user; the agent believes its word for a minute. Where none ever spoke there
is none (a laptop, a browser that somebody opened by hand), and nothing is said of it.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from agent.clock import Clock
from agent.health import Condition, Status
from agent.rating.figures.opening import day_of
from agent.screen.hub import ScreenHub
from agent.screen.kiosk.word import PanelWish, Proof, Sight, Wish
from agent.screen.planning.calendar import Calendar
from agent.settings.model import Output

AWAY_S = 60.0
PROOF_HOLDS_S = 3600.0
"""A proof is repeated every quarter of an hour; an old one proves nothing."""
EARLY, LATE = timedelta(minutes=30), timedelta(minutes=30)
"""The panel is lit so much before the first opening of a day, and stays so much longer than its last closing."""


def is_lit(calendar: Calendar, now: datetime) -> bool:
    """Whether the panel should be on at *now*: from half an hour before a day's first opening to half an hour after its
    last closing. A break at noon is no reason to darken it. Pure."""
    day = day_of(now, calendar.zone)
    for each in (day - timedelta(days=1), day, day + timedelta(days=1)):
        spans = calendar.opening(each)
        if spans and spans[0].start - EARLY <= now < spans[-1].end + LATE:
            return True
    return False


class Glass:
    """The last sight, and the wish of this moment."""

    def __init__(
        self, hub: ScreenHub, clock: Clock, *, output: Callable[[], Output], calendar: Callable[[], Calendar]
    ) -> None:
        self._hub, self._clock = hub, clock
        self._output, self._calendar = output, calendar
        self._lock = threading.Lock()
        self._sight: Sight | None = None
        self._seen_at = 0.0

    def wish(self) -> Wish:
        """What the kiosk should do now."""
        state, output, now = self._hub.state(), self._output(), self._clock.read()
        page, code = self._hub.page, self._hub.code
        is_covered = state["emergency"] or state["panel"] or state["closed"] or state["thanks"]["left_ms"] > 0
        is_on = not now.quality.is_trusted or state["emergency"] is not None or is_lit(self._calendar(), now.at)
        return Wish(
            panel=PanelWish(power=output.power, where=output.connector, is_on=is_on, turn=output.turn),
            code=code.address if code is not None and not is_covered else None,
            revision=state["revision"],
            drawn=page.revision if page is not None else None,
            page_age_s=self._hub.page_age_s,
        )

    def saw(self, sight: Sight) -> None:
        """The kiosk says this."""
        with self._lock:
            self._sight, self._seen_at = sight, self._clock.monotonic()

    @property
    def is_pictures_only(self) -> bool:
        """Whether the browser failed so often that it should have no films."""
        with self._lock:
            return self._sight is not None and self._sight.is_pictures_only

    def condition(self) -> Condition | None:
        """The worst that the kiosk sees, or the best: that the code can be scanned. None: it says nothing."""
        with self._lock:
            sight, age_s = self._sight, self._clock.monotonic() - self._seen_at
        if sight is None:
            return None
        if age_s > AWAY_S:
            return Condition(Status.DEGRADED, "SCREEN_KIOSK_AWAY")
        return _trouble(sight, age_s) or _proven(sight, age_s)


def _trouble(sight: Sight, age_s: float) -> Condition | None:
    if sight.browser == "gone":
        return Condition(Status.FAILED, "SCREEN_BROWSER_GONE")
    if sight.proof is not None and sight.proof.age_s + age_s <= PROOF_HOLDS_S and (seen := _disproved(sight.proof)):
        return seen
    if sight.is_pictures_only:
        return Condition(Status.DEGRADED, "SCREEN_PICTURES_ONLY")
    if sight.panel.fault is not None:
        return Condition(Status.DEGRADED, sight.panel.fault, sight.panel.values)
    return None


def _disproved(proof: Proof) -> Condition | None:
    if proof.is_blank:
        return Condition(Status.FAILED, "SCREEN_BLACK")
    if proof.code in ("wrong", "unreadable"):
        return Condition(Status.DEGRADED, "SCREEN_QR_UNREADABLE")
    return Condition(Status.DEGRADED, "SCREEN_STALE") if proof.is_stale else None


def _proven(sight: Sight, age_s: float) -> Condition | None:
    proof = sight.proof
    if proof is None or proof.code != "right" or proof.age_s + age_s > PROOF_HOLDS_S:
        return None
    return Condition(Status.OK, "SCREEN_PROVEN")
