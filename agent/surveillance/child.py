"""The camera's own process: native decoders may hang or crash here, and nobody else notices.

One thread captures (driver -> ring, key frames decoded as proof), one answers the parent. Started
by `agent.surveillance.process` as a fresh interpreter that imports only what is named here. It
ends with its parent, however that ends: the kernel kills it (PR_SET_PDEATHSIG), and the wire's
end tells it. Pictures leave only through `privacy.Egress`, over the wire; what is recorded stays on the box.
"""

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agent.surveillance.heartbeat import Heartbeat
from agent.surveillance.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.surveillance.capture import Capture
    from agent.surveillance.decode import Moment
    from agent.surveillance.egress.privacy import Egress
    from agent.surveillance.egress.stills import Stills
    from agent.surveillance.polygon import Polygon
    from agent.surveillance.recording.burn import Burner
    from agent.surveillance.recording.recorder import Recorder, Segment
    from agent.surveillance.ring import Ring
    from agent.surveillance.seeing.lookout import Lookout
    from drivers.base import Camera

logger = logging.getLogger(__name__)

LEARN_EVERY_S = 5.0
"""Between two looks at what stands still, whether or not somebody asks for pictures meanwhile."""
LEAVE_S = 0.5
"""How long the driver may take to close before the process ends anyway."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def main(wire_fd: int, heartbeat_fd: int, driver: str) -> None:
    """Serve one camera until the parent goes, the driver gives up, or somebody kills us."""
    _settle()
    wire = Wire(socket.socket(fileno=wire_fd))
    _prepare(driver)
    try:
        order = wire.receive()
    except EOFError:
        return
    if order is not None and (ending := _serve(order.words, wire, Heartbeat(heartbeat_fd))) is not None:
        with suppress(OSError):  # the parent is gone, so nobody is left to tell
            wire.send(ending)


def _settle() -> None:
    """Live and die with the parent; be the first to go when memory runs out; leave no picture in a core file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # meant for the agent, which tells us over the wire
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _prepare(driver: str) -> None:
    """Load what a camera needs, before it is ordered; what cannot be loaded is told when it is opened."""
    with suppress(ImportError, LookupError):
        import agent.surveillance.capture  # noqa: PLC0415
        import agent.surveillance.recording.recorder  # noqa: PLC0415
        import agent.surveillance.ring  # noqa: F401, PLC0415
        from drivers import registry  # noqa: PLC0415

        registry.find("camera", driver)


def _serve(order: dict[str, Any], wire: Wire, heartbeat: Heartbeat) -> dict[str, Any] | None:
    """Open the driver that *order* names and capture. How it ended, in words for the parent; None when asked to go."""
    from agent.surveillance.ring import Ring  # noqa: PLC0415 - from here on it takes time, and what fails can be told
    from drivers.base import DriverError, DriverFault  # noqa: PLC0415

    try:
        camera = _camera(order)
    except ImportError as error:
        return _ending("CAMERA_LIBRARY", str(error))
    except (ValueError, LookupError) as error:
        return _ending("CAMERA_FAULT", str(error))
    from agent.surveillance.capture import CHECK_EVERY_S, CHECK_SELDOM_S, Capture  # noqa: PLC0415 - PyAV is there

    ring = Ring()
    recorder = _recorder(order, camera, wire)

    def seen() -> None:
        with suppress(OSError):  # the parent is gone
            wire.send({"kind": "seen"})

    glance = _Glance(seen)
    capture = Capture(
        heartbeat,
        packets=[ring.add] if recorder is None else [ring.add, recorder.add],
        pictures=[glance.see] if recorder is None else [recorder.see, glance.see],
        check_every_s=CHECK_EVERY_S if order["analyse"] else CHECK_SELDOM_S,
    )
    lookout = partial(_lookout, order, wire, camera, ring)
    _Answering(wire, lambda: _stills(camera, ring), order, capture, glance=glance, lookout=lookout).start()
    try:
        heartbeat.ready(time.monotonic())
        camera.open()
        wire.send({"kind": "opened", "model": camera.probe().model})
        capture.run(camera)
    except DriverError as error:
        return _ending(error.code, str(error), again=not isinstance(error, DriverFault))
    except ImportError as error:
        return _ending("CAMERA_LIBRARY", str(error))
    finally:
        camera.close()
        if recorder is not None:
            with suppress(OSError):
                recorder.close()
        capture.left.set()
    return None


def _recorder(order: dict[str, Any], camera: "Camera", wire: Wire) -> "Recorder | Burner | None":
    """What records *camera*, if it is to be recorded; what an earlier process left unfinished is put right first."""
    record = order["record"]
    if record is None:
        return None
    from agent.kernel import boot_id  # noqa: PLC0415
    from agent.surveillance.recording.recorder import Recorder, settle_leftovers  # noqa: PLC0415
    from drivers.base import Codec  # noqa: PLC0415

    folder, zone, boot = Path(record["folder"]), ZoneInfo(record["timezone"]), boot_id()

    def told(segment: "Segment") -> None:
        words = {"began_at": segment.began_at, "ended_at": segment.ended_at, "pictures": segment.pictures}
        words |= {"left_at": segment.left_at} if segment.left_at is not None else {}
        file = str(segment.path.relative_to(folder))
        wire.send({"kind": "segment", "file": file, "size_bytes": segment.size_bytes, **words})

    def troubled(reason: str, since: float) -> None:
        wire.send({"kind": "recording", "trouble": reason, "since": since})

    trouble = ""
    try:
        for segment in settle_leftovers(folder, now=time.monotonic(), wall=time.time(), boot=boot):
            told(segment)
    except OSError as error:
        trouble = str(error)
        troubled(trouble, time.monotonic())
    recorder = Recorder(
        folder,
        codec=(lambda: Codec("h264")) if record["encode"] else (lambda: camera.codec),
        segment_s=record["segment_s"],
        told=told,
        troubled=troubled,
        wall=lambda: datetime.now(zone),
        trouble=trouble,
        jpeg_fps=record["jpeg_fps"],
        boot=boot,
    )
    if not record["encode"]:
        return recorder
    from agent.surveillance.recording.burn import Burner  # noqa: PLC0415

    return Burner(recorder, codec=lambda: camera.codec, masks=_masks(order) if record["burn_masks"] else ())


def _camera(order: dict[str, Any]) -> "Camera":
    """The driver that *order* names, not opened."""
    return _driver(order).of(order["options"])


def _driver(order: dict[str, Any]) -> "type[Camera]":
    import agent.surveillance.decode  # noqa: F401, PLC0415 - or the driver would load PyAV, on the camera's time
    from drivers import registry  # noqa: PLC0415
    from drivers.base import Camera  # noqa: PLC0415

    driver = registry.find("camera", order["driver"])
    if not issubclass(driver, Camera):
        raise ValueError(f"{order['driver']} is not a camera driver")
    return driver


def _ending(code: str, text: str, *, again: bool = False) -> dict[str, Any]:
    return {"kind": "ending", "code": code, "text": text, "again": again}


class _Glance:
    """The newest key frame, for who looks now and then: handed over without a copy and without waiting."""

    def __init__(self, first: "Callable[[], None]") -> None:
        """*first* is told that there is one."""
        self._first = first
        self.newest: Moment | None = None
        self._taken: Moment | None = None

    def see(self, moment: "Moment") -> None:
        is_first, self.newest = self.newest is None, moment
        if is_first:
            self._first()

    def take(self) -> "Moment | None":
        """The newest, if it was not taken before."""
        if self.newest is self._taken:
            return None
        self._taken = self.newest
        return self._taken


class _Answering(threading.Thread):
    """Answers the parent while the other thread is inside the driver; ends the process when the parent is gone."""

    def __init__(
        self,
        wire: Wire,
        stills: "Callable[[], Stills]",
        order: dict[str, Any],
        capture: "Capture",
        *,
        glance: _Glance,
        lookout: "Callable[[], Lookout]",
    ) -> None:
        super().__init__(name="answering", daemon=True)
        self._wire, self._stills, self._order, self._capture = wire, stills, order, capture
        self._glance, self._lookout = glance, lookout

    def run(self) -> None:
        with suppress(EOFError, OSError):
            try:
                self._answer()
            except ImportError as error:
                self._wire.send(_ending("CAMERA_LIBRARY", str(error)))
            except ValueError as error:
                self._wire.send(_ending("CAMERA_FAULT", str(error)))
        self._capture.leaving.set()
        self._capture.left.wait(LEAVE_S)
        os._exit(0)

    def _answer(self) -> None:
        """Until the parent goes. What only a still needs is loaded once the camera sees: it takes a second on a Pi."""
        question = None
        while question is None and not self._capture.seen.is_set():
            question = self._wire.receive(0.1)
        lookout: Lookout | None = None
        if self._order["analyse"]:
            lookout = self._lookout()
            self._capture.show_to(lookout.see)
            self._tell_of_a_step()
        elif question is None:
            question = self._wire.receive()  # what is only recorded is shown to nobody: OpenCV stays where it is
        from agent.surveillance.egress.pace import Pace  # noqa: PLC0415
        from agent.surveillance.egress.stills import picture  # noqa: PLC0415

        stills = self._stills()
        egress = _egress(self._order, self._wire)
        learns = lookout is not None and egress.learns
        learned_at = float("-inf")
        while True:
            if question is not None and question.words["kind"] == "relearn":
                if lookout is not None:
                    lookout.relearn()
                egress.relearn()
            elif question is not None:
                pace = Pace(float(question.words["until"]), self._tell_of_a_step)
                words, content = stills.make(question.words["kind"], egress, self._glance.newest, pace)
                self._wire.send({"kind": "still", "id": question.words["id"], **words}, content)
            if learns and time.monotonic() - learned_at >= LEARN_EVERY_S:
                learned_at = time.monotonic()
                if (moment := self._glance.take()) is not None:
                    egress.learn(picture(moment), moment.at_monotonic)
            question = self._wire.receive(learned_at + LEARN_EVERY_S - time.monotonic() if learns else None)

    def _tell_of_a_step(self) -> None:
        """What was asked for is not there yet, and is being made."""
        self._wire.send({"kind": "making"})


def _stills(camera: "Camera", ring: "Ring") -> "Stills":
    from agent.surveillance.egress.stills import Stills  # noqa: PLC0415

    return Stills(camera, ring)


def _egress(order: dict[str, Any], wire: Wire) -> "Egress":
    """The rules for what leaves; the parent is told when no detector of faces works."""
    import cv2  # noqa: PLC0415

    from agent.surveillance.egress.backdrop import Backdrop  # noqa: PLC0415
    from agent.surveillance.egress.faces import Faces, NoFaces, detector  # noqa: PLC0415
    from agent.surveillance.egress.privacy import Egress  # noqa: PLC0415

    cv2.setNumThreads(1)
    faces: Faces | None = None
    if order["egress"] == "pixelated":
        model = order["faces_model"]
        try:
            faces = detector(Path(model) if model is not None else None)
        except NoFaces as error:
            wire.send({"kind": "faces", "trouble": str(error)})
    backdrop = Backdrop(Path(order["backdrop"]) if order["backdrop"] is not None else None)
    return Egress(order["egress"], _masks(order), faces=faces, backdrop=backdrop)


def _masks(order: dict[str, Any]) -> "tuple[Polygon, ...]":
    return tuple(tuple((x, y) for x, y in mask) for mask in order["masks"])


def _lookout(order: dict[str, Any], wire: Wire, camera: "Camera", ring: "Ring") -> "Lookout":
    from agent.surveillance.presence.onset import Behind  # noqa: PLC0415
    from agent.surveillance.seeing.lookout import lookout  # noqa: PLC0415

    smaller = partial(_driver(order).of, order["smaller"]) if order["smaller"] is not None else None
    return lookout(order, wire.send, Behind(lambda: camera.codec, ring.groups), smaller)


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    os._exit(0)  # not through the interpreter's end, where a thread may still be inside a decoder
