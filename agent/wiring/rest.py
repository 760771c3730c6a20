"""Everything but the way from a key to the outbox: pages, uplink, orders, phones, cameras, content, inspections.

Made once the keypads have been tried, for a press is not to wait until all of this is loaded; from then on it stands
like the rest of what outlives the services.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agent.birth import certificate
from agent.coverage import seen_today
from agent.fitted import components
from agent.health import Condition, Status
from agent.orders import Duties
from agent.pictures import Pictures
from agent.screen.glass import Glass
from agent.screen.media.ingest import Ingest, IngestService
from agent.screen.media.store import MediaStore
from agent.screen.planning.emergency import Siren, read_alarm
from agent.screen.played import PlayedService
from agent.screen.service import ScreenService
from agent.service import Service
from agent.settings import model
from agent.settings.problem import SettingsError
from agent.settings.watch import ConfigWatch, Stamp
from agent.supervisor import Unit
from agent.surveillance.egress.spacing import Spacing
from agent.today import came_today, terms_of, today
from agent.uplink.commands import WAITING, CommandService, Orders
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import ConfigProblem, ConfigReport, Message
from agent.uplink.service import Birth, UplinkService
from agent.vitals import VitalsService
from agent.web.service import WebService
from agent.web.site import Figure, Site
from agent.wiring.cameras import Cameras
from agent.wiring.contents import Contents
from agent.wiring.days import Days
from agent.wiring.displays import Displays
from agent.wiring.moods import Moods
from agent.wiring.phones import Phones
from agent.wiring.ratings import Ratings
from agent.wiring.standing import Standing

NOT_FITTED = Condition(Status.OFF, "NOT_CONFIGURED")


@dataclass(frozen=True)
class File:
    """The configuration file, as the daemon holds it."""

    path: Path
    read: Callable[[], Stamp]
    """What it was when it was read last."""
    changed: Callable[[], None]
    """Have it read again soon; callable from anywhere."""
    renew: Callable[[], str]
    """Have it read again and wait: the digest then running."""


class Rest:
    """What outlives those services, and the services. Main thread only, but for what services call."""

    def __init__(
        self, standing: Standing, ratings: Ratings, moods: Moods, file: File, *, routes: Sequence[Any]
    ) -> None:
        """*routes* are further pages, asked before the site's own."""
        self._standing, self._ratings, self._moods, self._file, self._routes = standing, ratings, moods, file, routes
        self.mailbox = Mailbox()
        self._orders = Orders(WAITING)
        alarm = standing.folder / "emergency.json"
        before, append = standing.timekeeper.last_life, standing.outbox.append
        self._siren = Siren(alarm, standing.clock, read_alarm(alarm), before, append=append)
        self._glass = Glass(
            standing.hub,
            standing.clock,
            output=lambda: standing.settings.screen.output,
            calendar=lambda: standing.settings.counter.calendar,
        )
        self._ingest = Ingest(MediaStore(standing.folder / "screen"))
        self._contents = Contents(standing, self._ingest, self.mailbox)
        self._cameras = Cameras(standing)
        self._days = Days(standing, ratings, self._cameras)
        self.phones = Phones(standing, ratings, opened=self._days.qr_opened, say=self.mailbox.say)
        self._displays = Displays(standing)
        self._duties = Duties(
            clock=standing.clock,
            health=standing.health,
            outbox=standing.outbox,
            mailbox=self.mailbox,
            words=lambda: standing.language,
            renew=file.renew,
            pictures=Pictures(
                clock=standing.clock,
                outbox=standing.outbox,
                cameras=self._cameras.services,
                leases=self._cameras.leases,
                mailbox=self.mailbox,
                topics=standing.topics,
                spacing=Spacing(standing.clock),
            ),
            sign=ratings.sign,
            slip=self._days.slip,
            siren=self._siren,
            sets=self._contents.sets,
            best=lambda: standing.settings.rating.scale.best,
        )
        self.web: WebService | None = None
        self._config = _applied(standing.settings)
        self._cameras.forget_others()

    def close(self) -> None:
        self.mailbox.close()

    # -- settings ----------------------------------------------------------------------------------

    def renew(self) -> None:
        """Follow the settings as they are now, before the services are replaced."""
        self.phones.renew_gate()

    def forget(self, before: model.Settings) -> None:
        """Once they are replaced: what there was *before*, and is no more, is not spoken of any longer."""
        standing = self._standing
        self._cameras.forget_others()
        for component in components(before) - components(standing.settings):
            standing.health.forget(component)
            standing.ledger.forget(component)
            self.mailbox.say(Message(standing.topics.health(component), b"", is_retained=True))
        if before.screen.content is not None and standing.settings.screen.content is None:
            self.mailbox.say(Message(standing.topics.content_report, b"", is_retained=True))
        self.report_fitted()
        self.say_info()

    def report_fitted(self) -> None:
        """Tell health of what this counter has not."""
        fitted = components(self._standing.settings)
        for component in ("camera", "keypad"):
            if component not in fitted:
                self._standing.health.report(component, NOT_FITTED)
        if self._standing.settings.qr is None:
            self._standing.health.report("qr", NOT_FITTED)

    def say_applied(self) -> None:
        """The province hears that the settings run."""
        self._config = _applied(self._standing.settings)
        self._say_config()

    def say_refused(self, error: SettingsError) -> None:
        """The province hears why the file is not used."""
        errors = [ConfigProblem.model_validate(problem.payload()) for problem in error.problems]
        self._config = ConfigReport(hash="", status="rejected", errors=errors, running=self._config.running)
        self._say_config()

    def _say_config(self) -> None:
        self.mailbox.say(Message(self._standing.topics.config, self._config.encode(), is_retained=True))

    def say_info(self) -> None:
        """The province hears what this counter is, once more."""
        self.mailbox.say(Message(self._standing.topics.info, self._info(), is_retained=True))

    # -- services ----------------------------------------------------------------------------------

    def units(self) -> list[Unit]:
        """Its services in the order of their start, each with the slice of the settings it is made of."""
        settings = self._standing.settings
        language = settings.counter.language
        return [
            Unit("vitals", self._vitals),
            *self._days.units(),
            *self.phones.units(),
            Unit("commands", self._commands),
            Unit("uplink", self._uplink, (settings.uplink, language)),
            Unit("ingest", partial(IngestService, self._ingest)),
            self._contents.unit(),
            Unit("screen", self._screen, (settings.screen, settings.qr, settings.counter)),
            Unit("played", self._played),
            Unit("web", self._web, (settings.web.listen, language)),
            *self._displays.units(),
            *self._cameras.units(),
            Unit("config", self._config_watch),
        ]

    def _vitals(self) -> Service:
        return VitalsService(outbox=self._standing.outbox, health=self._standing.health)

    def _commands(self) -> Service:
        standing = self._standing
        return CommandService(
            orders=self._orders,
            topics=standing.topics,
            journal=standing.outbox,
            clock=standing.clock,
            say=self.mailbox.say,
            largest_bytes=lambda: self.mailbox.largest_bytes,
            handlers=self._duties.handlers(),
        )

    def _uplink(self) -> Service:
        standing = self._standing
        return UplinkService(
            standing.settings.uplink,
            topics=standing.topics,
            outbox=standing.outbox,
            health=standing.health,
            language=standing.language,
            clock=standing.clock,
            birth=Birth(info=self._info, config=self._config_report),
            orders=self._orders,
            mailbox=self.mailbox,
            handed=self.phones.handed.put,
            content=self._contents.inbox.put,
        )

    def _screen(self) -> Service:
        standing, gate = self._standing, self.phones.gate
        return ScreenService(
            standing.settings.screen,
            hub=standing.hub,
            ingest=self._ingest,
            health=standing.health,
            clock=standing.clock,
            language=standing.language,
            calendar=standing.settings.counter.calendar,
            siren=self._siren,
            sources=self._contents.sources,
            glass=self._glass,
            address=gate.address if gate is not None else lambda: None,
            code_lasts_s=gate.lasts_s if gate is not None else None,
        )

    def _played(self) -> Service:
        return PlayedService(self._standing.hub.tally, append=self._standing.outbox.append, clock=self._standing.clock)

    def _web(self) -> Service:
        standing = self._standing
        site = Site(
            hub=standing.hub,
            health=standing.health,
            store=self._ingest.store,
            refusals=self._ingest.refusals.all,
            language=standing.language,
            figures=self._figures,
            cameras=self._cameras.seen,
            picture=self._cameras.preview.picture,
            glass=self._glass,
            routes=self._routes,
        )
        self.web = WebService(standing.settings.web.listen, site)
        return self.web

    def _config_watch(self) -> Service:
        return ConfigWatch(self._file.path, read=self._file.read, changed=self._file.changed)

    # -- what it says of itself --------------------------------------------------------------------

    def _figures(self) -> dict[str, Figure]:
        standing = self._standing
        now, words = standing.clock.now(), standing.language
        outbox = standing.outbox.standing()
        marks = outbox.lanes.values()
        return {
            "last": sum(mark.last for mark in marks),
            "pending": sum(mark.pending for mark in marks),
            "lost": sum(mark.lost for mark in marks),
            "held": outbox.held,
            **today(standing.ledger, terms_of(standing.settings), now, words),
            **seen_today(standing.settings, now, words),
            **came_today(self._cameras.doorways.told_today()),
        }

    def _config_report(self) -> bytes:
        return self._config.encode()

    def _info(self) -> bytes:
        mode = self._moods.mode
        return certificate(
            self._standing.settings,
            health=self._standing.health,
            boot=self._standing.clock.boot,
            capabilities=self._duties.handlers(),
            mode=mode.kind if mode is not None else None,
        ).encode()


def _applied(settings: model.Settings) -> ConfigReport:
    """What is said of *settings* that run."""
    return ConfigReport(hash=settings.digest, status="applied", running=settings.digest)
