"""The programme: keeps the hub true to the plan, minute by minute, and to the emergency over it.

The plan is made anew when what might play changed, when the clock began or ceased to be believed or was set, and at
the minute the plan itself names; it is said to the hub only if it is another one. The closed slide is set under an
emergency too, so that a page whose agent has died falls back on what is right. Runs on the screen service's thread.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Protocol

from agent.clock import Clock, Moment
from agent.language import Language
from agent.rating.figures.opening import day_of
from agent.screen.hub import ScreenHub
from agent.screen.media.medium import Medium, Offer
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.closing import closed_slide, takeover
from agent.screen.planning.emergency import Alarm, Siren
from agent.screen.planning.plan import Plan, plan
from agent.screen.planning.playlist import Entry, Playlist, listed
from agent.screen.scene import Emergency
from agent.settings.model import Screen

STEADY_S = 1.0
"""An end that moves by less has not moved: clocks are read to the microsecond."""


class Source(Protocol):
    """Where entries come from besides the settings and the folder: the province."""

    def entries(self) -> tuple[Entry, ...]:
        """What it offers now, in order; asked twice a second on the screen's thread, the same tuple while nothing
        changed."""

    def kept(self) -> Sequence[Medium]:
        """The media that must stay in the store for it, whether or not they play now; asked on the same thread."""


class Programme:
    """What plays, and what stands over it."""

    def __init__(
        self,
        screen: Screen,
        *,
        hub: ScreenHub,
        calendar: Calendar,
        clock: Clock,
        words: Language,
        siren: Siren | None = None,
        sources: Sequence[Source] = (),
        is_pictures_only: Callable[[], bool] = lambda: False,
    ) -> None:
        """*is_pictures_only*: whether the browser should be spared films."""
        self._screen, self._hub, self._calendar, self._clock, self._words = screen, hub, calendar, clock, words
        self._siren, self._sources = siren, sources
        self._is_pictures_only, self._was_pictures_only = is_pictures_only, False
        self._own: Playlist | None = None
        self._others: tuple[tuple[Entry, ...], ...] = ()
        self._plan: Plan | None = None
        self._made: tuple[datetime, bool] | None = None
        self._emergency: Emergency | None = None
        self.alarm: Alarm | None = None
        """The emergency that is on."""

    def offered(self, offer: Offer) -> None:
        """This is what the folder holds now."""
        own = listed(self._screen.playlist, offer)
        if own != self._own:
            self._own, self._plan = own, None

    def turn(self) -> None:
        """Bring the hub up to date."""
        now = self._clock.read()
        self._take_over(now)
        others = tuple(source.entries() for source in self._sources)
        if others != self._others:
            self._others, self._plan = others, None
        is_spared = self._is_pictures_only()
        if is_spared is not self._was_pictures_only:
            self._was_pictures_only, self._plan = is_spared, None
        if self._plan is None or self._is_stale(self._plan, now):
            self._plan = self._say(now)

    def _is_stale(self, made: Plan, now: Moment) -> bool:
        if self._made is None or now.quality.is_trusted is not self._made[1]:
            return True
        return now.at < self._made[0] or (made.until is not None and now.at >= made.until)

    def _say(self, now: Moment) -> Plan:
        made = plan(
            [self._own or Playlist(), *map(Playlist, self._others)],
            now.at,
            calendar=self._calendar,
            outside=self._screen.outside_hours,
            is_trusted=now.quality.is_trusted,
        )
        self._made = now.at, now.quality.is_trusted
        is_closed = made.mode == "closed"
        self._hub.set_closed(closed_slide(self._calendar, now.at, self._words) if is_closed else None)
        if self._own is not None:  # before the first look at the folder, what an earlier life showed stays
            spared = "video" if self._was_pictures_only else None
            self._hub.set_playlist(item for item in made.items if item.kind != spared)
        return made

    def _take_over(self, now: Moment) -> None:
        on = self._siren.look() if self._siren is not None else None
        self.alarm = on[0] if on is not None else None
        if on is None:
            self._emergency = None
        else:
            shown = takeover(*on, now, self._clock.monotonic(), self._words)
            if self._emergency is None or _is_another(shown, self._emergency):
                self._emergency = shown
        self._hub.set_emergency(self._emergency)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all that could ever play."""
        entries = [*(self._own.entries if self._own is not None else ()), *(e for other in self._others for e in other)]
        return not entries

    @property
    def missing(self) -> list[str]:
        """Files that the playlist names and the folder does not hold, but for those whose last day is over."""
        now = self._clock.read()
        today = day_of(now.at, self._calendar.zone) if now.quality.is_trusted else date.min
        entries = self._own.entries if self._own is not None else ()
        lacking = [entry for entry in entries if entry.fault is not None and entry.fault.code == "missing"]
        return list(dict.fromkeys(entry.name for entry in lacking if (entry.window.last or today) >= today))

    @property
    def borrowed(self) -> list[Medium]:
        """The media that lie in the store for others than the folder."""
        return [medium for source in self._sources for medium in source.kept()]


def _is_another(one: Emergency, other: Emergency) -> bool:
    return abs(one.ends_at_monotonic - other.ends_at_monotonic) > STEADY_S or (one.title, one.lines, one.until) != (
        other.title,
        other.lines,
        other.until,
    )
