"""What stands in coded video: the units of H.264 and H.265, each behind a start code.

FFmpeg cuts a stream from the network into pictures wherever parameter sets stand. Some cameras (GStreamer's server is
one) repeat those before every slice of a key frame, which then comes in several packets, none of which is a picture.
Here such parts are known, and put together again. Imports PyAV only where it is needed.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import av

HEAD_BYTES = 4096
"""Of a packet; what describes it stands at its beginning."""


class _Kinds(NamedTuple):
    """How a codec says what a unit is: in which bits of its first byte, and in which words."""

    mask: int
    shift: int
    parameters: int
    slices: range
    header_bytes: int
    """Right behind them, a slice says in one bit whether it is the first of its picture."""


_KINDS = {"h264": _Kinds(0x1F, 0, 7, range(1, 6), 1), "hevc": _Kinds(0x3F, 1, 33, range(32), 2)}


def parameters(codec: str, head: bytes) -> bytes:
    """The parameter sets (SPS) at the beginning of a key frame with start codes; empty where there are none."""
    kinds = _KINDS.get(codec)
    if kinds is None:
        return b""
    units = head.split(b"\0\0\1")[1:]
    found = (unit.rstrip(b"\0") for unit in units if unit and unit[0] >> kinds.shift & kinds.mask == kinds.parameters)
    return b"".join(dict.fromkeys(found))  # some cameras send each twice, now and then


def rest_at(codec: str, head: bytes) -> int | None:
    """Where, in a packet that begins with *head*, slices of the picture before it begin; None: it is a new picture."""
    kinds = _KINDS.get(codec)
    if kinds is None:
        return None
    at = head.find(b"\0\0\1")
    while 0 <= at < len(head) - 3 - kinds.header_bytes:
        if head[at + 3] >> kinds.shift & kinds.mask in kinds.slices:
            return None if head[at + 3 + kinds.header_bytes] & 0x80 else at
        at = head.find(b"\0\0\1", at + 3)
    return None


def may_have_a_rest(codec: str) -> bool:
    """Whether a key frame of *codec* may come in parts."""
    return codec in _KINDS


def joined(first: "av.Packet[Any]", rest: "av.Packet[Any]", rest_at: int) -> "av.Packet[Any]":
    """The picture that *first* and what stands in *rest* from *rest_at* on are together, with the times of *first*."""
    import av  # noqa: PLC0415 - slow, and only the camera's child needs it

    whole: av.Packet[Any] = av.Packet(bytes(first) + bytes(rest)[rest_at:])
    whole.stream, whole.time_base = first.stream, first.time_base
    whole.pts, whole.dts, whole.duration = first.pts, first.dts, first.duration
    whole.is_keyframe = first.is_keyframe
    return whole
