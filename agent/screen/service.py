"""The screen service: keeps the hub true to the folder, the playlist, the hours and the emergency, and says how it is.

It watches the folder (not the files in it: editors and copiers replace files) and looks at it whole
whenever something happened there, once a minute whatever happened (inotify loses events), and every
few seconds while the folder is missing. A file that is still being copied is waited for; what plays
goes on playing meanwhile. A page that was there and has fallen silent is reported here too, so that
the health component `screen` has one author.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.clock import Clock
from agent.errors import SystemReason
from agent.health import OK, Condition, Health, Status
from agent.language import Language
from agent.screen.glass import Glass
from agent.screen.hub import RatingCode, ScreenHub
from agent.screen.media.folder import MediaFolder
from agent.screen.media.ingest import Ingest
from agent.screen.media.medium import Medium, Offer, Refusal
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.emergency import Siren
from agent.screen.planning.programme import Programme, Source
from agent.service import Service
from agent.settings.model import Screen

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

TICK_S = 0.5
RESCAN_S = 60.0
MISSING_S = 5.0
"""How often a folder that is not there is looked for."""
PAGE_AWAY_S = 30.0
"""A page beats every 5 s; six missed beats are no hiccup."""
WORN_S = 86400.0
NAMED_FILES = 3
NOTHING = Offer((), (), is_settling=False)
_TELLING = frozenset({"created", "closed", "moved", "deleted"})
"""`created` is how watchdog tells of a file moved in from another folder; one being written is waited for anyway."""


class ScreenService(Service):
    """Media folder and rating address -> hub; hub and folder -> health."""

    name = "screen"

    def __init__(
        self,
        screen: Screen,
        *,
        hub: ScreenHub,
        ingest: Ingest,
        health: Health,
        clock: Clock,
        language: Language,
        calendar: Calendar,
        siren: Siren | None = None,
        sources: Sequence[Source] = (),
        glass: Glass | None = None,
        address: Callable[[], str | None] = lambda: None,
        code_lasts_s: float | None = None,
    ) -> None:
        """*address* says, whenever it is asked, what the rating QR says now; None: there is none. A page that hears
        nothing more takes a code down after *code_lasts_s*; None: it leads somewhere for ever."""
        super().__init__()
        self._folder = MediaFolder(screen.media, ingest)
        self._hub, self._store, self._health, self._clock, self._language = hub, ingest.store, health, clock, language
        self._programme = Programme(
            screen,
            hub=hub,
            calendar=calendar,
            clock=clock,
            words=language,
            siren=siren,
            sources=sources,
            is_pictures_only=lambda: glass is not None and glass.is_pictures_only,
        )
        self._glass, self._address = glass, address
        self._code_lasts_s = code_lasts_s
        self._drawn: str | None = ""
        self._bell = threading.Event()
        self._trouble: Condition | None = None
        self._offer: Offer | None = None
        self._kept: frozenset[str] = frozenset()
        self._losses, self._worn_until_s = 0, 0.0

    def run(self, stop: threading.Event) -> None:
        watch = _Watch(self._folder.path, self._bell.set)
        try:
            look_at = self._clock.monotonic()
            while not stop.is_set():
                self.progress.beat()
                self._show_code()
                if self._bell.is_set() or self._clock.monotonic() >= look_at:
                    self._bell.clear()
                    watch.renew()
                    look_at = self._clock.monotonic() + self._look()
                self._programme.turn()
                self._hub.look_at_clock()
                self._health.report("screen", self._condition())
                if not self._bell.wait(TICK_S):
                    continue
                stop.wait(TICK_S / 10)  # what happens to a folder happens in bursts: one look for all of it
        finally:
            watch.close()
            self._folder.close()

    def wake(self) -> None:
        self._bell.set()

    def _show_code(self) -> None:
        """Draw the code anew when it says something new."""
        text = self._address()
        if text != self._drawn:
            self._hub.set_code(RatingCode(text, self._code_lasts_s) if text else None)
            self._drawn = text

    def _look(self) -> float:
        """Bring the hub up to date; the seconds until the next look."""
        try:
            offer = self._folder.look(wall_s=self._clock.now().timestamp(), monotonic=self._clock.monotonic())
        except OSError as error:
            self._note(error)
            if not self._folder.path.is_dir():
                self._programme.offered(NOTHING)
            self._let_go((), self._folder.sources)  # it may be a disk that somebody brings back
            return MISSING_S
        before, self._offer = self._offer, offer
        if before is None or before.refusals != offer.refusals:
            for refusal in offer.refusals:
                log.warning("screen: %s refused: %s", refusal.name, self._reason(refusal))
        self._programme.offered(offer)
        trouble = offer.trouble
        if not offer.is_settling:
            trouble = self._let_go(offer.media) or trouble
        self._note(trouble)
        if trouble is not None:
            return MISSING_S
        return TICK_S if offer.is_settling else RESCAN_S

    def _let_go(self, media: Sequence[Medium], sources: Iterable[str] = ()) -> OSError | None:
        """Empty the store of what is neither of *media* nor made of *sources*; why that cannot be done.

        One generation is kept longer than it plays: a page may be about to load what has just left the list.
        """
        playing = frozenset(medium.id for medium in (*media, *self._programme.borrowed))
        try:
            self._store.keep(playing | self._kept, sources)
        except OSError as error:
            return error
        self._kept = playing
        return None

    def _note(self, error: OSError | None) -> None:
        """The folder or the store has this trouble now, or none; say it once."""
        if error is None:
            if self._trouble is not None:
                log.info("screen: %s can be read, and what is made of it written again", self._folder.path)
            self._trouble = None
            return
        trouble = self._folder_missing() if not self._folder.path.is_dir() else self._unusable(error)
        if self._trouble is None or self._trouble.code != trouble.code:
            log.warning("screen: %s", error)
        self._trouble = trouble

    def _condition(self) -> Condition:
        """The worst that is true, in the order in which a technician should take it."""
        page_age_s = self._hub.page_age_s
        if self._trouble is not None:
            return self._trouble
        if page_age_s is not None and page_age_s > PAGE_AWAY_S:
            return Condition(Status.DEGRADED, "SCREEN_PAGE_AWAY")
        seen = self._glass.condition() if self._glass is not None else None
        if seen is not None and seen.status is not Status.OK:
            return seen
        if (alarm := self._programme.alarm) is not None:
            values = {"title": alarm.notice.title, "by": alarm.by}
            return Condition(Status.DEGRADED, "SCREEN_EMERGENCY", values)
        if self._offer is None:
            return Condition(Status.OK, "STARTING")
        return self._condition_of(self._offer) or self._wear() or seen or OK

    def _wear(self) -> Condition | None:
        """That the card has lost what was on it, for a day after the last time."""
        now_s, losses = self._clock.monotonic(), self._store.losses
        if losses != self._losses:
            self._losses, self._worn_until_s = losses, now_s + WORN_S
        if losses and now_s < self._worn_until_s:
            return Condition(Status.DEGRADED, "SCREEN_CARD_WEARS", {"count": losses})
        return None

    def _condition_of(self, offer: Offer) -> Condition | None:
        """What is wrong with the files; None: nothing."""
        if offer.refusals:
            named = [f"{refusal.name} ({self._reason(refusal)})" for refusal in offer.refusals]
            return Condition(Status.DEGRADED, "SCREEN_FILES_REFUSED", {"count": len(named), "files": _some(named)})
        if missing := self._programme.missing:
            values = {"count": len(missing), "files": _some(missing), "path": str(self._folder.path)}
            return Condition(Status.DEGRADED, "SCREEN_PLAYLIST_MISSING", values)
        if self._programme.is_empty and not offer.is_settling:
            return Condition(Status.DEGRADED, "SCREEN_NO_MEDIA", {"path": str(self._folder.path)})
        return None

    def _folder_missing(self) -> Condition:
        return Condition(Status.DEGRADED, "SCREEN_FOLDER_MISSING", {"path": str(self._folder.path)})

    def _unusable(self, error: OSError) -> Condition:
        return Condition(
            Status.DEGRADED,
            "SCREEN_MEDIA_UNUSABLE",
            {"path": error.filename or str(self._folder.path), "error": SystemReason.of(error)},
        )

    def _reason(self, refusal: Refusal) -> str:
        return self._language.text(f"screen.refused.{refusal.reason}", **refusal.values)


def _some(names: list[str]) -> str:
    """The first of many names."""
    return "; ".join([*names[:NAMED_FILES], *(["…"] if len(names) > NAMED_FILES else [])])


class _Watch:
    """watchdog's observer on one folder, renewed when the folder is another one than before."""

    def __init__(self, path: Path, ring: Callable[[], None]) -> None:
        self._path, self._ring = path, ring
        self._observer: BaseObserver | None = None
        self._inode: tuple[int, int] | None = None

    def renew(self) -> None:
        """Watch the folder that is at the path now. Not there, or not watchable: the rescan has to do."""
        try:
            stat = self._path.stat()
        except OSError:
            inode = None
        else:
            inode = stat.st_dev, stat.st_ino
        if inode == self._inode:
            return
        self.close()
        if inode is not None:
            self._observer = _observer(self._path, self._ring)
        self._inode = inode

    def close(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None


def _observer(path: Path, ring: Callable[[], None]) -> "BaseObserver | None":
    from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - needed on this thread only
    from watchdog.observers import Observer  # noqa: PLC0415

    class Bell(FileSystemEventHandler):
        def dispatch(self, event: FileSystemEvent) -> None:
            if event.event_type in _TELLING:
                ring()

    observer: Any = Observer()
    observer.name = "screen-watch"
    try:
        observer.schedule(Bell(), str(path), recursive=False)
        observer.start()
    except OSError as error:
        log.warning("screen: %s is not watched (%s); looked at once a minute", path, error)
        return None
    return observer  # type: ignore[no-any-return]
