"""What the orders do that are about a camera. Every picture is written down before it leaves; else it stays."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from agent.clock import Clock
from agent.errors import PersonMustAct
from agent.event import EventType, Fact
from agent.outbox.store import Outbox
from agent.rating.modes import BY_LENGTH
from agent.surveillance.egress import EgressData
from agent.surveillance.service import CameraService
from agent.surveillance.still import Still
from agent.uplink.bulk import Bulk
from agent.uplink.commands import Action, Done

SNAPSHOT_S = 5.0
CLIP_S = 9.0
_FORMS = {"snapshot": ("image/jpeg", "jpg"), "clip": ("video/mp4", "mp4")}

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Pictures:
    """Carries the cameras' orders out, on the commands' thread."""

    clock: Clock
    outbox: Outbox
    cameras: Callable[[], Mapping[str, CameraService]]
    """The cameras that are configured, by name."""

    def handlers(self) -> dict[str, Action]:
        """By the name of the command."""
        return {"snapshot": self.snapshot, "clip": self.clip, "relearn": self.relearn}

    def snapshot(self, arguments: Arguments) -> Done:
        """A still of `camera` (the first one unless said), after egress, over `up/bulk`."""
        name, camera = self._camera(arguments)
        return self._hand_over(arguments, "snapshot", name, camera.snapshot(SNAPSHOT_S))

    def clip(self, arguments: Arguments) -> Done:
        """The last seconds of `camera` (the first one unless said) as an MP4, after egress, over `up/bulk`."""
        name, camera = self._camera(arguments)
        return self._hand_over(arguments, "clip", name, camera.clip(CLIP_S))

    def relearn(self, arguments: Arguments) -> Done:
        """What `camera` (the first one unless said) sees now is what it is there to see."""
        name, camera = self._camera(arguments)
        camera.relearn()
        return Done({"camera": name})

    def _camera(self, arguments: Arguments) -> tuple[str, CameraService]:
        """The camera that is meant, with its name."""
        cameras = self.cameras()
        if not cameras:
            raise PersonMustAct("no camera is configured at this counter")
        name = str(arguments.get("camera", next(iter(cameras))))
        if name not in cameras:
            raise PersonMustAct(f'no camera "{name}"; known: {", ".join(cameras)}')
        return name, cameras[name]

    def _hand_over(self, arguments: Arguments, kind: Literal["snapshot", "clip"], camera: str, still: Still) -> Done:
        """Write down that *still* is about to leave, and let it leave.

        Raises:
            CounterAgentError: it cannot be written down, so nothing may leave.
        """
        data = EgressData(
            kind=kind,
            camera=camera,
            order=getattr(arguments, "order", ""),
            is_broadcast=getattr(arguments, "is_broadcast", False),
            by=asked_by(arguments) if "by" in arguments else None,
            pictures=still.pictures,
            egress=still.egress,
            hidden=list(still.hidden),
        )
        self.outbox.append(Fact.seen(EventType.EGRESS, self.clock.read(), data.payload()))
        now = time.monotonic()
        about = still.about(camera, now=now)
        content_type, suffix = _FORMS[kind]
        taken_at = self.clock.now() - timedelta(seconds=now - still.taken_at_monotonic)
        answer = {**about, "size": len(still.content), "sha256": hashlib.sha256(still.content).hexdigest()}
        return Done(answer, Bulk(still.content, content_type, about, name=f"{named(camera, taken_at)}.{suffix}"))


def named(camera: str, taken_at: datetime) -> str:
    """How a picture of *camera* may be called where it is stored, but for its suffix."""
    return f"{camera}-{taken_at:%Y%m%d-%H%M%S}"


def asked_by(arguments: Arguments) -> str:
    """Who gives an order that is announced.

    Raises:
        ValueError: nobody is named.
    """
    by = " ".join(str(arguments.get("by", "")).split())
    if not by or len(by) > BY_LENGTH or not by.isprintable():
        raise ValueError(f"by: who asks for it is needed, in at most {BY_LENGTH} characters")
    return by
