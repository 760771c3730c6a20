"""What the orders do that are about a camera. Every picture is written down before it leaves; else it stays."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agent.clock import Clock
from agent.errors import PersonMustAct
from agent.event import EventType, Fact
from agent.outbox.store import Outbox
from agent.rating.inspection.modes import BY_LENGTH
from agent.surveillance.egress.account import EgressData
from agent.surveillance.egress.spacing import Kind, Spacing
from agent.surveillance.egress.still import Still
from agent.surveillance.egress.watch import Leases, Wish
from agent.surveillance.service import CameraService
from agent.uplink.bulk import Bulk
from agent.uplink.commands import Action, Asked, Done, Underway
from agent.uplink.mailbox import Mailbox
from agent.uplink.topics import Topics

SNAPSHOT_S = 5.0
CLIP_S = 9.0
WATCH_MINUTES, WATCH_EVERY_S = 2.0, 3.0
WATCH_PART_BYTES = 8 * 1024
"""A rating waits for one of them at most: a second, where a link carries no more than 64 kbit/s."""
_FORMS = {"snapshot": ("image/jpeg", "jpg"), "clip": ("video/mp4", "mp4")}

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Pictures:
    """Carries the cameras' orders out, on the commands' thread."""

    clock: Clock
    outbox: Outbox
    cameras: Callable[[], Mapping[str, CameraService]]
    """The cameras that are configured, by name."""
    leases: Leases
    mailbox: Mailbox
    topics: Topics
    spacing: Spacing

    def handlers(self) -> dict[str, Action]:
        """By the name of the command."""
        return {"snapshot": self.snapshot, "clip": self.clip, "watch": self.watch, "relearn": self.relearn}

    def snapshot(self, arguments: Asked) -> Done:
        """A still of `camera` (the first one unless said) for `by`, after egress, over `up/bulk`."""
        name, camera = self._camera(arguments)
        by = self._announce(arguments, "snapshot", name)
        return self._hand_over(arguments, "snapshot", name, camera.snapshot(SNAPSHOT_S), by=by)

    def clip(self, arguments: Asked) -> Done:
        """The last seconds of `camera` (the first one unless said) as an MP4 for `by`, after egress, over `up/bulk`."""
        _for_one_counter(arguments)
        name, camera = self._camera(arguments)
        by = self._announce(arguments, "clip", name)
        return self._hand_over(arguments, "clip", name, camera.clip(CLIP_S), by=by)

    def watch(self, arguments: Asked) -> Done | Underway:
        """Let `by` look at `camera` for `minutes`: a small still every `every_s` seconds; 0 minutes end that.

        Each still is handed over as `up/bulk/<order>-<number>`. The result comes when it is over.
        """
        _for_one_counter(arguments)
        name, _ = self._camera(arguments)
        by, minutes = asked_by(arguments), float(arguments.get("minutes", WATCH_MINUTES))
        if minutes == 0:
            return Done({"camera": name, "stopped": self.leases.stop(name, by)})
        wish = Wish(arguments.order, by, name, minutes * 60, float(arguments.get("every_s", WATCH_EVERY_S)))
        self.leases.begin(wish, BulkWay(wish, self.clock, self.mailbox, self.topics), arguments.finish)
        return Underway()

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

    def _announce(self, arguments: Arguments, kind: Kind, camera: str) -> str:
        """Who asks for a *kind* of *camera*; from here on the screen says that somebody looks.

        Raises:
            ValueError: nobody is named.
            TryAgain: another one left just now.
        """
        by = asked_by(arguments)
        self.spacing.check(kind, camera)
        self.leases.glance()
        return by

    def _hand_over(self, arguments: Asked, kind: Kind, camera: str, still: Still, *, by: str) -> Done:
        """Write down that *still* is about to leave, and let it leave.

        Raises:
            CounterAgentError: it cannot be written down, so nothing may leave.
        """
        data = EgressData(
            kind=kind,
            camera=camera,
            order=arguments.order,
            is_broadcast=arguments.is_broadcast,
            by=by,
            pictures=still.pictures,
            egress=still.egress,
            hidden=list(still.hidden),
        )
        self.outbox.append(Fact.seen(EventType.EGRESS, self.clock.read(), data.payload()))
        self.spacing.note(kind, camera)
        bulk = packed(camera, still, self.clock, form=_FORMS[kind])
        sha256 = hashlib.sha256(still.content).hexdigest()
        return Done({**bulk.about, "size": len(still.content), "sha256": sha256}, bulk)


class BulkWay:
    """How a lease's stills leave: over the connection that the order came over, in small parts, at leisure."""

    def __init__(self, wish: Wish, clock: Clock, mailbox: Mailbox, topics: Topics) -> None:
        self._wish, self._clock, self._mailbox, self._topics = wish, clock, mailbox, topics
        self._link = mailbox.link
        self._unanswered = 0

    @property
    def is_open(self) -> bool:
        return self._link is not None and self._mailbox.link == self._link

    @property
    def is_free(self) -> bool:
        return self._unanswered == 0

    def carry(self, number: int, still: Still) -> None:
        if self._link is None:
            return
        bulk = packed(self._wish.camera, still, self._clock, form=_FORMS["snapshot"])
        messages = bulk.messages(
            self._topics,
            f"{self._wish.order}-{number}",
            largest_bytes=self._mailbox.largest_bytes,
            part_bytes=WATCH_PART_BYTES,
        )
        self._unanswered = len(messages)
        self._mailbox.say_leisurely(messages, link=self._link, answered=self._answered)

    def _answered(self) -> None:
        self._unanswered -= 1


def packed(camera: str, still: Still, clock: Clock, *, form: tuple[str, str]) -> Bulk:
    """*still* of *camera* as it is handed over: with what is to be known of it, and a name to store it by."""
    now = time.monotonic()
    taken_at = clock.now() - timedelta(seconds=now - still.taken_at_monotonic)
    content_type, suffix = form
    name = f"{camera}-{taken_at:%Y%m%d-%H%M%S}.{suffix}"
    return Bulk(still.content, content_type, still.about(camera, now=now), name)


def _for_one_counter(asked: Asked) -> None:
    """Raises PersonMustAct: it was asked of every counter at once."""
    if asked.is_broadcast:
        raise PersonMustAct("who watches, watches one counter: give the order to that one")


def asked_by(arguments: Arguments) -> str:
    """Who gives an order that is announced.

    Raises:
        ValueError: nobody is named.
    """
    by = " ".join(str(arguments.get("by", "")).split())
    if not by or len(by) > BY_LENGTH or not by.isprintable():
        raise ValueError(f"by: who asks for it is needed, in at most {BY_LENGTH} characters")
    return by
