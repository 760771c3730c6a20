"""The composition root: settings -> drivers -> services -> supervisor. The only file that sees everything.

What outlives a service stands here: health, outbox, mailbox, tray, hub. Services are built from slices
of the settings and are joined only through these. A reload reads the file with the same code as the
start, and rebuilds the services whose slice changed; a bad file changes nothing but health.
"""

import logging
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from agent import __version__
from agent.alive import read_mark
from agent.birth import certificate, components, keys_of, numbered
from agent.clock import Clock, LastSeen, SystemClock
from agent.errors import PersonMustAct, TryAgain
from agent.event import Lane
from agent.evidence import heads_line, look_at_cameras, thirty_days
from agent.files import FolderTaken, owned
from agent.health import OK, Condition, Health, Status
from agent.language import Language, language
from agent.notify import Notifier, watchdog_interval_s
from agent.orders import Duties
from agent.outbox.lookback import last_of, newest_first
from agent.outbox.store import Outbox
from agent.rating.bookkeeper import Bookkeeper, Lanes
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.findings import DAYS
from agent.rating.gate import Gate
from agent.rating.handed import Answer, Handed, HandedService
from agent.rating.inspection_service import HEARD, Evidence, Felt, Fitted, InspectionService
from agent.rating.keypad import KeypadService
from agent.rating.ledger import Ledger, LedgerService
from agent.rating.mode_service import ModeService
from agent.rating.modes import Mode, ModeKind
from agent.rating.opening import opening
from agent.rating.reception import CounterReception
from agent.rating.service import RatingService
from agent.rating.sign import Sign, read_mode
from agent.rating.slip import Slip, read_slip
from agent.rating.tray import Arrival, Tray
from agent.rating.visit import Place
from agent.screen.hub import Banner, Nameplate, ScreenHub
from agent.screen.media import MediaStore
from agent.screen.qr import rating_qr
from agent.screen.service import ScreenService
from agent.service import Service
from agent.settings import model
from agent.settings.load import load
from agent.settings.problem import SettingsError
from agent.settings.watch import ConfigWatch, stamp
from agent.supervisor import Supervisor, Unit, Watch
from agent.surveillance.archivist import Archivist, Recorded
from agent.surveillance.process import folder_of
from agent.surveillance.retention import Limits
from agent.surveillance.service import CameraService
from agent.timekeeper import ClockService, Timekeeper
from agent.today import terms_of, today
from agent.uplink.commands import WAITING, CommandService, Orders
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import ConfigProblem, ConfigReport, Message, Result
from agent.uplink.service import Birth, UplinkService
from agent.uplink.topics import Topics
from agent.vitals import VitalsService
from agent.web.phone_service import PhoneService
from agent.web.service import WebService
from agent.web.site import Figure, Site
from drivers import registry
from drivers.base import Keypad, Press

log = logging.getLogger(__name__)

NOT_COUNTED = {ModeKind.TRAINING: "AGENT_TRAINING", ModeKind.INSPECTION: "AGENT_INSPECTION"}
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
        self.settings = load(path)
        counter = self.settings.counter
        alive = self.settings.outbox.path.with_name("alive.json")
        mark = read_mark(alive)
        self.clock = clock(counter.zone, mark.seen if mark is not None else None)
        self.health = Health(self.clock)
        self.topics = Topics(counter.province, counter.agent)
        self.outbox = Outbox(
            self.settings.outbox.path,
            province=counter.province,
            agent=counter.agent,
            clock=self.clock,
            keep_days=self.settings.outbox.keep_days,
            limit_bytes=self.settings.outbox.limit_mb * 1024**2,
        )
        self._timekeeper = Timekeeper(self.clock, alive, mark)
        self.ledger = Ledger(
            self.clock,
            zone=counter.zone,
            opening=lambda day: opening(day, counter.zone, self.settings.counter.hours.spans),
            life=self._timekeeper.last_life,
            notes=mark.outages if mark is not None else (),
        )
        self._timekeeper.outages = self.ledger.notes
        self.health.listen(self.ledger.hear)
        mode = self.settings.outbox.path.with_name("mode.json")
        self._sign = Sign(mode, self.clock, read_mode(mode))
        slip = mode.with_name("inspection-code.json")
        self._slip = Slip(slip, self.clock, read_slip(slip))
        self._felt: Felt = queue.Queue(HEARD)
        self._inspection: InspectionService | None = None
        self.hub = ScreenHub(nameplate(counter), self.clock)
        self.supervisor = Supervisor(Watch(alive=self._alive, trouble=self._trouble))
        self.web: WebService | None = None
        self._notifier = Notifier()
        self._watchdog_s = watchdog_interval_s()
        self._fed_at_s = 0.0
        self._mailbox = Mailbox()
        self._orders: Orders = queue.Queue(WAITING)
        self._tray = Tray()
        self._handed = Handed()
        self._media = MediaStore(self.settings.outbox.path.parent / "screen")
        self._keypads: dict[str, KeypadService] = {}
        self._cameras: dict[str, CameraService] = {}
        self._recorded: dict[str, Recorded] = {}
        self._config = applied(self.settings)
        self._gate = self._make_gate()
        self._duties = Duties(
            clock=self.clock,
            health=self.health,
            outbox=self.outbox,
            mailbox=self._mailbox,
            words=lambda: self._language,
            renew=self._reload_for_an_order,
            cameras=lambda: {camera.name: self._cameras[camera.name] for camera in self.settings.cameras},
            sign=self._sign,
            slip=self._slip,
            best=lambda: self.settings.rating.scale.best,
        )
        self._mode: Mode | None = None
        """The mode that is on, as it was told last."""
        self._trouble_with: Condition | None = None
        self._about_agent = threading.Lock()
        """Around the two lines above and what health says of them: two threads know of them."""
        self.units_before: Sequence[Unit] = ()
        """Further services, started before all others and stopped after them; set before `run`."""
        self.routes: Sequence[Any] = ()
        """Further pages, asked before the site's own; set before `run`."""

    # -- life --------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until `stop`, SIGTERM or SIGINT. Must be called on the main thread.

        Raises:
            FolderTaken: another agent keeps its events in the same folder.
        """
        folder = self.settings.outbox.path.parent
        try:
            with owned(folder):
                self._run()
        except FolderTaken as error:
            raise FolderTaken(self._language.text("run.folder_taken", folder=folder)) from error

    def _run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        in_a_terminal = sys.stdin is not None and sys.stdin.isatty()  # there, SIGHUP says that it was closed
        signal.signal(signal.SIGHUP, lambda *_: self.stop() if in_a_terminal else self.request_reload())
        self._open_outbox()
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
        is_gone = self._timekeeper.last_life is not None and not self.outbox.path.exists()
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

    def _trouble(self, name: str | None, what: str) -> None:
        """A service keeps ending or hangs, or (name None) all are well again."""
        code = "AGENT_HANGS" if what == "hangs" else "AGENT_KEEPS_ENDING"
        with self._about_agent:
            self._trouble_with = None if name is None else Condition(Status.DEGRADED, code, {"service": name})
            self._report_agent()

    def _mode_is(self, mode: Mode | None) -> None:
        """Ratings are not counted from now on, or (None) they are."""
        with self._about_agent:
            is_news, self._mode = mode != self._mode, mode
            self._report_agent()
        left_s = self._sign.left_s
        if mode is not None:
            now = self.clock.read()
            until = f"{now.before(-left_s).at:%H:%M}" if now.quality.is_trusted else ""
            self.hub.set_banner(Banner(mode.kind.value, until, self.clock.monotonic() + left_s))
        else:
            self.hub.set_banner(None)
        if is_news:
            self._mailbox.say(Message(self.topics.info, self._info(), is_retained=True))

    def _report_agent(self) -> None:
        """The worst of what concerns the agent as a whole."""
        condition, mode = self._trouble_with, self._mode
        if condition is None and mode is not None:
            values = {"by": mode.lease.by, "minutes": round(mode.lease.lasts_s / 60)}
            condition = Condition(Status.DEGRADED, NOT_COUNTED[mode.kind], values)
        self.health.report("agent", condition or OK)

    # -- settings ----------------------------------------------------------------------------------

    @property
    def _language(self) -> Language:
        return language(self.settings.counter.language)

    def request_reload(self) -> None:
        """Read the file again soon, on the main thread; callable from anywhere, also from a signal handler."""
        self.supervisor.call(self._reload_quietly)

    def _reload_quietly(self) -> None:
        try:
            self.reload()
        except SettingsError as error:
            log.error("the configuration is not used, the one before it stays:\n%s", error.render())

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
        before, self.settings = self.settings, settings
        if settings.qr != before.qr:
            self._gate = self._make_gate()
        self.outbox.keep_days = settings.outbox.keep_days
        self.outbox.limit_bytes = settings.outbox.limit_mb * 1024**2
        self.hub.set_nameplate(nameplate(settings.counter))
        self.supervisor.replace(self._units())
        for component in components(before) - components(settings):
            self.health.forget(component)
            self.ledger.forget(component)
            self._mailbox.say(Message(self.topics.health(component), b"", is_retained=True))
        self._report_fitted()
        self._mailbox.say(Message(self.topics.info, self._info(), is_retained=True))
        changed = sorted(model.changed_sections(before, settings))
        log.info("the configuration was applied; changed: %s", ", ".join(changed))

    def _report_fitted(self) -> None:
        fitted = components(self.settings)
        for component in ("camera", "keypad"):
            if component not in fitted:
                self.health.report(component, NOT_FITTED)
        if self.settings.qr is None:
            self.health.report("qr", NOT_FITTED)
        with self._about_agent:
            self._report_agent()
        self.health.report("config", OK)

    # -- services ----------------------------------------------------------------------------------

    def _units(self) -> list[Unit]:
        """Every service in the order of its start; each with the slice of the settings it is made of."""
        settings = self.settings
        counter = settings.counter
        keypads = list(zip(numbered("keypad"), settings.keypads, strict=False))
        cameras = list(zip(numbered("camera"), settings.cameras, strict=False))
        return [
            *self.units_before,
            Unit("clock", self._keep_time),
            Unit("vitals", self._vitals),
            Unit("outages", self._outages),
            Unit("rating", self._rating, (counter, settings.rating, settings.keypads)),
            *(Unit(name, partial(self._keypad, name, keypad), keypad) for name, keypad in keypads),
            Unit("modes", self._modes),
            Unit("bookkeeper", self._bookkeeper, (counter, settings.rating, settings.keypads, settings.qr)),
            Unit(
                "inspection", self._inspect, (counter, settings.rating, settings.keypads, settings.qr, settings.cameras)
            ),
            *([Unit("handed", self._hand_over, settings.qr)] if settings.qr and settings.qr.mode == "portal" else []),
            Unit("commands", self._commands),
            Unit("uplink", self._uplink, (settings.uplink, counter.language)),
            Unit("screen", self._screen, (settings.screen, settings.qr, counter.language)),
            Unit("web", self._web, (settings.web.listen, counter.language)),
            *self._phone_units(),
            *(
                Unit(f"archive-{camera.name}", partial(self._archivist, camera), camera)
                for camera in settings.cameras
                if camera.record is not None
            ),
            *(Unit(name, partial(self._camera, name, camera), (camera, counter.timezone)) for name, camera in cameras),
            Unit("config", self._config_watch),
        ]

    def _config_watch(self) -> Service:
        return ConfigWatch(self._path, read=lambda: self._read, changed=self.request_reload)

    def _vitals(self) -> Service:
        return VitalsService(outbox=self.outbox, health=self.health)

    def _keep_time(self) -> Service:
        return ClockService(self._timekeeper, append=self.outbox.append, health=self.health)

    def _outages(self) -> Service:
        alerts = partial(newest_first, self.outbox, Lane.ALERT)
        return LedgerService(self.ledger, append=self.outbox.append, alerts=alerts)

    def _bookkeeper(self) -> Service:
        return Bookkeeper(
            terms_of(self.settings),
            Lanes(self.outbox.append, partial(newest_first, self.outbox), partial(last_of, self.outbox)),
            ledger=self.ledger,
            clock=self.clock,
            held=lambda: self.outbox.standing().held,
            bucket_s=self.settings.rating.privacy.bucket_min * 60.0,
        )

    def _rating(self) -> Service:
        settings = self.settings
        rules = Rules(
            correction_s=settings.rating.correction_s,
            lockout_s=settings.rating.lockout_s,
            max_per_hour=settings.rating.max_per_hour,
            is_open=settings.counter.hours.is_open,
            mode=self._sign.flag_at,
        )
        keys = {name: keys_of(keypad) for name, keypad in zip(numbered("keypad"), settings.keypads, strict=False)}
        desk = Desk(
            settings.rating.scale, keys, rules, counter=settings.counter.number, commune=settings.counter.commune
        )
        privacy = settings.rating.privacy
        clerk = Clerk(
            self.outbox,
            Release(privacy.release_min, settle_s=settings.rating.correction_s + 1.0),
            bucket_min=privacy.bucket_min,
            clock=self.clock,
        )
        return RatingService(desk, self._tray, clerk=clerk, thank=self._thank, clock=self.clock, health=self.health)

    def _modes(self) -> Service:
        return ModeService(self._sign, append=self.outbox.append, tell=self._mode_is, clock=self.clock)

    def _inspect(self) -> Service:
        settings = self.settings
        keypads = dict(zip(numbered("keypad"), settings.keypads, strict=False))
        terms = terms_of(settings)
        fitted = Fitted(
            scale=settings.rating.scale,
            keys={name: keys_of(keypad) for name, keypad in keypads.items()},
            has_qr=settings.qr is not None,
            cameras=[camera.name for camera in settings.cameras],
        )
        evidence = Evidence(
            look=lambda: look_at_cameras(self._duties.cameras, self.health),
            findings=lambda: thirty_days(self.outbox, self.ledger.ledger(DAYS), terms, self.clock.now()),
            heads=lambda: heads_line(self.outbox, settings.counter.agent),
            draw=rating_qr,
        )
        service = self._inspection = InspectionService(
            self._sign,
            self._slip,
            self._felt,
            fitted=fitted,
            evidence=evidence,
            append=self.outbox.append,
            show=self.hub.set_panel,
            language=self._language,
            clock=self.clock,
        )
        return service

    def _qr_opened(self) -> None:
        if self._inspection is not None:
            self._inspection.qr_opened()

    def _deliver(self, keypad: str, press: Press) -> None:
        """To the desk; and, without waiting, to whoever leads an inspection."""
        self._tray.put(keypad, press)
        with suppress(queue.Full):
            self._felt.put_nowait(Arrival(keypad, press))

    def _keypad(self, name: str, settings: model.Keypad) -> Service:
        def make() -> Keypad:
            driver = registry.find("keypad", settings.driver)(settings.options)
            if not isinstance(driver, Keypad):
                raise PersonMustAct(f'the driver "{settings.driver}" is not a keypad')
            return driver

        service = KeypadService(name, make, partial(self._deliver, name), keys=keys_of(settings), health=self.health)
        self._keypads[name] = service
        return service

    def _thank(self, keypad: str) -> None:
        """A rating from *keypad* is stored: say so on the screen and at the keypad, whatever was pressed."""
        self.hub.thank()
        if keypad in self._keypads:
            self._keypads[keypad].thank()

    def _make_gate(self) -> Gate | None:
        """Lives as long as these settings of the QR: a token that was shown stays good when the screen is rebuilt."""
        qr = self.settings.qr
        if qr is None:
            return None
        agent = self.settings.counter.agent
        return Gate(qr, agent, clock=self.clock, health=self.health, opened=self._qr_opened)

    def _hand_over(self) -> Service:
        if self._gate is None:
            raise ValueError("there is no gate for phones")
        return HandedService(self._handed, gate=self._gate, urn=self._tray, answer=self._answer_ballot)

    def _answer_ballot(self, ballot_id: str, answer: Answer, reason: str) -> None:
        result = Result(status=answer.value, reason=reason or None)
        self._mailbox.say(Message(self.topics.result("rating", ballot_id), result.encode()))

    def _commands(self) -> Service:
        return CommandService(
            orders=self._orders,
            topics=self.topics,
            journal=self.outbox,
            clock=self.clock,
            say=self._mailbox.say,
            largest_bytes=lambda: self._mailbox.largest_bytes,
            handlers=self._duties.handlers(),
        )

    def _reload_for_an_order(self) -> str:
        digest: str = self.supervisor.call(self.reload).result(timeout=30)
        return digest

    def _uplink(self) -> Service:
        return UplinkService(
            self.settings.uplink,
            topics=self.topics,
            outbox=self.outbox,
            health=self.health,
            language=self._language,
            clock=self.clock,
            birth=Birth(info=self._info, config=self._config_report),
            orders=self._orders,
            mailbox=self._mailbox,
            handed=self._handed.put,
        )

    def _screen(self) -> Service:
        return ScreenService(
            self.settings.screen,
            hub=self.hub,
            store=self._media,
            health=self.health,
            clock=self.clock,
            language=self._language,
            address=self._gate.address if self._gate is not None else lambda: None,
            code_lasts_s=self._gate.lasts_s if self._gate is not None else None,
        )

    def _web(self) -> Service:
        site = Site(
            hub=self.hub,
            health=self.health,
            store=self._media,
            language=self._language,
            figures=self._figures,
            routes=self.routes,
        )
        self.web = WebService(self.settings.web.listen, site, after=self._have_keypads_been_tried)
        return self.web

    def code_on_screen(self) -> str | None:
        """The address that the rating QR says now; None: there is none."""
        return self._gate.shown if self._gate is not None else None

    def _phone_units(self) -> list[Unit]:
        """The rating page on the counter's own network, where there is one."""
        settings, gate = self.settings, self._gate
        network = settings.web.counter_network
        if network is None or gate is None:
            return []
        made_of = (network, settings.qr, settings.counter, settings.rating.scale)
        return [Unit("phone", partial(self._phone, network, gate), made_of)]

    def _phone(self, network: str, gate: Gate) -> Service:
        counter = self.settings.counter
        place = Place(counter.name, counter.number, self.settings.rating.scale, counter.hotlines)
        reception = CounterReception(gate, self._tray, agent=counter.agent, place=place, clock=self.clock)
        return PhoneService(network, reception, health=self.health, after=self._have_keypads_been_tried)

    def _have_keypads_been_tried(self) -> bool:
        told = {report.component for report in self.health.reports()}
        return told.issuperset(numbered("keypad")[: len(self.settings.keypads)])

    def _camera(self, component: str, camera: model.Camera) -> Service:
        service = self._cameras[camera.name] = CameraService(
            component,
            camera,
            self.health,
            timezone=self.settings.counter.timezone,
            recorded=self._recorded.setdefault(camera.name, Recorded()).put,
        )
        return service

    def _archivist(self, camera: model.Camera) -> Service:
        folder, record = folder_of(camera), camera.record
        if folder is None or record is None:
            raise ValueError(f"camera {camera.name} is not recorded")
        return Archivist(
            f"archive-{camera.name}",
            folder,
            Limits(record.keep_days, record.limit_bytes),
            self._recorded.setdefault(camera.name, Recorded()),
            camera=camera.name,
            clock=self.clock,
        )

    def web_is_up(self, *, within_s: float) -> int | None:
        """The port the pages answer on, as soon as they do; None when that took too long."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if self.web is not None and self.web.ready.wait(0.1):
                return self.web.port
            time.sleep(0.02)
        return None

    # -- what it says of itself --------------------------------------------------------------------

    def _figures(self) -> dict[str, Figure]:
        standing = self.outbox.standing()
        marks = standing.lanes.values()
        return {
            "last": sum(mark.last for mark in marks),
            "pending": sum(mark.pending for mark in marks),
            "lost": sum(mark.lost for mark in marks),
            "held": standing.held,
            **today(self.ledger, terms_of(self.settings), self.clock.now(), self._language),
        }

    def _config_report(self) -> bytes:
        return self._config.encode()

    def _info(self) -> bytes:
        return certificate(
            self.settings,
            health=self.health,
            boot=self.clock.boot,
            capabilities=self._duties.handlers(),
            mode=self._mode.kind if self._mode is not None else None,
        ).encode()


def applied(settings: model.Settings) -> ConfigReport:
    return ConfigReport(hash=settings.digest, status="applied", running=settings.digest)


def nameplate(counter: model.Counter) -> Nameplate:
    return Nameplate(
        unit=counter.name,
        number=counter.number,
        hotlines=counter.hotlines,
        hours=counter.hours.spell(language(counter.language)),
        language=counter.language,
        zone=counter.timezone,
    )
