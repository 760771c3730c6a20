"""Keeps the counter's mode true everywhere: on the screen, in health, in the lane, and over at its end.

One thread, a look four times a second. What began and what ended is stored as an `alert` event, in order;
while the outbox refuses it waits here, and the sign's file stays until its end is stored: a mode is told
at worst twice, never not at all. Ratings do not wait for this thread: the desk asks the sign itself.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact
from agent.rating.inspection.modes import Mode, ModeChange
from agent.rating.inspection.sign import Sign
from agent.service import Service

log = logging.getLogger(__name__)

LOOK_S = 0.25
WAITING = 100
"""Events that wait for an outbox that refuses; then the oldest goes."""


class ModeService(Service):
    """Tells what the sign says."""

    name = "modes"

    def __init__(
        self,
        sign: Sign,
        *,
        append: Callable[..., object],
        tell: Callable[[Mode | None], None],
        clock: Clock,
    ) -> None:
        """*append* stores facts durably and in order, or raises TryAgain or PersonMustAct; *tell* is given the
        mode that is on, or None, at the start and at every change."""
        super().__init__()
        self._sign = sign
        self._append = append
        self._tell = tell
        self._clock = clock
        self._known: Mode | None = None
        """The mode whose beginning was noted."""
        self._is_over = True
        """Whether the end of that mode was noted."""
        self._facts: deque[Fact] = deque(maxlen=WAITING)
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        self._tell(None)
        while not stop.is_set():
            self.progress.beat()
            self.look()
            stop.wait(LOOK_S)

    def look(self) -> None:
        """Note what began and what ended since the last look, and store it."""
        mode = self._sign.mode
        if mode is not None and _began(mode) != _began(self._known):
            self._end()
            self._known, self._is_over = mode, False
            self._note(ModeChange.of("MODE_BEGAN", mode))
            log.warning("%s begins, asked for by %s", mode.kind, mode.lease.by)
            self._tell(mode)
        elif mode is not None:
            self._known = mode
        if mode is not None and self._sign.left_s <= 0:
            self._end()
        self._store(mode)

    def _end(self) -> None:
        if self._known is None or self._is_over:
            return
        self._is_over = True
        lease = self._known.lease.cut(self._clock.read(), self._clock.boot)
        self._note(ModeChange.of("MODE_ENDED", Mode(self._known.kind, lease)))
        log.warning("%s is over", self._known.kind)
        self._tell(None)

    def _note(self, change: ModeChange) -> None:
        self._facts.append(Fact.seen(EventType.ALERT, self._clock.read(), change.payload()))

    def _store(self, mode: Mode | None) -> None:
        try:
            if self._facts:
                self._append(*self._facts)
                self._facts.clear()
            if mode is not None and self._is_over:
                self._sign.take_down(mode)
        except (TryAgain, PersonMustAct) as error:
            if not self._is_refused:
                log.warning("what happened to the mode cannot be stored yet: %s", error)
            self._is_refused = True
        else:
            self._is_refused = False


def _began(mode: Mode | None) -> tuple[str, datetime] | None:
    return (mode.kind, mode.lease.began.at) if mode is not None else None
