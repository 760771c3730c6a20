"""A camera that is not there: a drawn counter, encoded to H.264 in the process, with faults on a script.

Packets are real coded video (libx264, a key frame every two seconds), so everything behind the
driver works as with a device. The script counts from `open`: each entry holds until the next.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from drivers import base

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

    from drivers.camera.room import Picture, Room

GOP_S = 2


class SimCamera(base.Camera):
    """Draws `fps` pictures of the counter a second."""

    class Options(base.CameraOptions):
        class Fault(base.Options):
            """What goes wrong, and when.

            hang: `read` never returns; crash: the process dies of SIGSEGV; end: the stream ends;
            dark, black, cover, sprayed, defocus, moved, freeze: the picture changes; empty, sit: nobody comes, or
            somebody sits there all the time; clear: it is as it was.
            """

            after_s: float = Field(ge=0)
            do: (
                Literal["hang", "crash", "end"]
                | Literal["dark", "black", "cover", "sprayed", "defocus", "moved", "freeze", "clear"]
                | Literal["empty", "sit"]
            )

        width: int = Field(default=640, ge=64, le=3840, multiple_of=2)
        height: int = Field(default=360, ge=64, le=2160, multiple_of=2)
        fps: int = Field(default=10, ge=1, le=60)
        script: tuple[Fault, ...] = ()

    def __init__(
        self,
        options: Options,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._options = options
        self._monotonic = monotonic
        self._sleep = sleep
        self._room: Room | None = None
        self._encoder: VideoCodecContext | None = None
        self._picture: Picture | None = None
        self._script: deque[SimCamera.Options.Fault] = deque()
        self._look = "clear"
        self._frame = 0
        self._opened_at = 0.0

    def open(self) -> None:
        from av import CodecContext  # noqa: PLC0415 - slow, and only the camera's child needs it

        from drivers.camera.room import Room  # noqa: PLC0415

        options = self._options
        encoder = CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = options.width, options.height, "yuv420p"
        encoder.framerate, encoder.time_base = Fraction(options.fps), Fraction(1, options.fps)
        encoder.gop_size = GOP_S * options.fps
        encoder.thread_count = 1
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}  # one packet out for each picture in
        self._encoder = encoder
        self._room = Room(options.width, options.height)
        self._script = deque(sorted(options.script, key=lambda fault: fault.after_s))
        self._look = "clear"
        self._frame = 0
        self._opened_at = self._monotonic()

    def close(self) -> None:
        self._encoder = self._room = self._picture = None

    def probe(self) -> base.Identity:
        return base.Identity(model=f"sim {self._options.width}x{self._options.height}", where="sim")

    @property
    def codec(self) -> base.Codec:
        return base.Codec("h264")

    def read(self) -> base.Packet:
        from av import VideoFrame  # noqa: PLC0415

        if self._encoder is None or self._room is None:
            raise base.DriverNotReady("CAMERA_ENDED", "sim: not open")
        due = self._frame / self._options.fps
        self._sleep(max(0.0, self._opened_at + due - self._monotonic()))
        self._follow_script(due)
        self._picture = self._look_at(self._room, due)
        frame = VideoFrame.from_ndarray(self._picture, format="bgr24")
        frame.pts, frame.time_base = self._frame, Fraction(1, self._options.fps)
        self._frame += 1
        (packet,) = self._encoder.encode(frame)
        return base.Packet(packet, packet.size, packet.is_keyframe, self._monotonic())

    def _look_at(self, room: "Room", seconds: float) -> "Picture":
        if self._look == "freeze" and self._picture is not None:
            return self._picture
        looks = {
            "dark": room.dark,
            "black": room.black,
            "cover": room.covered,
            "sprayed": room.sprayed,
            "defocus": room.defocused,
            "moved": room.moved,
            "empty": room.empty,
            "sit": room.sitting,
        }
        return looks.get(self._look, room.draw)(seconds, self._frame)

    def _follow_script(self, seconds: float) -> None:
        while self._script and self._script[0].after_s <= seconds:
            match self._script.popleft().do:
                case "hang":
                    while True:
                        time.sleep(3600)
                case "crash":
                    os.kill(os.getpid(), signal.SIGSEGV)
                case "end":
                    raise base.DriverNotReady("CAMERA_ENDED", "sim: the script ends here")
                case look:
                    self._look = look
