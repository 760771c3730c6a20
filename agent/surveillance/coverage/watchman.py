"""The watchman: writes down what the cameras' vigils tell, and that this life of the agent goes on.

One thread for all cameras, so that a slow card keeps no camera waiting. What is told while the disk refuses waits
here. A book that was damaged and begun anew is told again which cameras are there, and what still goes on. `Lapses`
takes the word of vigils and outlives the service.
"""

import logging
import queue
import threading
from collections.abc import Callable, Collection
from functools import partial

from agent.clock import Clock
from agent.errors import TryAgain
from agent.service import Service
from agent.surveillance.coverage.vigil import Lapse, Vigil
from agent.surveillance.coverage.watchbook import Entry, Watchbook

log = logging.getLogger(__name__)

LOOK_S = 1.0
KEEP_EVERY_S = 10.0
"""While the counter is open; so much of a power cut's beginning is not known."""
REST_EVERY_S = 60.0
"""While it is closed."""
WAITING = 10_000


class Lapses:
    """On their way from the cameras' services to the book."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: queue.Queue[Entry] = queue.Queue()
        self._open: dict[tuple[str, int], Entry] = {}

    def vigil(self, camera: str) -> Vigil:
        """A vigil over *camera* that tells here."""
        return Vigil(partial(self._put, camera))

    def take(self) -> list[Entry]:
        """All that were told and not yet taken, in order. By one thread, and so is `open`."""
        taken: list[Entry] = []
        while not self._waiting.empty():
            entry = self._waiting.get_nowait()
            taken.append(entry)
            self._open.pop((entry.camera, entry.number), None)
            if entry.until is None:
                self._open[entry.camera, entry.number] = entry
        return taken

    def open(self) -> list[Entry]:
        """Those taken that still go on."""
        return list(self._open.values())

    def _put(self, camera: str, lapse: Lapse) -> None:
        behind = self._clock.read().age.total_seconds() - self._clock.monotonic()
        until = lapse.until + behind if lapse.until is not None else None
        self._waiting.put(Entry(camera, lapse.number, lapse.cause, lapse.since + behind, until))


class Watchman(Service):
    """Keeps the book."""

    name = "coverage"

    def __init__(
        self,
        book: Watchbook,
        lapses: Lapses,
        cameras: Collection[str],
        *,
        clock: Clock,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        """*cameras*: the names of those that are fitted; *is_open*: whether the counter is."""
        super().__init__()
        self._book = book
        self._lapses = lapses
        self._cameras = tuple(cameras)
        self._clock = clock
        self._is_open = is_open
        self._told: list[Entry] = []
        self._is_fitted = False
        self._kept_at: float | None = None
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._turn()
                stop.wait(LOOK_S)
            self._kept_at = None
            self._turn()
        finally:
            self._book.close()

    def _turn(self) -> None:
        self.progress.beat()
        self._told = [*self._told, *self._lapses.take()][-WAITING:]
        try:
            is_blank = self._book.is_blank
            if is_blank or not self._is_fitted:
                self._book.fit(self._cameras)
                self._is_fitted = True
                self._told = [*self._lapses.open(), *self._told] if is_blank else self._told
            self._book.enter(self._told)
            self._told = []
            self._beat()
        except TryAgain as error:
            if not self._is_refused:
                log.warning("what the cameras missed cannot be written down for now: %s", error)
            self._is_refused = True
        else:
            if self._is_refused:
                log.info("what the cameras missed is written down again")
            self._is_refused = False

    def _beat(self) -> None:
        if not self._cameras:
            return  # nothing is missed
        now, every_s = self._clock.monotonic(), KEEP_EVERY_S if self._is_open() else REST_EVERY_S
        is_due = self._kept_at is None or now - self._kept_at >= every_s
        self._book.beat(is_kept=is_due)
        if is_due:
            self._kept_at = now
