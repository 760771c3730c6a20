"""One camera: keeps its child process alive, says how it is, and answers with stills.

Runs in one thread, which never decodes, never waits for the camera and never trusts an "opened":
the camera is there when a key frame was decoded, and lost when the child's heartbeat stops, the
child ends, or an answer does not come. Then the child is killed and started again after a short,
jittered, growing wait. Nothing here imports PyAV, OpenCV or numpy.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from agent.errors import PersonMustAct, TryAgain
from agent.health import OK, Condition, Health, Status
from agent.service import Service
from agent.settings.model import Camera
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.vigil import Vigil, cause_of
from agent.surveillance.egress.still import Still
from agent.surveillance.facts import Cut
from agent.surveillance.heartbeat import Silence, due_s, is_in_doubt, silence
from agent.surveillance.kept import KeptView
from agent.surveillance.presence.presence import Change, Turn
from agent.surveillance.process import CameraProcess, Ending, Told
from agent.surveillance.seeing.look import Look
from agent.surveillance.seeing.sight import Sight
from agent.surveillance.spare import Spare

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""Between two looks at the heartbeat, at most: what cannot wait for them the child tells."""
LOOK_OFTEN_S = 0.5
"""The same where key frames come so often that one that is broken could be missed."""
ANSWER_S = 10.0
"""A child that owes a still and makes no step towards it for so long hangs."""
CODES = frozenset(
    {
        *("CAMERA_ENDED", "CAMERA_CHANGED", "CAMERA_CRASHED", "CAMERA_FAULT"),
        *("CAMERA_LIBRARY", "CAMERA_LOGIN", "CAMERA_UNREADABLE"),
    }
)
"""What a child may say of itself; health has words for these. Other drivers' codes become the two general ones."""
CUT = frozenset({"CAMERA_CRASHED", "CAMERA_STALLED"})
"""Endings that left a child no time to finish its recording."""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the child is started again."""

    first_s: float = 0.2
    last_s: float = 5.0
    fault_s: float = 30.0
    """While a person must act; so that the camera comes back by itself once that is done."""
    stable_s: float = 10.0
    """A camera that was there so long has its failures forgotten."""
    chance: Callable[[], float] = random.random

    def wait_s(self, failures: int, *, again: bool) -> float:
        """After *failures* in a row; between the half and the whole of a doubling, capped time."""
        longest = min(self.last_s, self.first_s * 2 ** min(failures - 1, 10)) if again else self.fault_s
        return longest * (0.5 + 0.5 * self.chance())


class CameraService(Service):
    """The service of one camera; *component* is its name in health: `camera`, `camera-2`."""

    goodbye_s = 2.0

    def __init__(
        self,
        component: str,
        camera: Camera,
        health: Health,
        *,
        timezone: str = "UTC",
        recorded: Callable[[Told], None] = lambda _: None,
        tampered: Callable[[Look], None] = lambda _: None,
        turned: Callable[[Change, Cut], None] = lambda *_: None,
        is_open: Callable[[], bool] = lambda: True,
        kept: KeptView | None = None,
        backdrop: Path | None = None,
        kept_ground: KeptView | None = None,
        vigil: Vigil | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """*recorded* hears of every finished segment, on this service's thread, and must not wait.

        *tampered* hears once when something was done to the camera; when it raises, again soon. A picture that is
        black while the counter is not *is_open* is what the last one to leave makes with the switch. *turned* hears who
        came and went, and why it is not known any more who is there; it must not wait. *vigil* learns when there was
        no valid video, and why.
        """
        super().__init__()
        self.name = component
        self._camera = camera
        self._health = health
        self._timezone = timezone
        self._recorded = recorded
        self._tampered = tampered
        self._is_open = is_open
        self._turned = turned
        self._kept, self._kept_ground = kept or KeptView(), kept_ground or KeptView()
        self._backdrop = backdrop
        self._vigil = vigil or Vigil()
        self._look = Look.CLEAR
        self._untold: Look | None = None
        """What was done to the camera and could not be told yet."""
        self._backoff = backoff or Backoff()
        self._spare = Spare(partial(CameraProcess.start, camera))
        self._there: CameraProcess | None = None
        """The child, while its pictures are valid: what other threads may ask."""
        self._there_since = 0.0
        self._followed: CameraProcess | None = None
        """The child, from its order to its end."""
        self._lost_at: float | None = None
        self._failures = 0
        self._unrecorded = ""
        self._faceless = ""
        self._main_only = ""

    @property
    def model(self) -> str:
        """What the driver says it opened; empty while the camera is away."""
        process = self._there
        return process.model if process is not None else ""

    @property
    def egress(self) -> Literal["pixelated", "masked", "plain"]:
        """What may leave the box of its pictures."""
        return self._camera.egress

    @property
    def always_hidden(self) -> tuple[str, ...]:
        """What is hidden in every one that leaves, whatever it shows."""
        return ("masks",) if self._camera.masks else ()

    def snapshot(self, timeout_s: float) -> Still:
        """The newest picture, after egress; from any thread but the service's own.

        Raises:
            TryAgain: the camera is away, or did not answer within *timeout_s* seconds.
        """
        return self._ask("still", timeout_s)

    def glimpse(self, timeout_s: float) -> Still:
        """A small picture that costs little, for who looks every few seconds; otherwise as `snapshot`."""
        return self._ask("glimpse", timeout_s)

    def clip(self, timeout_s: float) -> Still:
        """The seconds that are in memory as a short film, every picture after egress; otherwise as `snapshot`."""
        return self._ask("clip", timeout_s)

    def _ask(self, kind: Literal["still", "glimpse", "clip"], timeout_s: float) -> Still:
        process = self._there
        if process is None:
            raise TryAgain(f"camera {self._camera.name} is not there; its health says why")
        try:
            return process.ask(kind).result(timeout_s)
        except TimeoutError as error:
            raise TryAgain(f"camera {self._camera.name} did not answer within {timeout_s:g} s") from error

    def relearn(self) -> None:
        """Let what the camera sees now be what it is there to see; from any thread but the service's own.

        Raises:
            TryAgain: the camera is away.
            PersonMustAct: nothing looks at its pictures.
        """
        if not self._camera.analyse:
            raise PersonMustAct(f"camera {self._camera.name} only records: its settings say analyse: false")
        process = self._there
        if process is None:
            raise TryAgain(f"camera {self._camera.name} is not there; its health says why")
        process.relearn()
        process.sight.view = process.sight.ground = b""

    def run(self, stop: threading.Event) -> None:
        self._report(Status.OK, "STARTING")
        try:
            self._serve(stop)
        finally:
            self._spare.close()

    def wake(self) -> None:
        process = self._followed
        if process is not None:
            process.dismiss()

    def _serve(self, stop: threading.Event) -> None:
        self._vigil.resume(time.monotonic())
        sight = Sight(view=self._kept.view, ground=self._kept_ground.view)
        while not stop.is_set():
            process = self._spare.take()
            self._followed = process
            try:
                process.order(self._camera, timezone=self._timezone, sight=sight, backdrop=self._backdrop)
                ending = self._follow(process, stop)
                self._give_up(process, ending)
                if ending is None:
                    process.leave()
                    self._there = None
                    self._take_in(process)  # it finished its segment
            finally:
                self._there = self._followed = None
                self._lose_sight(process, "agent" if stop.is_set() else "camera")
                is_gone = process.close()
            if ending is None:
                return
            self._lose(ending)
            if not is_gone:
                self._outwait(process, stop)
            if ending.code != "CAMERA_STALLED":  # a silence was wait enough
                self.rest(self._backoff.wait_s(self._failures, again=ending.again), stop)

    def _follow(self, process: CameraProcess, stop: threading.Event) -> Ending | None:
        """Watch one child until it is lost, or *stop*: then None."""
        while not stop.is_set():
            self.progress.beat()
            beat = process.heartbeat.read()
            look_s = min(LOOK_EVERY_S, max(LOOK_OFTEN_S, beat.gop_s / 2))
            ending = process.attend(min(look_s, due_s(beat, now=time.monotonic())))
            self._take_in(process)
            if ending is not None:
                return None if stop.is_set() else ending
            beat = process.heartbeat.read()
            now = time.monotonic()
            self._vigil.see(beat)
            missing = silence(beat, started_at=process.started_at, now=now)
            self._spare.look(now, is_in_doubt=is_in_doubt(beat, now=now))
            if missing is None and process.stuck_s() > ANSWER_S:
                missing = Silence("a still was asked for and never came", Cause.AGENT)
            if missing is not None:
                return Ending("CAMERA_STALLED", missing.text, cause=missing.cause)
            if beat.picture_at and self._there is None:
                self._find(process)
        return None

    def _give_up(self, process: CameraProcess, ending: Ending | None) -> None:
        """The vigil learns that *process* is lost, by *ending*; None: by our own will."""
        if ending is None:
            cause = Cause.AGENT
        else:
            cause = ending.cause or cause_of(ending.code, is_networked=self._camera.driver == "network")
        is_cut = ending is not None and ending.code in CUT
        self._vigil.lose(cause, process.heartbeat.read(), started_at=process.started_at, is_cut=is_cut)

    def _take_in(self, process: CameraProcess) -> None:
        """What the child told of its recording and of what it sees."""
        self._kept.keep(process.sight.view)
        self._kept_ground.keep(process.sight.ground)
        for change in process.sight.turns:
            self._turned(change, "view")
        process.sight.turns.clear()
        for segment in process.finished:
            self._recorded(segment)
        process.finished.clear()
        self._vigil.record(is_refused=bool(process.unrecorded), since=_since(process.unrecorded_since, process))
        if self._there is process:
            self._judge(process.sight.look, since=_since(process.sight.look_since, process))
            troubles = (process.unrecorded, process.faceless, process.sight.main_only)
            if troubles != (self._unrecorded, self._faceless, self._main_only):
                self._unrecorded, self._faceless, self._main_only = troubles
                self._report_there()

    def _lose_sight(self, process: CameraProcess, cut: Cut) -> None:
        """Nobody looks any more: whoever is there is not seen leaving."""
        beat = process.heartbeat.read()
        self._turned(Change(Turn.LOST, beat.picture_at or process.started_at, is_seen=False), cut)

    def _judge(self, look: Look, *, since: float) -> None:
        """What its pictures look like: told when that changes, and as an alert when it is tampering that is new."""
        if look is Look.BLACK and not self._is_open():
            look = Look.DARK
        self._vigil.look(is_tampered=look.is_tampering, since=since)
        if look is not self._look:
            before, self._look = self._look, look
            if look.is_tampering and not before.is_tampering:
                logger.warning("camera %s: %s", self._camera.name, look)
                self._untold = look
            elif look is Look.CLEAR:
                logger.info("camera %s sees again what it should", self._camera.name)
            self._report_there()
        if self._untold is not None:
            with suppress(TryAgain, PersonMustAct):  # the store's own health says why
                self._tampered(self._untold)
                self._untold = None

    def _report_there(self) -> None:
        if self._look is not Look.CLEAR:
            self._report(Status.DEGRADED, self._look)
        elif self._unrecorded:
            logger.warning("camera %s is not recorded: %s", self._camera.name, self._unrecorded)
            self._report(Status.DEGRADED, "CAMERA_NOT_RECORDED", self._unrecorded)
        elif self._faceless and self._camera.faces_model is not None:
            logger.warning("camera %s: its pictures are pixelated whole: %s", self._camera.name, self._faceless)
            self._report(Status.DEGRADED, "CAMERA_FACES", self._faceless)
        elif self._main_only:
            logger.warning("camera %s: the main stream is looked at: %s", self._camera.name, self._main_only)
            self._report(Status.DEGRADED, "CAMERA_MAIN_ONLY", self._main_only)
        elif self._faceless:  # nobody asked for more
            self._report(Status.OK, "CAMERA_WHOLE")
        else:
            self._health.report(self.name, OK)

    def _find(self, process: CameraProcess) -> None:
        self._there, self._there_since = process, time.monotonic()
        self._unrecorded, self._faceless = process.unrecorded, process.faceless
        self._main_only = process.sight.main_only
        self._report_there()
        if self._lost_at is not None:
            away_s = self._there_since - self._lost_at
            logger.info("camera %s is back after %.1f s and %d starts", self._camera.name, away_s, self._failures)
            self._lost_at = None

    def _lose(self, ending: Ending) -> None:
        now = time.monotonic()
        code = ending.code
        if code not in CODES and code != "CAMERA_STALLED":
            code = "CAMERA_AWAY" if ending.again else "CAMERA_FAULT"
        if self._lost_at is None:
            logger.warning("camera %s is lost: %s, %s", self._camera.name, code, ending.text)
            if self._there_since and now - self._there_since >= self._backoff.stable_s:
                self._failures = 0
            self._lost_at = now
        self._failures += 1
        # How long it was silent changes with every turn; the condition does not.
        self._report(Status.FAILED, code, text="" if code == "CAMERA_STALLED" else ending.text)

    def _outwait(self, process: CameraProcess, stop: threading.Event) -> None:
        """The kernel does not let the child go: it still holds the camera, so no other may be started."""
        logger.error("camera %s: process %d survives SIGKILL", self._camera.name, process.pid)
        self._report(Status.FAILED, "CAMERA_UNKILLABLE")
        while not process.is_gone() and not stop.wait(LOOK_EVERY_S):
            self.progress.beat()

    def _report(self, status: Status, code: str, text: str = "") -> None:
        self._health.report(self.name, Condition(status, code, {"name": self._camera.name, "text": text}))


def _since(told: float, process: CameraProcess) -> float:
    """Since when something is so, as *process* told it, which is believed as far as it makes sense."""
    now = time.monotonic()
    return told if process.started_at <= told <= now else now
