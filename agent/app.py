"""The composition root: settings -> drivers -> services -> supervisor. What is put together stands in `agent.wiring`.

Services are built from slices of the settings and are joined only through what outlives them. A reload
reads the file with the same code as the start, and rebuilds the services whose slice changed; a bad file
changes nothing but health.

A start has two steps, for a citizen may press while it goes on: first the way from a key to the outbox, then, once the
keypads have been tried, all the rest.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import __version__
from agent.clock import Clock, LastSeen, SystemClock
from agent.errors import PersonMustAct, TryAgain
from agent.event import Lane
from agent.files import FolderTaken, owned
from agent.health import OK, Condition, Report, Status
from agent.memory import share_arenas
from agent.notify import Notifier, watchdog_interval_s
from agent.outbox.lookback import newest_first
from agent.rating.figures.ledger import LedgerService
from agent.service import Service
from agent.settings import model
from agent.settings.load import load
from agent.settings.problem import SettingsError
from agent.settings.watch import stamp
from agent.supervisor import Supervisor, Unit, Watch
from agent.timekeeper import ClockService
from agent.wiring.moods import Moods
from agent.wiring.ratings import Ratings
from agent.wiring.standing import Standing, nameplate

if TYPE_CHECKING:
    from agent.wiring.rest import Rest

log = logging.getLogger(__name__)

GO_FIRST_S = 2.0
"""A keypad that could not be tried by then is not waited for."""


class App:
    """One counter's daemon."""

    def __init__(self, path: Path, *, clock: Callable[[tzinfo, LastSeen | None], Clock] = SystemClock) -> None:
        """Read the file at *path* and make what outlives the services.

        *clock* is made from the counter's zone and what an earlier life knew of the time.

        Raises:
            SettingsError: the file cannot be used.
        """
        share_arenas()
        self._path = path
        self._read = stamp(path)
        standing = self._standing = Standing(load(path), clock)
        self.clock, self.health, self.outbox, self.hub = standing.clock, standing.health, standing.outbox, standing.hub
        self._ratings = Ratings(standing)
        self._moods = Moods(standing, self._ratings.sign, changed=self._say_info)
        self.supervisor = Supervisor(Watch(alive=self._alive, trouble=self._moods.trouble))
        self._notifier = Notifier()
        self._watchdog_s = watchdog_interval_s()
        self._fed_at_s = 0.0
        self._rest: Rest | None = None
        self._rest_at_s = float("inf")
        self.units_before: Sequence[Unit] = ()
        """Further services, started before all others and stopped after them; set before `run`."""
        self.routes: Sequence[Any] = ()
        """Further pages, asked before the site's own; set before `run`."""

    @property
    def settings(self) -> model.Settings:
        """As they are now."""
        return self._standing.settings

    # -- life --------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until `stop`, SIGTERM or SIGINT. Must be called on the main thread.

        Raises:
            FolderTaken: another agent keeps its events in the same folder.
        """
        folder = self._standing.folder
        try:
            with owned(folder):
                self._run()
        except FolderTaken as error:
            raise FolderTaken(self._standing.language.text("run.folder_taken", folder=folder)) from error

    def _run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        in_a_terminal = sys.stdin is not None and sys.stdin.isatty()  # there, SIGHUP says that it was closed
        signal.signal(signal.SIGHUP, lambda *_: self.stop() if in_a_terminal else self.request_reload())
        self._open_outbox()
        self._moods.report()
        self.health.report("config", OK)
        self.health.listen(self._hear)
        self._rest_at_s = time.monotonic() + GO_FIRST_S
        try:
            self.supervisor.run(self._units(), ready=self._go_on)
        finally:
            self.outbox.close()
            if self._rest is not None:
                self._rest.close()
            log.info("stopped")

    def stop(self) -> None:
        """Begin an orderly end; callable from a signal handler."""
        self._notifier.stopping()
        self.supervisor.stop()

    def _open_outbox(self) -> None:
        is_gone = self._standing.timekeeper.last_life is not None and not self.outbox.path.exists()
        try:
            self.outbox.open()
            if is_gone:
                self.outbox.tell_that_it_was_gone()
        except (TryAgain, PersonMustAct) as error:
            log.error("the outbox cannot be opened; trying again: %s", error)

    def _hear(self, report: Report) -> None:
        """From any thread: a keypad that was tried is what the second step waits for."""
        if self._rest is None and report.component.startswith("keypad"):
            self.supervisor.nudge()

    def _go_on(self) -> None:
        """Take the second step if it is time for it. Main thread."""
        if self._rest is None and (self._ratings.have_keypads_been_tried() or time.monotonic() > self._rest_at_s):
            self._take_second_step()

    def _take_second_step(self) -> "Rest":
        from agent.wiring.rest import File, Rest  # noqa: PLC0415 - this is what takes its time

        file = File(self._path, lambda: self._read, self.request_reload, self._reload_for_an_order)
        self._rest = Rest(self._standing, self._ratings, self._moods, file, routes=self.routes)
        self._rest.report_fitted()
        self.supervisor.replace(self._units())
        self._notifier.ready()
        log.info("%s %s is running", self.settings.counter.agent, __version__)
        return self._rest

    def _alive(self) -> None:
        """Feed systemd's watchdog, if there is one, no more often than it asks."""
        now_s = time.monotonic()
        if self._watchdog_s is not None and now_s - self._fed_at_s >= self._watchdog_s:
            self._fed_at_s = now_s
            self._notifier.watchdog()
        self._go_on()

    # -- settings ----------------------------------------------------------------------------------

    def request_reload(self) -> None:
        """Read the file again soon, on the main thread; callable from anywhere, also from a signal handler."""
        self.supervisor.call(self._reload_quietly)

    def _reload_quietly(self) -> None:
        try:
            self.reload()
        except SettingsError as error:
            log.error("the configuration is not used, the one before it stays:\n%s", error.render())

    def _reload_for_an_order(self) -> str:
        digest: str = self.supervisor.call(self.reload).result(timeout=30)
        return digest

    def reload(self) -> str:
        """Read the file and rebuild what its changes concern; the digest then running. Main thread only.

        Raises:
            SettingsError: the file cannot be used; nothing changed.
        """
        rest = self._rest or self._take_second_step()
        self._notifier.reloading()
        try:
            self._read = stamp(self._path)
            settings = load(self._path, running=self.settings)
        except SettingsError as error:
            first = error.problems[0].render().partition("\n")[0]
            self.health.report(
                "config", Condition(Status.DEGRADED, "CONFIG_REJECTED", {"count": len(error.problems), "first": first})
            )
            rest.say_refused(error)
            raise
        else:
            if settings != self.settings:
                self._apply(settings, rest)
            self.health.report("config", OK)
            rest.say_applied()
            return settings.digest
        finally:
            self._notifier.ready()

    def _apply(self, settings: model.Settings, rest: "Rest") -> None:
        before, self._standing.settings = self.settings, settings
        self.outbox.keep_days = settings.outbox.keep_days
        self.outbox.limit_bytes = settings.outbox.limit_mb * 1024**2
        self.hub.set_nameplate(nameplate(settings))
        self.hub.set_theme(settings.screen.drawn)
        rest.renew()
        self.supervisor.replace(self._units())
        rest.forget(before)
        self._moods.report()
        changed = sorted(model.changed_sections(before, settings))
        log.info("the configuration was applied; changed: %s", ", ".join(changed))

    # -- services ----------------------------------------------------------------------------------

    def _units(self) -> list[Unit]:
        """Every service in the order of its start; each with the slice of the settings it is made of."""
        return [
            *self.units_before,
            Unit("clock", self._keep_time),
            Unit("outages", self._outages),
            *self._ratings.units(self._moods),
            *(self._rest.units() if self._rest is not None else []),
        ]

    def _keep_time(self) -> Service:
        return ClockService(self._standing.timekeeper, append=self.outbox.append, health=self.health)

    def _outages(self) -> Service:
        alerts = partial(newest_first, self.outbox, Lane.ALERT)
        return LedgerService(self._standing.ledger, append=self.outbox.append, alerts=alerts)

    # -- what it says of itself --------------------------------------------------------------------

    def web_is_up(self, *, within_s: float) -> int | None:
        """The port the pages answer on, as soon as they do; None when that took too long."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            web = self._rest.web if self._rest is not None else None
            if web is not None and web.ready.wait(0.1):
                return web.port
            time.sleep(0.02)
        return None

    def code_on_screen(self) -> str | None:
        """The address that the rating QR says now; None: there is none."""
        gate = self._rest.phones.gate if self._rest is not None else None
        return gate.shown if gate is not None else None

    def _say_info(self) -> None:
        if self._rest is not None:
            self._rest.say_info()
