"""Films: one profile that every box plays smoothly, every picture of it decoded once before anyone sees it.

H.264 to High 4.1 in 8-bit 4:2:0, at most 1080p30 and 8 Mbit/s. Anything else is refused with the recipe
that makes it so: converting on the box would take hours and the camera's share of it. VP9 and AV1 are refused
too, though browsers play them: without a hardware path they cost the box a core, on every round.
What is right but wrapped wrongly (its index at the end, sound, another container) is wrapped anew, bit for bit.

Runs in the darkroom; imports PyAV.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from agent.screen.media.medium import MediaError, Medium

LONG_SIDE_PX, SHORT_SIDE_PX = 1920, 1080
MOST_PER_S = 30.5
MOST_KBIT_S = 8_800
"""Eight megabits a second, and what encoders asked for that make of it."""
LONGEST_S = 15 * 60
SHORTEST_S = 0.5
PROFILES = {66: "Baseline", 77: "Main", 100: "High"}
HIGHEST_LEVEL = 41
PIXELS = ("yuv420p", "yuvj420p")
FLUSH_BYTES = 4 * 2**20

_DEMUXER = {"mp4": "mp4", "mkv": "matroska"}


@dataclass(slots=True)
class _Seen:
    """What decoding showed."""

    pictures: int = 0
    bytes: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    quarter_turns: int = 0

    def length_s(self) -> float:
        """Until the end of the last picture."""
        span_s = self.last_s - self.first_s
        return span_s + span_s / (self.pictures - 1) if self.pictures > 1 else 0.0


def develop_film(copy: Path, source: str, suffix: str, alive: Callable[[], None]) -> tuple[str, Medium]:
    """The rendition's file beside *copy*, and what it is. A film that is right as it stands is the copy itself.

    Raises:
        MediaError: not a film, damaged or cut short, or not of the profile.
    """
    try:
        with av.open(f"file:{copy}", format=_DEMUXER[suffix]) as film:
            stream = _stream(film)
            _check_profile(stream)
            told_s = _told_length_s(film, stream)
            seen = _decoded(film, stream, alive)
            is_alone = len(film.streams) == 1
        _check_length(seen, told_s)
        name = copy.name
        if suffix != "mp4" or not is_alone or not _begins_with_index(copy):
            name = _wrapped(copy, suffix, alive).name
    except av.FFmpegError:
        raise MediaError("broken") from None
    width, height = stream.codec_context.width, stream.codec_context.height
    if seen.quarter_turns % 2:
        width, height = height, width
    length_s = round(seen.length_s(), 3)
    return name, Medium(source, "", "video", copy.with_name(name).stat().st_size, width, height, length_s)


def _stream(film: "av.container.InputContainer") -> VideoStream:
    streams = [stream for stream in film.streams.video if not stream.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        raise MediaError("no_video")
    return streams[0]


def _check_profile(stream: VideoStream) -> None:
    coder = stream.codec_context
    if coder.name != "h264":
        raise MediaError("codec", seen=_NAMES.get(coder.name, coder.name.upper()))
    header = coder.extradata or b""
    if len(header) < 4 or header[0] != 1:  # the decoder's configuration as MP4 and Matroska keep it
        raise MediaError("broken")
    profile, level = header[1], header[3]
    if profile not in PROFILES or coder.pix_fmt not in PIXELS:
        raise MediaError("profile", seen=coder.profile or str(profile))
    if level > HIGHEST_LEVEL:
        raise MediaError("level", seen=f"{level / 10:.1f}", limit=f"{HIGHEST_LEVEL / 10:.1f}")
    short, long = sorted((coder.width, coder.height))
    if long > LONG_SIDE_PX or short > SHORT_SIDE_PX:
        raise MediaError("size", seen=f"{coder.width}×{coder.height}", limit=f"{LONG_SIDE_PX}×{SHORT_SIDE_PX}")


_NAMES = {"hevc": "H.265 (HEVC)", "vp8": "VP8", "vp9": "VP9", "av1": "AV1", "libdav1d": "AV1", "mpeg4": "MPEG-4 Part 2"}


def _told_length_s(film: "av.container.InputContainer", stream: VideoStream) -> float:
    """How long it says it is."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (film.duration or 0) / av.time_base


def _decoded(film: "av.container.InputContainer", stream: VideoStream, alive: Callable[[], None]) -> _Seen:
    """Every picture, looked at once."""
    seen = _Seen()
    stream.codec_context.thread_count = 1  # memory for one picture, and a core for the rest of the box
    for packet in film.demux(stream):
        alive()
        seen.bytes += packet.size
        if packet.is_corrupt:
            raise MediaError("broken")
        for frame in packet.decode():
            if frame.is_corrupt or frame.pts is None or frame.time_base is None:
                raise MediaError("broken")
            if frame.interlaced_frame:
                raise MediaError("interlaced")
            at_s = float(frame.pts * Fraction(frame.time_base))
            if not seen.pictures:
                seen.first_s, seen.quarter_turns = at_s, round(frame.rotation / 90)
            seen.last_s = max(seen.last_s, at_s)
            seen.pictures += 1
            if seen.last_s - seen.first_s > LONGEST_S:
                raise MediaError("length", limit=LONGEST_S // 60)
    return seen


def _check_length(seen: _Seen, told_s: float) -> None:
    length_s = seen.length_s()
    if told_s - length_s > max(1.0, told_s * 0.03):
        raise MediaError("broken")
    if length_s < SHORTEST_S:
        raise MediaError("short")
    if seen.pictures / length_s > MOST_PER_S:
        raise MediaError("rate", seen=round(seen.pictures / length_s), limit=int(MOST_PER_S))
    if seen.bytes * 8 / 1000 / length_s > MOST_KBIT_S:
        raise MediaError("bitrate", seen=round(seen.bytes * 8 / 1e6 / length_s), limit=MOST_KBIT_S // 1000)


def _begins_with_index(file: Path) -> bool:
    """Whether an MP4's index stands before its pictures: a browser begins to play at once."""
    with file.open("rb") as opened:
        at, size = 0, file.stat().st_size
        while at + 8 <= size:
            opened.seek(at)
            head = opened.read(16)
            if head[4:8] in (b"moov", b"mdat"):
                return head[4:8] == b"moov"
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                return False
            at += length
    return False


def _wrapped(copy: Path, suffix: str, alive: Callable[[], None]) -> Path:
    """The same pictures in an MP4 of their own: silent, its index first."""
    made = copy.with_name("film.mp4")
    with (
        av.open(f"file:{copy}", format=_DEMUXER[suffix]) as film,
        av.open(f"file:{made}", "w", format="mp4", options={"movflags": "faststart"}) as out,
    ):
        stream = _stream(film)
        track = out.add_stream_from_template(stream)
        for packet in film.demux(stream):
            alive()
            if packet.dts is not None and packet.size:
                packet.stream = track
                out.mux_one(packet)
    return made
