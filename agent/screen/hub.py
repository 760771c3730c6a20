"""The hub: what citizens see at this moment, as one value that any page can be given whole.

Thread-safe and without a thread of its own. Writers (ratings, the plan, the QR, orders) set a part;
pages read the full state, never a difference, so that a page that was away for a second or an hour
is right again with its next read. Listeners are called on the writer's thread, told nothing but that
there is something new to read, and must only enqueue.

A rating reaches the hub as `thank()`: it has no argument, so no level can be known, let alone shown.
"""

import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from agent import __version__
from agent.clock import Clock
from agent.language import language
from agent.panel import Panel
from agent.screen import told
from agent.screen.scene import Banner, Closed, Emergency, Item, Nameplate, Notice, RatingCode
from agent.screen.tally import Played, SkipReason, Tally
from agent.screen.theme import Theme

__all__ = [
    "Banner",
    "Beat",
    "Closed",
    "Emergency",
    "Item",
    "Nameplate",
    "Notice",
    "Played",
    "RatingCode",
    "ScreenHub",
    "SkipReason",
    "Thanks",
    "Theme",
]

WORDS = ("welcome", "question", "instruction", "hours", "hotline", "thanks", "noted", "clock", "notice")
"""The page's own words, by their keys under `screen`."""
THANKS_S = 4.0
"""How long the thank-you stays; a new rating restarts it."""


@dataclass(frozen=True, slots=True)
class Thanks:
    """The thank-you that is, or lately was, on the screen."""

    token: str
    left_ms: int
    """What remains of it; 0: over."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a page says of itself every few seconds."""

    revision: int = 0
    """Of the state it draws."""
    item: str = ""
    """What is on the glass; empty: none of the playlist."""
    frames: int = 0
    """Grows while the browser really draws."""
    dropped: int = 0
    """Frames of films that came too late, since the page was loaded."""
    heap_mb: float | None = None
    """Of its scripts; None: the browser does not say."""


class ScreenHub:
    """The state of the screen, its listeners, and what the page says of itself."""

    def __init__(self, nameplate: Nameplate, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._revision = 1
        self._nameplate = nameplate
        self._theme = Theme()
        self._playlist: tuple[Item, ...] = ()
        self._closed: Closed | None = None
        self._emergency: Emergency | None = None
        self._code: RatingCode | None = None
        self._coded_at = 0.0
        self._banner: Banner | None = None
        self._panel: Panel | None = None
        self._watchers = 0
        self._clock_trusted = clock.quality().is_trusted
        self._run = secrets.token_hex(4)
        self._thanked = 0
        self._thanked_at = float("-inf")
        self._tally = Tally(clock)
        self._page: Beat | None = None
        self._page_at: float | None = None
        self._code_page_at: float | None = None

    # What is shown.

    @property
    def revision(self) -> int:
        """Grows with every change of the state; a thank-you is not one."""
        with self._lock:
            return self._revision

    @property
    def playlist(self) -> tuple[Item, ...]:
        with self._lock:
            return self._playlist

    def set_nameplate(self, nameplate: Nameplate) -> None:
        self._change("_nameplate", nameplate)

    def set_playlist(self, items: Iterable[Item]) -> None:
        """Replace what plays, in this order. Empty: the page shows its idle slide."""
        playlist = tuple(items)
        self._tally.know((item.id, item.name) for item in playlist)
        self._change("_playlist", playlist)

    def set_closed(self, closed: Closed | None) -> None:
        """The counter is closed: show this in the place of the playlist. None: it is open."""
        self._change("_closed", closed)

    def set_emergency(self, emergency: Emergency | None) -> None:
        """Take over the whole screen, or give it back."""
        self._change("_emergency", emergency)

    @property
    def theme(self) -> Theme:
        with self._lock:
            return self._theme

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours, with this logo."""
        self._change("_theme", theme)

    @property
    def nameplate(self) -> Nameplate:
        with self._lock:
            return self._nameplate

    @property
    def code(self) -> RatingCode | None:
        with self._lock:
            return self._code

    @property
    def banner(self) -> Banner | None:
        with self._lock:
            return self._banner

    def set_code(self, code: RatingCode | None) -> None:
        """Show the rating QR, or none."""
        with self._lock:
            self._coded_at = self._clock.monotonic()
        self._change("_code", code)

    def set_banner(self, banner: Banner | None) -> None:
        """Say on the screen that ratings are not counted now, or no longer."""
        self._change("_banner", banner)

    def set_watchers(self, count: int) -> None:
        """Say whether somebody elsewhere looks at the counter now: *count* do."""
        self._change("_watchers", count)

    def set_panel(self, panel: Panel | None) -> None:
        """Lay *panel* over what plays, or take it away."""
        self._change("_panel", panel)

    def look_at_clock(self) -> None:
        """Ask the clock again whether it may be believed; an untrusted clock is not shown to anyone."""
        self._change("_clock_trusted", self._clock.quality().is_trusted)

    def state(self) -> dict[str, Any]:
        """Everything a page needs, ready for JSON."""
        with self._lock:
            plate, playlist, code = self._nameplate, self._playlist, self._code
            revision, trusted, banner = self._revision, self._clock_trusted, self._banner
            panel, theme, closed, emergency = self._panel, self._theme, self._closed, self._emergency
            watchers, coded_at = self._watchers, self._coded_at
        texts, now = language(plate.language), self._clock.monotonic()
        return {
            "revision": revision,
            "software": __version__,
            "language": plate.language,
            "unit": plate.unit,
            "counter": {"number": plate.number, "label": texts.text("screen.counter", number=plate.number)},
            "hotlines": list(plate.hotlines),
            "hours": plate.hours,
            "footer": list(plate.footer),
            "theme": told.theme(theme),
            "camera": told.camera(plate.camera, texts, is_watched=watchers > 0),
            "clock": {
                "trusted": trusted,
                "zone": plate.zone,
                "now_ms": round(self._clock.now().timestamp() * 1000),
            },
            "qr": told.code(code, now - coded_at) if code else None,
            "playlist": [asdict(item) for item in playlist],
            "closed": asdict(closed) if closed else None,
            "emergency": told.emergency(emergency, texts, now) if emergency else None,
            "thanks": asdict(self.thanks()),
            "panel": told.panel(panel, now) if panel else None,
            "banner": told.banner(banner, texts, now) if banner else None,
            "texts": {name: texts.text(f"screen.{name}") for name in WORDS},
        }

    # The thank-you.

    def thank(self) -> None:
        """A rating was committed: thank for it, in the same way whatever it said."""
        with self._lock:
            self._thanked += 1
            self._thanked_at = self._clock.monotonic()
        self._tell()

    def thanks(self) -> Thanks:
        """The present thank-you. Its token is unique over restarts, so that no page shows one twice."""
        with self._lock:
            left_s = THANKS_S - (self._clock.monotonic() - self._thanked_at)
            return Thanks(f"{self._run}-{self._thanked}", max(0, round(left_s * 1000)) if self._thanked else 0)

    # Listeners.

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener* after every change and every thank-you, on the writer's thread."""
        with self._lock:
            self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.remove(listener)

    # What the page says.

    def beat(self, beat: Beat | None = None) -> None:
        """A page is alive, and says this of itself."""
        with self._lock:
            self._page, self._page_at = beat or self._page or Beat(), self._clock.monotonic()

    @property
    def page(self) -> Beat | None:
        """What a page last said of itself; None: none ever did."""
        with self._lock:
            return self._page

    @property
    def page_age_s(self) -> float | None:
        """Seconds since a page last said it is alive; None: none ever did."""
        with self._lock:
            return None if self._page_at is None else self._clock.monotonic() - self._page_at

    def beat_code_page(self) -> None:
        """A browser on a display of its own shows the page of the QR."""
        with self._lock:
            self._code_page_at = self._clock.monotonic()

    @property
    def code_page_age_s(self) -> float | None:
        """Seconds since such a browser last said so; None: none ever did."""
        with self._lock:
            return None if self._code_page_at is None else self._clock.monotonic() - self._code_page_at

    def played(self, item: str, *, ago_s: float = 0.0) -> bool:
        """Count that a page has shown *item*. False: no such item, nothing was counted."""
        return self._tally.count(item, ago_s=ago_s)

    def skipped(self, item: str, reason: SkipReason, *, ago_s: float = 0.0) -> bool:
        """Count that a page could not show *item*, or not to its end. False: no such item."""
        return self._tally.count(item, reason, ago_s=ago_s)

    def take_played(self, before: datetime | None = None) -> list[Played]:
        """Hand over the counts of the hours before *before*, or all; oldest hour first."""
        return self._tally.take(before)

    @property
    def tally(self) -> Tally:
        """What the pages have shown and nobody has taken yet."""
        return self._tally

    def _change(self, part: str, value: object) -> None:
        with self._lock:
            if getattr(self, part) == value:
                return
            setattr(self, part, value)
            self._revision += 1
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()
