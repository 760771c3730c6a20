"""The vitals of the box itself: disk and outbox. Looks every few seconds, reports to health.

Runs in its own thread and touches no device. It is also who opens the outbox again after the disk came back, and
who removes what is left of a backlog after its confirmation.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from agent.errors import PersonMustAct, SystemReason, TryAgain
from agent.health import OK, Condition, Health, Status
from agent.memory import give_back
from agent.outbox.store import Outbox
from agent.service import Service

LOOK_S = 5.0
SETTLED_S = 20.0
"""A start is over by then, and leaves a tenth of its memory behind."""
CHECK_AFTER_S = 60.0
CHECK_EVERY_S = 24 * 3600.0
"""The whole outbox is read through for damage, and cleared of what may go, a minute after the start and then daily."""
LEAST_FREE_BYTES = 100 * 1024 * 1024
"""Below this the card counts as full: SQLite, the journal and a picture still fit, a day's work does not."""


class VitalsService(Service):
    """Reports `disk` and `outbox`."""

    name = "vitals"
    patience_s = 120.0
    """Reading through a large outbox on a slow card takes its time."""

    def __init__(self, *, outbox: Outbox, health: Health) -> None:
        super().__init__()
        self._outbox = outbox
        self._health = health

    def run(self, stop: threading.Event) -> None:
        check_at_s = time.monotonic() + CHECK_AFTER_S
        settled_at_s = time.monotonic() + SETTLED_S
        while not stop.is_set():
            self.progress.beat()
            if time.monotonic() >= check_at_s:
                check_at_s = time.monotonic() + CHECK_EVERY_S
                with suppress(TryAgain, PersonMustAct):
                    self._outbox.check()
                    self._outbox.tidy(least=1)
                settled_at_s = 0.0  # a large outbox leaves something behind as well
            if time.monotonic() >= settled_at_s:
                settled_at_s = float("inf")
                give_back()
            self._health.report("disk", disk_condition(self._outbox.path.parent))
            self._look_at_outbox()
            stop.wait(LOOK_S)

    def _look_at_outbox(self) -> None:
        try:
            self._outbox.open()
            self._outbox.tidy()
        except TryAgain as error:
            self._health.report("outbox", Condition(Status.FAILED, "OUTBOX_UNREADABLE", {"reason": str(error)}))
        except PersonMustAct as error:
            self._health.report("outbox", Condition(Status.FAILED, "OUTBOX_FAULT", {"reason": str(error)}))
        else:
            if self._outbox.trouble is None:
                self._health.report("outbox", self._outbox_condition())

    def _outbox_condition(self) -> Condition:
        if self._outbox.replaced is None:
            return OK
        return Condition(Status.DEGRADED, "OUTBOX_REPLACED", {"reason": self._outbox.replaced})


def disk_condition(folder: Path) -> Condition:
    """How the disk under *folder* is."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return Condition(Status.FAILED, "DISK_UNREADABLE", {"reason": SystemReason.of(error)})
    if found.f_flag & os.ST_RDONLY:
        return Condition(Status.FAILED, "DISK_READ_ONLY")
    free_mb = found.f_bavail * found.f_frsize // 1024 // 1024
    if free_mb * 1024 * 1024 < LEAST_FREE_BYTES:
        return Condition(Status.DEGRADED, "DISK_FULL", {"free_mb": free_mb})
    return OK
