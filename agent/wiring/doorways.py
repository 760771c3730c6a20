"""The doorways: each camera's visits, on their way from its service to the outbox."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from agent.rating.box import Release, sealed
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.surveillance.facts import Cut
from agent.surveillance.presence.presence import Change
from agent.surveillance.presence.usher import Turns, Usher
from agent.surveillance.presence.visits import Visits
from agent.wiring.standing import Standing


class Doorways:
    """Builds what counts visits. What goes on outlives the services."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._visits: dict[str, tuple[Visits, Turns]] = {}

    def turned(self, camera: model.Camera) -> Callable[[Change, Cut], None]:
        """Where *camera*'s service says who came and went."""
        return self._of(camera.name)[1].turned if _counts(camera) else lambda *_: None

    def counting(self) -> list[str]:
        """The cameras that count visits."""
        return [camera.name for camera in self._standing.settings.cameras if _counts(camera)]

    def told_today(self) -> dict[str, int]:
        """How many visits of today were told, by camera; from any thread."""
        today = self._standing.clock.now().date()
        return {name: self._visits[name][0].told_on(today) for name in self.counting() if name in self._visits}

    def units(self) -> list[Unit]:
        """To be started before the cameras, and so stopped after them."""
        settings = self._standing.settings
        return [
            Unit(f"visits-{camera.name}", partial(self._usher, camera.name), settings.rating.privacy)
            for camera in settings.cameras
            if _counts(camera)
        ]

    def _of(self, camera: str) -> tuple[Visits, Turns]:
        return self._visits.setdefault(camera, (Visits(camera), Turns()))

    def _usher(self, camera: str) -> Service:
        standing, privacy = self._standing, self._standing.settings.rating.privacy
        visits, turns = self._of(camera)
        memory = os.environ.get("RUNTIME_DIRECTORY")
        visits.bucket_min, visits.company = privacy.bucket_min, privacy.release_min
        return Usher(
            f"visits-{camera}",
            visits,
            turns,
            file=standing.folder / "visits" / f"{camera}.json",
            begun=Path(memory) / "visits" / f"{camera}.json" if memory else None,
            clock=standing.clock,
            seal=lambda fact: sealed(fact, boot=fact.boot or standing.clock.boot, bucket_min=privacy.bucket_min),
            release=Release(privacy.release_min),
            append=standing.outbox.append,
            life=standing.timekeeper.last_life,
        )


def _counts(camera: model.Camera) -> bool:
    return camera.analyse and camera.visits is not None
