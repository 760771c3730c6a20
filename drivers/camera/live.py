"""What all cameras that send by themselves have in common: FFmpeg opens them, and packets come when they come.

Nothing is decoded. A stream that ends or breaks is over (`CAMERA_ENDED`): the caller closes and opens again. So is
one whose format changed on the way, because whoever records or decodes was told of the format once, when it was
opened. What FFmpeg says goes no further than `reason`, which leaves out the address.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from drivers import base
from drivers.camera.units import HEAD_BYTES, joined, may_have_a_rest, parameters, rest_at

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

BEFORE = -2
"""The time before the first packet: RTSP does not date that one, and dates the second 0."""


class _Arrival(NamedTuple):
    packet: "av.Packet[Any]"
    at: float


class LiveCamera(base.Camera):
    """A camera whose `_connect` says how it is opened."""

    has_clock = True
    """Whether its packets say when they were taken; if not, they are stamped when they arrive."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        return cls(_plain(values))

    def __init__(self, options: Any, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(options)
        self._monotonic = monotonic
        self._container: InputContainer | None = None
        self._packets: Iterator[av.Packet[Any]] = iter(())
        self._broken: tuple[type[Exception], ...] = ()
        """What FFmpeg raises, where it is loaded."""
        self._next: _Arrival | None = None
        """What came behind a key frame, to see whether it still belongs to that."""
        self._codec = base.Codec("")
        self._parameters = b""
        self._size = ""
        self._stamp = BEFORE

    @property
    @abstractmethod
    def where(self) -> str:
        """The device or address, as it may be shown to anybody."""

    @abstractmethod
    def _connect(self) -> "InputContainer":
        """Open it. May raise what FFmpeg raises, which `_refuse` puts into words."""

    def open(self) -> None:
        from av import FFmpegError  # noqa: PLC0415 - slow, and only the camera's child needs it

        self.close()
        try:
            self._container = self._connect()
        except (FFmpegError, OSError) as error:
            self._refuse(error)
        if not self._container.streams.video:
            self.close()
            raise base.DriverFault("CAMERA_UNREADABLE", f"{self.where}: no video in it")
        stream = self._container.streams.video[0]
        context = stream.codec_context
        self._codec = base.Codec(context.name, bytes(context.extradata or b""))
        self._size = f"{context.width}x{context.height}" if context.width else ""
        self._packets, self._broken = self._container.demux(stream), (FFmpegError, OSError)
        self._parameters, self._stamp = b"", BEFORE

    def _refuse(self, error: Exception) -> NoReturn:
        """Say why it could not be opened: for most cameras, that it is away.

        Raises:
            DriverError: always.
        """
        raise base.DriverNotReady("CAMERA_AWAY", f"{self.where}: {reason(error)}") from None

    def close(self) -> None:
        self._packets, self._next = iter(()), None
        if self._container is not None:
            self._container.close()
            self._container = None

    def probe(self) -> base.Identity:
        return base.Identity(model=f"{self._codec.name} {self._size}".strip(), where=self.where)

    @property
    def codec(self) -> base.Codec:
        return self._codec

    def read(self) -> base.Packet:
        packet, at = self._next or self._receive()
        self._next = None
        if packet.is_keyframe:
            packet = self._whole(packet)
            self._compare(packet)
        self._date(packet, at)
        return base.Packet(packet, packet.size, packet.is_keyframe, at)

    def _receive(self) -> _Arrival:
        try:
            for packet in self._packets:
                if packet.size:
                    return _Arrival(packet, self._monotonic())
        except self._broken as error:
            raise base.DriverNotReady("CAMERA_ENDED", f"{self.where}: {reason(error)}") from None
        raise base.DriverNotReady("CAMERA_ENDED", f"{self.where}: {self._last_words()}")

    def _whole(self, keyframe: "av.Packet[Any]") -> "av.Packet[Any]":
        """The picture that begins with *keyframe*: known once something else comes."""
        name = self._codec.name
        while may_have_a_rest(name):
            self._next = self._receive()
            packet = self._next.packet
            at = rest_at(name, _head(packet)) if packet.is_keyframe else None
            if at is None:
                break
            keyframe = joined(keyframe, packet, at)
        return keyframe

    def _date(self, packet: "av.Packet[Any]", at: float) -> None:
        """Give the packet the times that it does not bring along."""
        if not self.has_clock:
            packet.pts = packet.dts = max(self._stamp + 1, round(at / float(packet.time_base or 1)))
        elif packet.dts is None:
            packet.dts = self._stamp + 1 if packet.pts is None else packet.pts
        if packet.pts is None:
            packet.pts = packet.dts
        self._stamp = packet.dts

    def _last_words(self) -> str:
        """Why there is nothing more."""
        return "end of the stream"

    def _compare(self, keyframe: "av.Packet[Any]") -> None:
        """Notice that the camera was set to another size or profile."""
        now = parameters(self._codec.name, _head(keyframe))
        if now and self._parameters and now != self._parameters:
            raise base.DriverNotReady("CAMERA_CHANGED", f"{self.where}: the format of the picture changed")
        self._parameters = now or self._parameters


def _plain(value: Any) -> Any:
    """What looks like options and needs no pydantic, which would be a fifth of the process."""
    if not isinstance(value, Mapping):
        return value
    return SimpleNamespace(**{name: _plain(each) for name, each in value.items()})


def _head(packet: "av.Packet[Any]") -> bytes:
    return bytes(memoryview(packet)[:HEAD_BYTES])


def reason(error: Exception) -> str:
    """What FFmpeg or the system says, without the address it says it of: that may hold a password."""
    from av import error as of  # noqa: PLC0415

    if isinstance(error, of.ExitError):
        return "no answer in time"
    text = error.strerror if isinstance(error, OSError | of.FFmpegError) else None
    return text or type(error).__name__
