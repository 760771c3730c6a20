"""The camera's own process: native decoders may hang or crash here, and nobody else notices.

One thread captures (driver -> ring, key frames decoded as proof), one answers the parent. Started
by `agent.surveillance.process` as a fresh interpreter that imports only what is named here. It
ends with its parent, however that ends: the kernel kills it (PR_SET_PDEATHSIG), and the wire's
end tells it. Pictures leave only through `privacy.Egress`, over the wire; nothing is written.
"""

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.surveillance.heartbeat import Heartbeat, Rhythm
from agent.surveillance.wire import Wire

if TYPE_CHECKING:
    from agent.surveillance.privacy import Egress
    from agent.surveillance.ring import Ring
    from drivers.base import Camera, Codec

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 0.5
"""Cameras that send only key frames (MJPEG) are not decoded more often than this."""
LEAVE_S = 0.5
"""How long the driver may take to close before the process ends anyway."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def main(wire_fd: int, heartbeat_fd: int) -> None:
    """Serve one camera until the parent goes, the driver gives up, or somebody kills us."""
    _settle()
    wire = Wire(socket.socket(fileno=wire_fd))
    heartbeat = Heartbeat(heartbeat_fd)
    with suppress(EOFError, OSError):  # the parent is gone, so nobody is left to tell
        order = wire.receive()
        if order is not None and (ending := _serve(order.words, wire, heartbeat)) is not None:
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


def _serve(order: dict[str, Any], wire: Wire, heartbeat: Heartbeat) -> dict[str, Any] | None:
    """Open the driver that *order* names and capture. How it ended, in words for the parent; None when asked to go."""
    from drivers import registry  # noqa: PLC0415 - from here on it takes time, and what fails can be told
    from drivers.base import Camera, DriverError, DriverFault  # noqa: PLC0415

    leaving = threading.Event()
    left = threading.Event()
    camera: Camera | None = None
    try:
        import cv2  # noqa: PLC0415

        from agent.surveillance.privacy import Egress  # noqa: PLC0415
        from agent.surveillance.ring import Ring  # noqa: PLC0415

        cv2.setNumThreads(1)
        masks = tuple(tuple((x, y) for x, y in mask) for mask in order["masks"])
        egress = Egress(order["egress"], masks)
        driver = registry.find("camera", order["driver"])
        if not issubclass(driver, Camera):
            return _ending("CAMERA_FAULT", f"{order['driver']} is not a camera driver", again=False)
        camera = driver(driver.Options.model_validate(order["options"]))
        ring = Ring()
        camera.open()
        identity = camera.probe()
        wire.send({"kind": "opened", "model": f"{identity.maker} {identity.model}".strip(), "where": identity.where})
        _Answering(wire, _Stills(camera.codec, ring, egress), leaving=leaving, left=left).start()
        _capture(camera, ring, heartbeat, leaving)
    except DriverError as error:
        return _ending(error.code, str(error), again=not isinstance(error, DriverFault))
    except ImportError as error:
        return _ending("CAMERA_LIBRARY", str(error), again=False)
    except (ValueError, LookupError) as error:
        return _ending("CAMERA_FAULT", str(error), again=False)
    finally:
        if camera is not None:
            camera.close()
        left.set()
    return None


def _ending(code: str, text: str, *, again: bool) -> dict[str, Any]:
    return {"kind": "ending", "code": code, "text": text, "again": again}


def _capture(camera: "Camera", ring: "Ring", heartbeat: Heartbeat, leaving: threading.Event) -> None:
    """Packets into the ring until *leaving* is set; raises what the driver raises."""
    from agent.surveillance.decode import KeyframeCheck  # noqa: PLC0415

    check = KeyframeCheck(camera.codec)
    rhythm = Rhythm()
    checked_at = 0.0
    while not leaving.is_set():
        packet = camera.read()
        ring.add(packet)
        rhythm.packet(packet.at_monotonic, is_keyframe=packet.is_keyframe)
        heartbeat.packet(packet.at_monotonic, interval_s=rhythm.interval_s, gop_s=rhythm.gop_s)
        if packet.is_keyframe and packet.at_monotonic - checked_at >= CHECK_EVERY_S:
            checked_at = packet.at_monotonic
            if check.passes(packet):
                heartbeat.picture(packet.at_monotonic)


class _Stills:
    """Makes a still of the newest picture in the ring."""

    def __init__(self, codec: "Codec", ring: "Ring", egress: "Egress") -> None:
        self._codec, self._ring, self._egress = codec, ring, egress

    def take(self) -> tuple[dict[str, Any], bytes]:
        """The still's words and its JPEG; or what went wrong."""
        from agent.surveillance.decode import newest  # noqa: PLC0415

        try:
            moment = newest(self._codec, self._ring.groups())
            if moment is None:
                return {"error": "no valid picture in memory"}, b""
            shown = self._egress.show(moment.picture)
            jpeg = shown.jpeg()
        except Exception as error:  # the edge: a picture that cannot be shown must not end the capture
            logger.exception("a still could not be made")
            return {"error": str(error)}, b""
        height, width = shown.picture.shape[:2]
        size = {"width_px": width, "height_px": height, "taken_at_monotonic": moment.at_monotonic}
        return {**size, "egress": shown.egress, "hidden": shown.hidden}, jpeg


class _Answering(threading.Thread):
    """Answers the parent while the other thread is inside the driver; ends the process when the parent is gone."""

    def __init__(self, wire: Wire, stills: _Stills, *, leaving: threading.Event, left: threading.Event) -> None:
        super().__init__(name="answering", daemon=True)
        self._wire, self._stills = wire, stills
        self._leaving, self._left = leaving, left

    def run(self) -> None:
        with suppress(EOFError, OSError):
            while (question := self._wire.receive()) is not None:
                words, jpeg = self._stills.take()
                self._wire.send({"kind": "still", "id": question.words["id"], **words}, jpeg)
        self._leaving.set()
        self._left.wait(LEAVE_S)
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
    os._exit(0)  # not through the interpreter's end, where a thread may still be inside a decoder
