"""A recorded video played as if it were a camera: packets come out as fast as their timestamps say.

Nothing is decoded here. At the end of the file it starts again, with timestamps that go on
rising, or the camera has ended (`CAMERA_ENDED`). A file that is missing, unreadable or without
video needs a person (`CAMERA_UNREADABLE`).
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers import base

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

ASSUMED_FPS = 25
"""For streams without timestamps (raw H.264), where the file names no rate either."""


class FileCamera(base.Camera):
    """Plays `source`, any container PyAV reads."""

    class Options(base.CameraOptions):
        source: Path
        loop: bool = True

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
        self._container: InputContainer | None = None
        self._packets: Iterator[base.Packet] = iter(())
        self._codec = base.Codec("")

    def open(self) -> None:
        source = self._options.source
        if not source.is_file():
            raise base.DriverFault("CAMERA_UNREADABLE", f"{source}: no such file")
        container = self._rewind()
        stream = container.streams.video[0]
        self._codec = base.Codec(stream.codec_context.name, bytes(stream.codec_context.extradata or b""))
        self._packets = self._play(container)

    def close(self) -> None:
        self._packets = iter(())
        self._let_go()

    def probe(self) -> base.Identity:
        return base.Identity(model=self._codec.name, where=str(self._options.source))

    @property
    def codec(self) -> base.Codec:
        return self._codec

    def read(self) -> base.Packet:
        from av import FFmpegError  # noqa: PLC0415

        try:
            packet = next(self._packets, None)
        except FFmpegError as error:
            raise base.DriverNotReady("CAMERA_ENDED", f"{self._options.source}: {_reason(error)}") from error
        if packet is None:
            raise base.DriverNotReady("CAMERA_ENDED", f"{self._options.source}: end of the file")
        return packet

    def _rewind(self) -> "InputContainer":
        """Open the file at its beginning: not every container can seek."""
        import av  # noqa: PLC0415 - slow, and only the camera's child needs it

        source = self._options.source
        self._let_go()
        try:
            # The prefix keeps FFmpeg from taking a file's name for a network address.
            self._container = av.open(f"file:{source}")
        except av.FFmpegError as error:
            raise base.DriverFault("CAMERA_UNREADABLE", f"{source}: {_reason(error)}") from error
        if not self._container.streams.video:
            self._let_go()
            raise base.DriverFault("CAMERA_UNREADABLE", f"{source}: no video in it")
        return self._container

    def _let_go(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _play(self, container: "InputContainer") -> Iterator[base.Packet]:
        """The file's packets, each at its time: once, or round and round."""
        stream = container.streams.video[0]
        tick_s = float(stream.time_base or 1 / 90_000)
        frame = round(1 / (float(stream.average_rate or ASSUMED_FPS) * tick_s))
        began = self._monotonic()
        clock = 0  # where on the stream's own clock the next packet belongs, in ticks
        while True:
            shift: int | None = None
            for packet in container.demux(video=0):
                if packet.size == 0:  # demux closes with an empty packet
                    continue
                if shift is None:
                    shift = clock - (packet.dts or 0)
                clock = _move(packet, shift=shift, otherwise=clock)
                self._sleep(max(0.0, began + clock * tick_s - self._monotonic()))
                yield base.Packet(packet, packet.size, packet.is_keyframe, self._monotonic())
                clock += packet.duration or frame
            if shift is None:
                raise base.DriverFault("CAMERA_UNREADABLE", f"{self._options.source}: not one picture in it")
            if not self._options.loop:
                return
            container = self._rewind()


def _move(packet: "av.Packet[Any]", *, shift: int, otherwise: int) -> int:
    """Shift the packet's times by *shift* ticks; when to decode it, which is *otherwise* where it does not say."""
    if packet.pts is not None:
        packet.pts += shift
    if packet.dts is None:
        return otherwise
    packet.dts += shift
    return packet.dts


def _reason(error: "av.FFmpegError") -> str:
    return error.strerror or str(error)
