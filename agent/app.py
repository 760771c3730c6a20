"""The composition root: settings -> drivers -> services -> supervisor. What is put together stands in `agent.wiring`.

Services are built from slices of the settings and are joined only through what outlives them. A reload
reads the file with the same code as the start, and rebuilds the services whose slice changed; a bad file
changes nothing but health.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from agent import __version__
from agent.birth import certificate, components
from agent.clock import Clock, LastSeen, SystemClock
from agent.coverage import seen_today
from agent.errors import PersonMustAct, TryAgain
from agent.event import Lane
from agent.files import FolderTaken, owned
from agent.health import OK, Condition, Status
from agent.notify import Notifier, watchdog_interval_s
from agent.orders import Duties
from agent.outbox.lookback import newest_first
from agent.pictures import Pictures
from agent.rating.figures.ledger import LedgerService
from agent.screen.ingest import Ingest, IngestService
from agent.screen.media import MediaStore
from agent.screen.played import PlayedService
from agent.screen.service import ScreenService
from agent.service import Service
from agent.settings import model
from agent.settings.load import load
from agent.settings.problem import SettingsError
from agent.settings.watch import ConfigWatch, stamp
from agent.supervisor import Supervisor, Unit, Watch
from agent.surveillance.egress.spacing import Spacing
from agent.timekeeper import ClockService
from agent.today import came_today, terms_of, today
from agent.uplink.commands import CommandService
from agent.uplink.payload import ConfigProblem, ConfigReport, Message
from agent.uplink.service import Birth, UplinkService
from agent.vitals import VitalsService
from agent.web.service import WebService
from agent.web.site import Figure, Site
from agent.wiring.cameras import Cameras
from agent.wiring.contents import Contents
from agent.wiring.displays import Displays
from agent.wiring.moods import Moods
from agent.wiring.ratings import Ratings
from agent.wiring.standing import Standing, nameplate

log = logging.getLogger(__name__)

NOT_FITTED = Condition(Status.OFF, "NOT_CONFIGURED")


class App:
    """One counter's daemon."""

    def __init__(self, path: Path, *, clock: Callable[[tzinfo, LastSeen | None], Clock] = SystemClock) -> None:
        """Read the file at *path* and make what outlives the services.

        *clock* is made from the counter's zone and what an earlier life knew of the time.

        Raises:
            SettingsError: the file cannot be used.
        """
        self._path = path
        self._read = stamp(path)
        standing = self._standing = Standing(load(path), clock)
        self.clock, self.health, self.topics = standing.clock, standing.health, standing.topics
        self.outbox, self.hub, self._mailbox = standing.outbox, standing.hub, standing.mailbox
        self._cameras = Cameras(standing)
        self._ratings = Ratings(standing, self._cameras)
        self._displays = Displays(standing)
        self._moods = Moods(standing, self._ratings.sign, changed=self._say_info)
        self.supervisor = Supervisor(Watch(alive=self._alive, trouble=self._moods.trouble))
        self.web: WebService | None = None
        self._notifier = Notifier()
        self._watchdog_s = watchdog_interval_s()
        self._fed_at_s = 0.0
        self._ingest = Ingest(MediaStore(standing.folder / "screen"))
        self._contents = Contents(standing, self._ingest)
        self._config = applied(self.settings)
        self._duties = Duties(
            clock=self.clock,
            health=self.health,
            outbox=self.outbox,
            mailbox=self._mailbox,
            words=lambda: standing.language,
            renew=self._reload_for_an_order,
            pictures=Pictures(
                clock=self.clock,
                outbox=self.outbox,
                cameras=self._cameras.services,
                leases=self._cameras.leases,
                mailbox=self._mailbox,
                topics=self.topics,
                spacing=Spacing(self.clock),
            ),
            sign=self._ratings.sign,
            slip=self._ratings.slip,
            siren=standing.siren,
            sets=self._contents.sets,
            best=lambda: self.settings.rating.scale.best,
        )
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
        self._cameras.forget_others()
        self._report_fitted()
        try:
            self.supervisor.run(self._units(), ready=self._ready)
        finally:
            self.outbox.close()
            self._mailbox.close()
            log.info("stopped")

    def stop(self) -> None:
        """Begin an orderly end; callable from a signal handler."""
        self._notifier.stopping()
        self.supervisor.stop()

    def _ready(self) -> None:
        self._notifier.ready()
        log.info("%s %s is running", self.topics.agent, __version__)

    def _open_outbox(self) -> None:
        is_gone = self._standing.timekeeper.last_life is not None and not self.outbox.path.exists()
        try:
            self.outbox.open()
            if is_gone:
                self.outbox.tell_that_it_was_gone()
        except (TryAgain, PersonMustAct) as error:
            log.error("the outbox cannot be opened; trying again: %s", error)

    def _alive(self) -> None:
        """Feed systemd's watchdog, if there is one, no more often than it asks."""
        now_s = time.monotonic()
        if self._watchdog_s is not None and now_s - self._fed_at_s >= self._watchdog_s:
            self._fed_at_s = now_s
            self._notifier.watchdog()

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
        self._notifier.reloading()
        try:
            self._read = stamp(self._path)
            settings = load(self._path, running=self.settings)
        except SettingsError as error:
            errors = [ConfigProblem.model_validate(problem.payload()) for problem in error.problems]
            self._config = ConfigReport(hash="", status="rejected", errors=errors, running=self._config.running)
            first = error.problems[0].render().partition("\n")[0]
            self.health.report(
                "config", Condition(Status.DEGRADED, "CONFIG_REJECTED", {"count": len(error.problems), "first": first})
            )
            raise
        else:
            if settings != self.settings:
                self._apply(settings)
            self._config = applied(settings)
            self.health.report("config", OK)
            return settings.digest
        finally:
            self._mailbox.say(Message(self.topics.config, self._config.encode(), is_retained=True))
            self._notifier.ready()

    def _apply(self, settings: model.Settings) -> None:
        before, self._standing.settings = self.settings, settings
        self._ratings.renew_gate()
        self.outbox.keep_days = settings.outbox.keep_days
        self.outbox.limit_bytes = settings.outbox.limit_mb * 1024**2
        self.hub.set_nameplate(nameplate(settings))
        self.hub.set_theme(settings.screen.drawn)
        self.supervisor.replace(self._units())
        self._cameras.forget_others()
        for component in components(before) - components(settings):
            self.health.forget(component)
            self._standing.ledger.forget(component)
            self._mailbox.say(Message(self.topics.health(component), b"", is_retained=True))
        if before.screen.content is not None and settings.screen.content is None:
            self._mailbox.say(Message(self.topics.content_report, b"", is_retained=True))
        self._report_fitted()
        self._say_info()
        changed = sorted(model.changed_sections(before, settings))
        log.info("the configuration was applied; changed: %s", ", ".join(changed))

    def _report_fitted(self) -> None:
        fitted = components(self.settings)
        for component in ("camera", "keypad"):
            if component not in fitted:
                self.health.report(component, NOT_FITTED)
        if self.settings.qr is None:
            self.health.report("qr", NOT_FITTED)
        self._moods.report()
        self.health.report("config", OK)

    # -- services ----------------------------------------------------------------------------------

    def _units(self) -> list[Unit]:
        """Every service in the order of its start; each with the slice of the settings it is made of."""
        settings = self.settings
        language = settings.counter.language
        return [
            *self.units_before,
            Unit("clock", self._keep_time),
            Unit("vitals", self._vitals),
            Unit("outages", self._outages),
            *self._ratings.units(self._moods),
            Unit("commands", self._commands),
            Unit("uplink", self._uplink, (settings.uplink, language)),
            Unit("ingest", partial(IngestService, self._ingest)),
            self._contents.unit(),
            Unit("screen", self._screen, (settings.screen, settings.qr, settings.counter)),
            Unit("played", self._played),
            Unit("web", self._web, (settings.web.listen, language)),
            *self._displays.units(),
            *self._ratings.phone_units(),
            *self._cameras.units(),
            Unit("config", self._config_watch),
        ]

    def _keep_time(self) -> Service:
        return ClockService(self._standing.timekeeper, append=self.outbox.append, health=self.health)

    def _vitals(self) -> Service:
        return VitalsService(outbox=self.outbox, health=self.health)

    def _outages(self) -> Service:
        alerts = partial(newest_first, self.outbox, Lane.ALERT)
        return LedgerService(self._standing.ledger, append=self.outbox.append, alerts=alerts)

    def _commands(self) -> Service:
        return CommandService(
            orders=self._standing.orders,
            topics=self.topics,
            journal=self.outbox,
            clock=self.clock,
            say=self._mailbox.say,
            largest_bytes=lambda: self._mailbox.largest_bytes,
            handlers=self._duties.handlers(),
        )

    def _uplink(self) -> Service:
        return UplinkService(
            self.settings.uplink,
            topics=self.topics,
            outbox=self.outbox,
            health=self.health,
            language=self._standing.language,
            clock=self.clock,
            birth=Birth(info=self._info, config=self._config_report),
            orders=self._standing.orders,
            mailbox=self._mailbox,
            handed=self._ratings.handed.put,
            content=self._contents.inbox.put,
        )

    def _screen(self) -> Service:
        gate = self._ratings.gate
        return ScreenService(
            self.settings.screen,
            hub=self.hub,
            ingest=self._ingest,
            health=self.health,
            clock=self.clock,
            language=self._standing.language,
            calendar=self.settings.counter.calendar,
            siren=self._standing.siren,
            sources=self._contents.sources,
            glass=self._standing.glass,
            address=gate.address if gate is not None else lambda: None,
            code_lasts_s=gate.lasts_s if gate is not None else None,
        )

    def _played(self) -> Service:
        return PlayedService(self.hub.tally, append=self.outbox.append, clock=self.clock)

    def _web(self) -> Service:
        site = Site(
            hub=self.hub,
            health=self.health,
            store=self._ingest.store,
            refusals=self._ingest.refusals.all,
            language=self._standing.language,
            figures=self._figures,
            cameras=self._cameras.seen,
            picture=self._cameras.preview.picture,
            glass=self._standing.glass,
            routes=self.routes,
        )
        self.web = WebService(self.settings.web.listen, site, after=self._ratings.have_keypads_been_tried)
        return self.web

    def _config_watch(self) -> Service:
        return ConfigWatch(self._path, read=lambda: self._read, changed=self.request_reload)

    # -- what it says of itself --------------------------------------------------------------------

    def web_is_up(self, *, within_s: float) -> int | None:
        """The port the pages answer on, as soon as they do; None when that took too long."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if self.web is not None and self.web.ready.wait(0.1):
                return self.web.port
            time.sleep(0.02)
        return None

    def code_on_screen(self) -> str | None:
        """The address that the rating QR says now; None: there is none."""
        gate = self._ratings.gate
        return gate.shown if gate is not None else None

    def _figures(self) -> dict[str, Figure]:
        standing = self.outbox.standing()
        marks = standing.lanes.values()
        return {
            "last": sum(mark.last for mark in marks),
            "pending": sum(mark.pending for mark in marks),
            "lost": sum(mark.lost for mark in marks),
            "held": standing.held,
            **today(self._standing.ledger, terms_of(self.settings), self.clock.now(), self._standing.language),
            **seen_today(self.settings, self.clock.now(), self._standing.language),
            **came_today(self._cameras.doorways.told_today()),
        }

    def _config_report(self) -> bytes:
        return self._config.encode()

    def _info(self) -> bytes:
        mode = self._moods.mode
        return certificate(
            self.settings,
            health=self.health,
            boot=self.clock.boot,
            capabilities=self._duties.handlers(),
            mode=mode.kind if mode is not None else None,
        ).encode()

    def _say_info(self) -> None:
        self._mailbox.say(Message(self.topics.info, self._info(), is_retained=True))


def applied(settings: model.Settings) -> ConfigReport:
    """What is said of *settings* that run."""
    return ConfigReport(hash=settings.digest, status="applied", running=settings.digest)
