"""The hub: what citizens see at this moment, as one value that any page can be given whole.

Thread-safe and without a thread of its own. Writers (ratings, the media folder, the QR) set a part;
pages read the full state, never a difference, so that a page that was away for a second or an hour
is right again with its next read. Listeners are called on the writer's thread, told nothing but that
there is something new to read, and must only enqueue.

A rating reaches the hub as `thank()`: it has no argument, so no level can be known, let alone shown.
"""

import secrets
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any, Literal

from agent.clock import Clock
from agent.language import Language, language
from agent.panel import Panel

THANKS_S = 4.0
"""How long the thank-you stays; a new rating restarts it."""
PLAYED_LIMIT = 4096
"""Cells of (item, hour) kept until they are taken; beyond it new cells are not opened (a week of 24 items)."""


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Who sits here: what stands on the screen whatever is playing."""

    unit: str
    number: int
    hotlines: tuple[str, ...] = ()
    hours: str = ""
    """Opening hours as people read them; empty: not said."""
    language: str = "vi"
    zone: str = "Asia/Ho_Chi_Minh"
    camera: Literal["", "pixelated", "masked", "plain"] = ""
    """The most that a camera here lets out of the box, which citizens are told; empty: there is no camera."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to play. `id` is the content's hash, so a changed file is another item."""

    id: str
    url: str
    seconds: float = 12.0
    layout: Literal["stage", "full"] = "stage"
    kind: Literal["image"] = "image"
    bytes: int = 0
    """Size over the wire: the page bounds its memory with it."""


@dataclass(frozen=True, slots=True)
class RatingCode:
    """The rating QR: the drawing and the short text printed under it for phones that cannot read it."""

    svg: str
    text: str
    lasts_s: float | None = None
    """How long after it was set it still leads somewhere; None: for ever."""


@dataclass(frozen=True, slots=True)
class Banner:
    """What stands across the screen while ratings are not counted: never hidden, and gone by itself at its end."""

    kind: Literal["training", "inspection"]
    until: str
    """The time of day at which it ends, as people read it; empty while the clock cannot be believed."""
    ends_at_monotonic: float


@dataclass(frozen=True, slots=True)
class Played:
    """How often an item was on the glass within one hour."""

    item: str
    hour: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Thanks:
    """The thank-you that is, or lately was, on the screen."""

    token: str
    left_ms: int
    """What remains of it; 0: over."""


class ScreenHub:
    """The state of the screen, its listeners, and what the page says of itself."""

    def __init__(self, nameplate: Nameplate, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._revision = 1
        self._nameplate = _composed(nameplate)
        self._playlist: tuple[Item, ...] = ()
        self._code: RatingCode | None = None
        self._coded_at = 0.0
        self._banner: Banner | None = None
        self._panel: Panel | None = None
        self._clock_trusted = clock.quality().is_trusted
        self._run = secrets.token_hex(4)
        self._thanked = 0
        self._thanked_at = float("-inf")
        self._played: Counter[tuple[str, datetime]] = Counter()
        self._known: dict[str, None] = {}
        self._page_at: float | None = None

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
        self._change("_nameplate", _composed(nameplate))

    def set_playlist(self, items: Iterable[Item]) -> None:
        """Replace what plays, in this order. Empty: the page shows its idle slide."""
        playlist = tuple(items)
        with self._lock:
            # Reports about what has just left the list still count; what nobody ever set does not.
            self._known = dict.fromkeys([item.id for item in (*self._playlist, *playlist)])
        self._change("_playlist", playlist)

    def set_code(self, code: RatingCode | None) -> None:
        """Show the rating QR, or none."""
        with self._lock:
            self._coded_at = self._clock.monotonic()
        self._change("_code", code)

    def set_banner(self, banner: Banner | None) -> None:
        """Say on the screen that ratings are not counted now, or no longer."""
        self._change("_banner", banner)

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
            panel = self._panel
        texts = language(plate.language)
        return {
            "revision": revision,
            "language": plate.language,
            "unit": plate.unit,
            "counter": {"number": plate.number, "label": texts.text("screen.counter", number=plate.number)},
            "hotlines": list(plate.hotlines),
            "hours": plate.hours,
            "camera": _camera_notice(plate.camera, texts),
            "clock": {
                "trusted": trusted,
                "zone": plate.zone,
                "now_ms": round(self._clock.now().timestamp() * 1000),
            },
            "qr": self._paint(code) if code else None,
            "playlist": [asdict(item) for item in playlist],
            "thanks": asdict(self.thanks()),
            "panel": self._laid(panel) if panel else None,
            "banner": self._worded(banner, texts) if banner else None,
            "texts": {
                name: texts.text(f"screen.{name}")
                for name in ("welcome", "question", "instruction", "hours", "hotline", "thanks", "noted", "clock")
            },
        }

    def _paint(self, code: RatingCode) -> dict[str, Any]:
        left_s = None if code.lasts_s is None else code.lasts_s - (self._clock.monotonic() - self._coded_at)
        return {"svg": code.svg, "text": code.text, "left_ms": None if left_s is None else max(0, round(left_s * 1000))}

    def _worded(self, banner: Banner, texts: Language) -> dict[str, Any]:
        note = texts.text(f"screen.mode.{banner.kind}.note")
        until = texts.text("screen.mode.until", time=banner.until) if banner.until else ""
        return {
            "title": texts.text(f"screen.mode.{banner.kind}.title"),
            "note": f"{note} {until}".strip(),
            "left_ms": self._left_ms(banner.ends_at_monotonic),
        }

    def _laid(self, panel: Panel) -> dict[str, Any]:
        laid = asdict(panel)
        ends_at = laid.pop("ends_at_monotonic")
        return {**laid, "left_ms": self._left_ms(ends_at) if isfinite(ends_at) else None}

    def _left_ms(self, ends_at_monotonic: float) -> int:
        return max(0, round((ends_at_monotonic - self._clock.monotonic()) * 1000))

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

    def beat(self) -> None:
        """A page is alive."""
        with self._lock:
            self._page_at = self._clock.monotonic()

    @property
    def page_age_s(self) -> float | None:
        """Seconds since a page last said it is alive; None: none ever did."""
        with self._lock:
            return None if self._page_at is None else self._clock.monotonic() - self._page_at

    def played(self, item: str) -> bool:
        """Count that a page has shown *item*. False: no such item, nothing was counted."""
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        with self._lock:
            cell = (item, hour)
            if item not in self._known or (cell not in self._played and len(self._played) >= PLAYED_LIMIT):
                return False
            self._played[cell] += 1
            return True

    def take_played(self) -> list[Played]:
        """Hand over the counts since the last call, oldest hour first."""
        with self._lock:
            counts, self._played = self._played, Counter()
        return [Played(item, hour, counts[item, hour]) for item, hour in sorted(counts, key=lambda cell: cell[1])]

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


def _camera_notice(camera: str, texts: Language) -> str:
    """What the law has citizens told: that there is a camera, and what becomes of its pictures."""
    return texts.text(f"screen.camera.{camera}") if camera else ""


def _composed(plate: Nameplate) -> Nameplate:
    """The nameplate with its diacritics composed: screens draw NFC well and NFD by luck."""

    def nfc(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    return replace(plate, unit=nfc(plate.unit), hours=nfc(plate.hours), hotlines=tuple(map(nfc, plate.hotlines)))
