"""The cameras' services: each in its own child process, and each recording in its own archive."""

from functools import partial

from agent.birth import numbered
from agent.event import EventType, Fact
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.surveillance.archivist import Archivist, Recorded
from agent.surveillance.facts import TamperData
from agent.surveillance.kept import KeptView
from agent.surveillance.look import Look
from agent.surveillance.process import folder_of
from agent.surveillance.retention import Limits
from agent.surveillance.service import CameraService
from agent.surveillance.viewing import Viewings
from agent.surveillance.watch import Leases, WatchService
from agent.wiring.standing import Standing


class Cameras:
    """Builds what watches the counter."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._services: dict[str, CameraService] = {}
        viewings = Viewings(standing.folder / "viewings.json", standing.clock, standing.outbox.append)
        self.leases = Leases(viewings, standing.clock, cameras=self.services, watched=standing.hub.set_watchers)
        self._recorded: dict[str, Recorded] = {}

    def services(self) -> dict[str, CameraService]:
        """The cameras' services by name, as the settings have them now."""
        names = (camera.name for camera in self._standing.settings.cameras)
        return {name: self._services[name] for name in names if name in self._services}

    def units(self) -> list[Unit]:
        settings = self._standing.settings
        cameras = list(zip(numbered("camera"), settings.cameras, strict=False))
        zone = settings.counter.timezone
        return [
            *(
                Unit(f"archive-{camera.name}", partial(self._archivist, camera, camera.record), camera)
                for camera in settings.cameras
                if camera.record is not None
            ),
            *(Unit(name, partial(self._camera, name, camera, zone), (camera, zone)) for name, camera in cameras),
            *([Unit("watch", partial(WatchService, self.leases))] if cameras else []),
        ]

    def _camera(self, component: str, camera: model.Camera, timezone: str) -> Service:
        service = self._services[camera.name] = CameraService(
            component,
            camera,
            self._standing.health,
            timezone=timezone,
            recorded=self._told_by(camera).put,
            tampered=partial(self._tampered, camera.name),
            is_open=self._is_open,
            kept=KeptView(self._standing.settings.outbox.path.parent / "views" / f"{camera.name}.view"),
        )
        return service

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
