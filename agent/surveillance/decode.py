"""From coded packets to pictures, as rarely as possible. Imports PyAV: only the camera's child may import this.

Not numpy, though: a child that was restarted proves its camera alive before it loads what only a still needs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import av

from drivers.base import Codec, Packet


class Moment(NamedTuple):
    """A decoded picture and when it reached the box."""

    frame: av.VideoFrame
    at_monotonic: float


class KeyframeCheck:
    """Says whether a key frame is a valid picture: the only proof that a camera sees."""

    def __init__(self, codec: Codec) -> None:
        self._decoder = _decoder(codec)

    def picture(self, keyframe: Packet) -> av.VideoFrame | None:
        """The whole, uncorrupted picture that *keyframe* is by itself, or None."""
        frames = [*_feed(self._decoder, keyframe), *_feed(self._decoder, None)]
        self._decoder.flush_buffers()  # the next key frame is a new beginning
        return next((frame for frame in frames if _is_valid(frame)), None)


class Stream:
    """Decodes every packet, from a key frame on."""

    def __init__(self, codec: Codec) -> None:
        self._decoder = _decoder(codec)

    def pictures(self, packet: Packet) -> Iterator[av.VideoFrame]:
        """The valid pictures that *packet* completes."""
        return (frame for frame in _feed(self._decoder, packet) if _is_valid(frame))


def pictures(codec: Codec, group: Sequence[Packet]) -> Iterator[Moment]:
    """The valid pictures of *group*, which begins with a key frame, in the order in which they are shown."""
    arrivals = {cast("av.Packet[Any]", packet.data).pts: packet.at_monotonic for packet in group}
    decoder = _decoder(codec)
    for packet in (*group, None):
        for frame in _feed(decoder, packet):
            if _is_valid(frame):
                yield Moment(frame, arrivals.get(frame.pts, group[0].at_monotonic))


def newest(codec: Codec, groups: Iterable[Sequence[Packet]], pace: Callable[[], None] = lambda: None) -> Moment | None:
    """The last valid picture in *groups* (newest first, each from a key frame on), or None; *pace* at every packet."""
    for group in groups:
        arrivals = {cast("av.Packet[Any]", packet.data).pts: packet.at_monotonic for packet in group}
        last: av.VideoFrame | None = None
        decoder = _decoder(codec)
        for packet in (*group, None):
            pace()
            for frame in _feed(decoder, packet):
                if _is_valid(frame):
                    last = frame
        if last is not None:
            return Moment(last, arrivals.get(last.pts, group[-1].at_monotonic))
    return None


def spread(codec: Codec, groups: Iterable[Sequence[Packet]], most: int, pace: Callable[[], None]) -> Iterator[Moment]:
    """At most *most* valid pictures of *groups* (newest first), oldest first, spread over all of them.

    One is decoded when the one before it was taken: they are large. *pace* is called at every packet.
    """
    oldest_first = list(groups)[::-1]
    step = max(1, -(-sum(map(len, oldest_first)) // most))
    number = 0
    for group in oldest_first:
        arrivals = {cast("av.Packet[Any]", packet.data).pts: packet.at_monotonic for packet in group}
        decoder = _decoder(codec)
        for packet in (*group, None):
            pace()
            for frame in _feed(decoder, packet):
                if number % step == 0 and _is_valid(frame):
                    yield Moment(frame, arrivals.get(frame.pts, group[0].at_monotonic))
                number += 1


def _decoder(codec: Codec) -> av.VideoCodecContext:
    decoder = av.CodecContext.create(codec.name, "r")
    if not isinstance(decoder, av.VideoCodecContext):
        raise ValueError(f"{codec.name} is not video")
    if codec.extradata:
        decoder.extradata = codec.extradata
    decoder.thread_count = 1
    return decoder


def _feed(decoder: av.VideoCodecContext, packet: Packet | None) -> Iterator[av.VideoFrame]:
    """The pictures that *packet* completes; a broken packet completes none. None asks for what is left."""
    try:
        yield from decoder.decode(None if packet is None else cast("av.Packet[Any]", packet.data))
    except av.FFmpegError:
        return


def _is_valid(frame: av.VideoFrame) -> bool:
    return not frame.is_corrupt and frame.width > 0 and frame.height > 0
