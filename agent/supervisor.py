"""Owns every thread: starts them in order, stops them in reverse, restarts what ended, and feeds the watchdog.

`run` is the main thread. A service that *ended* is rebuilt from its factory with growing, jittered
waits; after `GIVE_UP` failures within `WINDOW_S` it is given up visibly (health says so) and tried again
every `WINDOW_S`, until it has held for `PROVEN_S`. One that *hangs* cannot be killed: the systemd
watchdog is no longer fed and the whole process is replaced. In-process patience, out-of-process certainty.
"""

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from agent.errors import CounterAgentError
from agent.service import Service

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
GIVE_UP = 6
WINDOW_S = 60.0
PROVEN_S = 10.0
TICK_S = 1.0
"""Between two looks; what ends is looked at as it ends, and what is due when it is due."""
GOODBYE_S = 4.5
"""All services together have this long to end: the promise is five seconds from the signal to the exit."""


@dataclass(frozen=True)
class Unit:
    """A service that can be built again: its name, its factory, and the settings it was made of."""

    name: str
    build: Callable[[], Service]
    made_of: Any = None
    """Compared on reload: a unit whose slice of the settings is equal stays as it is."""


@dataclass
class _Running:
    """One life of a unit, in a thread of its own."""

    unit: Unit
    service: Service
    ended: Callable[[], None]
    """Called by that thread as its last deed, when `is_over`."""
    is_over: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    started_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._live, name=self.unit.name, daemon=True)

    def _live(self) -> None:
        try:
            self.service.run(self.stop)
        except CounterAgentError as error:
            self.error = error  # foreseen: its sentence says everything
        except Exception as error:
            log.exception("%s ended", self.unit.name)
            self.error = error
        finally:
            self.is_over = True
            self.ended()


@dataclass
class _Record:
    """What the supervisor remembers of a unit between its lives."""

    failures: list[float] = field(default_factory=list)
    due_s: float | None = None
    is_given_up: bool = False
    why: str = ""
    """What it last ended with: said once, not with every try."""


@dataclass(frozen=True)
class Watch:
    """What the supervisor tells outward; each is called on the main thread."""

    alive: Callable[[], None]
    """Every service has moved within its patience: feed the watchdog."""
    trouble: Callable[[str | None, str], None]
    """A service keeps ending, or hangs (name, what happened); name None: all is well again."""


class Supervisor:
    """The owner of all services."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._units: list[Unit] = []
        self._running: dict[str, _Running] = {}
        self._records: dict[str, _Record] = {}
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._trouble: tuple[str | None, str] = (None, "")

    # -- callable from any thread and from signal handlers -----------------------------------------

    def stop(self) -> None:
        """End everything; `run` returns when it is done."""
        self._calls.put(None)

    def call(self, function: Callable[[], Any]) -> "Future[Any]":
        """Run *function* on the main thread, between two looks at the services."""
        future: Future[Any] = Future()

        def answer() -> None:
            try:
                future.set_result(function())
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the answer
                future.set_exception(error)

        self._calls.put(answer)
        return future

    def nudge(self) -> None:
        """Have the main thread look at its services now, and tell that it did (`Watch.alive`)."""
        self._calls.put(lambda: None)

    # -- the main thread ---------------------------------------------------------------------------

    def run(self, units: Sequence[Unit], *, ready: Callable[[], None]) -> None:
        """Start *units* in order, call *ready*, and look after them until `stop`."""
        try:
            self.replace(units)
            ready()
            while self._work():
                self._look()
        finally:
            self._stop_all()

    def _work(self) -> bool:
        """Do what was called for, waiting a tick for it; False: time to stop."""
        wait_s = min(TICK_S, max(0.0, self._next_due_s() - time.monotonic()))
        while True:
            try:
                call = self._calls.get(timeout=wait_s)
            except queue.Empty:
                return True
            if call is None:
                return False
            call()
            wait_s = 0.0

    def _next_due_s(self) -> float:
        dues = [record.due_s for record in self._records.values() if record.due_s is not None]
        return min(dues, default=float("inf"))

    def replace(self, units: Sequence[Unit]) -> None:
        """Make *units* the ones that run: what changed or went is stopped, what is new is started."""
        wanted = {unit.name: unit for unit in units}
        for old in reversed(self._units):
            new = wanted.get(old.name)
            if new is None or new.made_of != old.made_of:
                self._stop(old.name)
                self._records.pop(old.name, None)
        self._units = list(units)
        for unit in units:
            if unit.name not in self._running:
                self._start(unit)

    def _start(self, unit: Unit) -> None:
        self._records.setdefault(unit.name, _Record()).due_s = None
        try:
            service = unit.build()
        except Exception as error:
            if not isinstance(error, CounterAgentError):
                log.exception("%s cannot be built", unit.name)
            self._failed(unit, error)
            return
        running = self._running[unit.name] = _Running(unit, service, ended=self.nudge)
        running.thread.start()

    def _look(self) -> None:
        """Notice what ended or hangs, restart what is due, and feed the watchdog if all is well."""
        now = time.monotonic()
        for running in list(self._running.values()):
            if running.is_over:
                del self._running[running.unit.name]
                self._failed(running.unit, running.error)
            elif now - running.started_s >= PROVEN_S:
                self._proven(self._records[running.unit.name], running.unit.name)
        for unit in self._units:
            due_s = self._records[unit.name].due_s
            if due_s is not None and due_s <= now:
                self._start(unit)
        hanging = next((r for r in self._running.values() if r.service.progress.age_s > r.service.patience_s), None)
        if hanging is None:
            self._watch.alive()
        self._tell(hanging)

    @staticmethod
    def _proven(record: _Record, name: str) -> None:
        """It has held for long enough to count as back."""
        if record.why:
            log.info("%s runs again", name)
        record.is_given_up, record.why = False, ""

    def _tell(self, hanging: _Running | None) -> None:
        """Say what is in trouble for longer than a restart, when that changed."""
        given_up = next((unit.name for unit in self._units if self._records[unit.name].is_given_up), None)
        trouble = (given_up, "" if given_up is None else "keeps ending")
        if hanging is not None:
            trouble = (hanging.unit.name, "hangs")
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if hanging is not None:
            log.error("%s has not moved for %.0f s", hanging.unit.name, hanging.service.progress.age_s)
        elif given_up is None:
            log.info("all services are well again")
        self._watch.trouble(*trouble)

    def _failed(self, unit: Unit, error: Exception | None) -> None:
        """Note that *unit* ended, or could not be built, and when it is to be tried again."""
        now = time.monotonic()
        record = self._records[unit.name]
        record.failures = [*(at for at in record.failures if now - at < WINDOW_S), now]
        count = len(record.failures)
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (count - 1)) * random.uniform(0.8, 1.2)  # noqa: S311
        if count >= GIVE_UP or record.is_given_up:
            record.is_given_up = True
            wait_s = WINDOW_S
        record.due_s = now + wait_s
        why = str(error or "without a reason")
        if why != record.why or count == GIVE_UP:
            log.warning("%s ended (%d in %.0f s): %s; next try in %.1f s", unit.name, count, WINDOW_S, why, wait_s)
        record.why = why

    # -- stopping ----------------------------------------------------------------------------------

    def _stop(self, *names: str, until_s: float = float("inf")) -> None:
        """Ask all of *names* to end, then wait for each."""
        asked = [(name, running) for name in names if (running := self._running.pop(name, None)) is not None]
        for _, running in asked:
            running.stop.set()
            running.service.wake()
        for name, running in asked:
            left_s = max(0.05, min(running.service.goodbye_s, until_s - time.monotonic()))
            running.thread.join(left_s)
            if running.thread.is_alive():
                log.error("%s did not end within %.1f s and is left behind", name, left_s)

    def _stop_all(self) -> None:
        """In reverse; devices of one kind (`keypad`, `keypad-2`, …) together: sixteen in turn would take too long."""
        until_s = time.monotonic() + GOODBYE_S
        names = [unit.name for unit in reversed(self._units)]
        for _, alike in groupby(names, key=lambda name: name.rstrip("-0123456789")):
            self._stop(*alike, until_s=until_s)
