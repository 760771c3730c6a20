"""The archivist: enters what a camera recorded, and lets go of what may not stay.

One thread for one camera's archive, so that a slow card keeps neither the camera nor a rating waiting. What is
told while the disk refuses waits here; after a restart the index knows the files that it missed. Letting go comes
before entering, and needs no index: a card that is full takes nothing before something went.
"""

import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import Clock, ClockQuality, Moment
from agent.errors import TryAgain
from agent.handover import Handover
from agent.service import Service
from agent.surveillance.process import Told
from agent.surveillance.recording.archive import Archive, Finished, Stock
from agent.surveillance.recording.retention import Limits

log = logging.getLogger(__name__)

WAIT_S = 4.0
AGAIN_S = 1.0
"""What the disk refused is tried again so soon."""
PRUNE_EVERY_S = 30.0
WAITING = 1000
"""Segments told and not yet entered: half a day of them; the oldest is dropped, and found at the next start."""


class Recorded(Handover[Told]):
    """Segments on their way from the camera's service to the archivist."""

    def __init__(self) -> None:
        super().__init__(WAITING)
        self.stock: Stock | None = None
        """What the archive holds, as the archivist last saw; None: nobody looked yet."""


class Archivist(Service):
    """Keeps one camera's archive."""

    def __init__(
        self, name: str, folder: Path, limits: Limits, recorded: Recorded, *, camera: str, clock: Clock
    ) -> None:
        super().__init__()
        self.name = name
        self._archive = Archive(folder)
        self._limits = limits
        self._recorded = recorded
        self._camera = camera
        self._clock = clock
        self._told: Told | None = None
        self._pruned_at: float | None = None
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self.progress.beat()
                if self._told is None:
                    self._told = self._recorded.take(WAIT_S)
                elif stop.wait(AGAIN_S):
                    break
                try:
                    self._work()
                except TryAgain as error:
                    self._make_room()
                    if not self._is_refused:
                        log.warning("recordings cannot be entered for now: %s", error)
                    self._is_refused = True
                else:
                    if self._is_refused:
                        log.info("recordings are entered again")
                    self._is_refused = False
            self._enter_the_last()
        finally:
            self._archive.close()

    def wake(self) -> None:
        self._recorded.wake()

    def _work(self) -> None:
        self._prune()
        if self._told is not None:
            self._archive.enter(self._finished(self._told))
            self._told = None

    def _make_room(self) -> None:
        with suppress(TryAgain):  # the disk refuses this as well, and is tried again
            gone = self._archive.make_room(self._limits)
            if gone:
                log.info("%d recordings of %s went, since the disk is full", gone, self._camera)

    def _enter_the_last(self) -> None:
        """What was told until now; the camera's service ends before this one."""
        with suppress(TryAgain):  # then the next start finds it
            while (told := self._told or self._recorded.take(0)) is not None:
                self._archive.enter(self._finished(told))
                self._told = None

    def _prune(self) -> None:
        now = self._clock.monotonic()
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY_S:
            moment = self._clock.read()
            if moment.quality.is_trusted:
                self._archive.put_right(moment, self._clock.boot)
                self._archive.forget(moment.at)
            gone = self._archive.keep_to(self._limits, moment)
            if gone:
                log.info("%d recordings of %s have expired", gone, self._camera)
            self._recorded.stock = self._archive.stock()
            self._pruned_at = now

    def _finished(self, told: Told) -> Finished:
        moment, boot, now = self._clock.read(), self._clock.boot, self._clock.monotonic()
        ended_at = moment.at - timedelta(seconds=now - told.ended_at)
        if told.left_at is not None:
            ended_at, boot = datetime.fromtimestamp(told.left_at, UTC), ""
            moment = Moment(ended_at, ClockQuality.NONE, ended_at)
        return Finished(
            file=told.file,
            began_at=ended_at - timedelta(seconds=told.ended_at - told.began_at),
            ended_at=ended_at,
            told=moment,
            boot=boot,
            size_bytes=told.size_bytes,
            pictures=told.pictures,
        )
