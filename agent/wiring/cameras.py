"""The cameras' services: each in its own child process, each recording in its own archive, and one book of what was
missed."""

import logging
import os
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path

from agent.errors import TryAgain
from agent.event import EventType, Fact
from agent.fitted import numbered
from agent.rating.figures.opening import Span, common
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.coverage import CoverageData
from agent.surveillance.coverage.review import review
from agent.surveillance.coverage.vigil import Vigil
from agent.surveillance.coverage.watchbook import BOOK, Watchbook
from agent.surveillance.coverage.watchman import Lapses, Watchman
from agent.surveillance.egress.preview import Preview
from agent.surveillance.egress.viewing import Viewings
from agent.surveillance.egress.watch import Leases, WatchService
from agent.surveillance.facts import TamperData
from agent.surveillance.kept import BACKDROP, GROUND, VIEW, KeptView, forget_others
from agent.surveillance.process import folder_of
from agent.surveillance.recording.archivist import Archivist, Recorded
from agent.surveillance.recording.retention import Limits
from agent.surveillance.seeing.look import Look
from agent.surveillance.service import CameraService
from agent.web.site import CameraSeen
from agent.wiring.doorways import Doorways
from agent.wiring.standing import Standing

log = logging.getLogger(__name__)


class Cameras:
    """Builds what watches the counter."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._services: dict[str, CameraService] = {}
        viewings = Viewings(standing.folder / "viewings.json", standing.clock, standing.outbox.append)
        self.leases = Leases(viewings, standing.clock, cameras=self.services, watched=standing.hub.set_watchers)
        self.preview = Preview(viewings, standing.clock, cameras=self.services)
        self._recorded: dict[str, Recorded] = {}
        self.doorways = Doorways(standing)
        self._lapses = Lapses(standing.clock)
        self._vigils: dict[str, Vigil] = {}
        life = standing.timekeeper.last_life
        memory = os.environ.get("RUNTIME_DIRECTORY")
        self._book = Watchbook(standing.folder, standing.clock, life, memory=Path(memory) if memory else None)
        is_same_boot = life is None or life.boot == standing.clock.boot
        for camera in standing.settings.cameras:
            self._vigil(camera, Cause.AGENT if is_same_boot else Cause.POWER)

    @property
    def _views(self) -> Path:
        return self._standing.folder / "views"

    def forget_others(self) -> None:
        """Nothing stays of what cameras learned that the settings have no more; once those are stopped."""
        forget_others(self._views, [camera.name for camera in self._standing.settings.cameras])

    def services(self) -> dict[str, CameraService]:
        """The cameras' services by name, as the settings have them now."""
        names = (camera.name for camera in self._standing.settings.cameras)
        return {name: self._services[name] for name in names if name in self._services}

    def seen(self) -> list[CameraSeen]:
        """What the status page says of each camera."""
        watchers = self.leases.watchers()
        return [self._seen(camera, watchers.get(camera.name, "")) for camera in self._standing.settings.cameras]

    def _seen(self, camera: model.Camera, watched_by: str) -> CameraSeen:
        stock = self._told_by(camera).stock if camera.record is not None else None
        return CameraSeen(
            name=camera.name,
            egress=camera.egress,
            is_recorded=camera.record is not None,
            kept_since=stock.since.astimezone(self._standing.settings.counter.zone) if stock and stock.since else None,
            kept_bytes=stock.size_bytes if stock is not None else 0,
            watched_by=watched_by,
        )

    def units(self) -> list[Unit]:
        settings = self._standing.settings
        cameras = list(zip(numbered("camera"), settings.cameras, strict=False))
        zone = settings.counter.timezone
        names = tuple(camera.name for camera in settings.cameras)
        return [
            *([Unit("coverage", self._watchman, names)] if names or (self._standing.folder / BOOK).exists() else []),
            *(
                Unit(f"archive-{camera.name}", partial(self._archivist, camera, camera.record), camera)
                for camera in settings.cameras
                if camera.record is not None
            ),
            *self.doorways.units(),
            *(Unit(name, partial(self._camera, name, camera, zone), (camera, zone)) for name, camera in cameras),
            *([Unit("watch", partial(WatchService, self.leases, self.preview))] if cameras else []),
        ]

    def _camera(self, component: str, camera: model.Camera, timezone: str) -> Service:
        service = self._services[camera.name] = CameraService(
            component,
            camera,
            self._standing.health,
            timezone=timezone,
            recorded=self._told_by(camera).put,
            tampered=partial(self._tampered, camera.name),
            turned=self.doorways.turned(camera),
            is_open=self._is_open,
            vigil=self._vigil(camera, Cause.AGENT),
            kept=KeptView(self._views / f"{camera.name}{VIEW}"),
            backdrop=self._views / f"{camera.name}{BACKDROP}",
            kept_ground=KeptView(self._views / f"{camera.name}{GROUND}"),
        )
        return service

    def coverage(self, day: date, until: datetime) -> Mapping[str, CoverageData]:
        """The share of *day*'s opening hours, as far as *until*, that there is valid video of, by camera; from any
        thread. None of it while the book cannot be read."""
        standing, counter = self._standing, self._standing.settings.counter
        hours = counter.calendar.opening(day)
        past = common(hours, [Span(hours[0].start, until)]) if hours else []
        try:
            found = review(standing.folder, standing.settings.cameras, past, until=until)
        except TryAgain as error:
            log.warning("coverage cannot be told: %s", error)
            return {}
        return {name: each.figures for name, each in found.items()}

    def _watchman(self) -> Service:
        names = [camera.name for camera in self._standing.settings.cameras]
        return Watchman(self._book, self._lapses, names, clock=self._standing.clock, is_open=self._is_open)

    def _vigil(self, camera: model.Camera, cause: Cause) -> Vigil:
        """The vigil over *camera*; a new one knows nothing yet, because of *cause*."""
        if camera.name not in self._vigils:
            vigil = self._lapses.vigil(camera.name)
            vigil.wait(cause, since=self._standing.clock.monotonic())
            self._vigils[camera.name] = vigil
        self._vigils[camera.name].is_recorded = camera.record is not None
        return self._vigils[camera.name]

    def _tampered(self, camera: str, look: Look) -> None:
        data = TamperData.model_validate({"code": look, "camera": camera})
        self._standing.outbox.append(Fact.seen(EventType.ALERT, self._standing.clock.read(), data.payload()))

    def _is_open(self) -> bool:
        return self._standing.settings.counter.calendar.is_open(self._standing.clock.now())

    def _archivist(self, camera: model.Camera, record: model.Record) -> Service:
        return Archivist(
            f"archive-{camera.name}",
            folder_of(camera.name, record),
            Limits(record.keep_days, record.limit_bytes),
            self._told_by(camera),
            camera=camera.name,
            clock=self._standing.clock,
        )

    def _told_by(self, camera: model.Camera) -> Recorded:
        return self._recorded.setdefault(camera.name, Recorded())
