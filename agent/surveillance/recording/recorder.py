"""The recorder: coded video to the card as it came, in segments that play however they end.

Nothing is decoded or encoded: packets are copied into fragmented MP4, one fragment a group of pictures, flushed as
they come, so a killed process costs the group that was open and no more. A segment begins with a key frame and ends
with the first one after `segment_s`; it is written as `….part`, with the boot in its name, and only when it is
whole and flushed to the card does it get its own. Times on the file are the recorder's: a camera's timestamps may
jump, repeat or run backwards, and then the arrival says how far two pictures are apart.

Runs on the child's capturing thread. Imports PyAV: only the camera's child may import this.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import OutputContainer

from agent.surveillance.decode import Moment
from agent.surveillance.recording.timing import TICK, TICKS_A_S, Timeline
from drivers.base import Codec, Packet

SUFFIX = ".mp4"
PART = ".part"
JPEG_FPS = 5.0
AGAIN_S = 20.0
"""A disk that refused is left alone for so long."""
_OPTIONS = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "flush_packets": "1"}
"""The header is written with the first fragment: some cameras send what belongs into it in the pictures only."""


@dataclass(slots=True)
class Segment:
    """A finished recording. Times are `time.monotonic()` of the box."""

    path: Path
    began_at: float
    ended_at: float
    size_bytes: int
    pictures: int
    left_at: float | None = None
    """Of an earlier boot, whose monotonic time nobody knows any more: its end by the wall clock of then, since 1970."""


@dataclass(slots=True)
class _Open:
    """The segment that is being written."""

    path: Path
    container: OutputContainer
    stream: Any
    codec: Codec
    time_base: Fraction
    """Of the camera's packets, each of which would make it anew for who asks."""
    size_px: tuple[int, int]
    began_at: float
    last_at: float
    pictures: int = 0
    timeline: Timeline = field(default_factory=Timeline)


class Recorder:
    """Writes one camera's segments below a folder; a `packets` and a `pictures` taker of `Capture`."""

    def __init__(
        self,
        folder: Path,
        *,
        codec: Callable[[], Codec],
        segment_s: float,
        told: Callable[[Segment], None],
        troubled: Callable[[str, float], None],
        wall: Callable[[], datetime],
        trouble: str = "",
        jpeg_fps: float = JPEG_FPS,
        boot: str = "",
    ) -> None:
        """*codec* tells the driver's once it is open; *told* hears of each finished segment, *troubled* why nothing
        can be recorded (and of the empty string when it can again) and since when; *wall* names files. *trouble* is
        what was told before. Of a camera that sends JPEG pictures *jpeg_fps* a second are kept. *boot* is this boot of
        the machine."""
        self._folder = folder
        self._codec = codec
        self._segment_s = segment_s
        self._told = told
        self._troubled = troubled
        self._wall = wall
        self._boot = boot
        self._open: _Open | None = None
        self._size_px: tuple[int, int] | None = None
        self._trouble = trouble
        self._lag = ""
        self._said = trouble
        self._whole_until = 0.0
        """All before this was handed to the disk: where the open group of pictures begins."""
        self._again_at = 0.0
        self._jpeg_every_s = 1 / jpeg_fps
        self._due_at = 0.0

    def see(self, moment: Moment) -> None:
        """The key frame that `add` is given next is this valid picture: the format is known, recording may begin."""
        self._size_px = (moment.frame.width, moment.frame.height)

    def add(self, packet: Packet) -> None:
        """Write *packet*. What comes before the first valid key frame is not recorded.

        A disk that refuses is told, and tried again at a later key frame: the camera is watched all the same.
        """
        if packet.at_monotonic < self._again_at or not self._is_wanted(packet):
            return
        try:
            self._add(packet)
        except (OSError, av.FFmpegError) as error:
            self.fail(str(error), packet.at_monotonic)

    def _is_wanted(self, packet: Packet) -> bool:
        """Any, but of JPEG pictures, each of which stands by itself, only as many as are to be kept."""
        if self._codec().name != "mjpeg":
            return True
        if packet.at_monotonic < self._due_at:
            return False
        self._due_at = max(self._due_at + self._jpeg_every_s, packet.at_monotonic)
        return True

    def fail(self, trouble: str, now: float) -> None:
        """Nothing can be recorded for *trouble*: tell, and begin anew at a later key frame."""
        open_, self._open = self._open, None
        if open_ is not None:
            with suppress(OSError, av.FFmpegError):
                open_.container.close()
            with suppress(OSError):
                if not open_.path.stat().st_size:
                    open_.path.unlink()  # a card that stays full is tried again for days
        self._again_at = now + AGAIN_S
        self._tell(trouble, self._whole_until or now)
        self._whole_until = 0.0

    def lag(self, reason: str, since: float) -> None:
        """Pictures are lost before they come here, for *reason*, since *since*; empty: none are any more."""
        self._lag = reason
        self._say(since)

    def _tell(self, trouble: str, since: float) -> None:
        self._trouble = trouble
        self._say(since)

    def _say(self, since: float) -> None:
        said, self._said = self._said, self._trouble or self._lag
        if bool(self._said) != bool(said):
            self._troubled(self._said, since)

    def _add(self, packet: Packet) -> None:
        if packet.is_keyframe:
            self._turn(packet)
        open_ = self._open
        if open_ is None:
            return
        self._write(open_, packet)

    def close(self) -> None:
        """Finish the segment that is open, if any. Idempotent.

        Raises:
            OSError: the disk refuses.
        """
        open_, self._open = self._open, None
        if open_ is None:
            return
        open_.container.close()
        final = _final(open_.path)
        size_bytes = _settle(open_.path, final)
        self._tell("", open_.began_at)
        self._told(Segment(final, open_.began_at, open_.last_at, size_bytes, open_.pictures))

    def _turn(self, keyframe: Packet) -> None:
        """Begin a new segment with *keyframe* where one is due, or where the camera's format changed."""
        if self._size_px is None:
            return
        open_, codec = self._open, self._codec()
        if open_ is not None:
            is_long = keyframe.at_monotonic - open_.began_at >= self._segment_s
            if not is_long and open_.size_px == self._size_px and open_.codec == codec:
                return
            open_.last_at = keyframe.at_monotonic
            self.close()
        self._begin(keyframe, codec, self._size_px)

    def _begin(self, keyframe: Packet, codec: Codec, size_px: tuple[int, int]) -> None:
        wall = self._wall()
        folder = self._folder / f"{wall:%Y%m%d}"
        folder.mkdir(parents=True, exist_ok=True)
        # By chance: a box without a clock of its own begins every life at the same second, with the same numbers.
        path = folder / f"{wall:%H%M%S}-{os.urandom(4).hex()}{_ending(self._boot)}"
        container = av.open(f"file:{path}", "w", format="mp4", options=_OPTIONS)
        packet = cast("av.Packet[Any]", keyframe.data)
        source = packet.stream
        if source is not None:
            stream: Any = container.add_stream_from_template(source)
        else:
            stream = container.add_mux_stream(codec.name, width=size_px[0], height=size_px[1])
        at = keyframe.at_monotonic
        self._open = _Open(path, container, stream, codec, packet.time_base, size_px, began_at=at, last_at=at)

    def _write(self, open_: _Open, packet: Packet) -> None:
        """Copy *packet*, which others look at too, so what the container needs to change is put back."""
        data = cast("av.Packet[Any]", packet.data)
        pts, dts, time_base, stream = data.pts, data.dts, open_.time_base, data.stream
        told, unit_s = dts if dts is not None else pts, time_base.numerator / time_base.denominator
        told_s = told * unit_s if told is not None else None
        at = open_.timeline.next(told_s, packet.at_monotonic)
        ahead_s = (pts - told) * unit_s if pts is not None and told is not None else 0.0
        try:
            data.time_base = TICK
            data.dts, data.pts = at, at + max(0, round(ahead_s * TICKS_A_S))
            data.stream = open_.stream
            open_.container.mux_one(data)
        finally:
            data.pts, data.dts, data.time_base = pts, dts, time_base
            if stream is not None:  # PyAV cannot take it away again
                data.stream = stream
        open_.pictures += 1
        open_.last_at = packet.at_monotonic
        if packet.is_keyframe:
            if open_.pictures > 1:  # the group before it is on the disk
                self._tell("", open_.began_at)
            self._whole_until = packet.at_monotonic


def settle_leftovers(folder: Path, *, now: float, wall: float, boot: str = "") -> list[Segment]:
    """Give the segments that an earlier process left unfinished below *folder* their names; what cannot be played goes.

    *now* is the monotonic time, *wall* the seconds since 1970, *boot* this boot of the machine.

    Raises:
        OSError: the disk refuses.
    """
    segments = []
    for part in sorted(folder.rglob(f"*{PART}")):
        changed_at = part.stat().st_mtime
        ended_at = now - (wall - changed_at)
        left_at = None if part.name.endswith(_ending(boot)) else changed_at
        pictures, length_s = _extent(part)
        if not pictures:
            part.unlink()
            continue
        final = _final(part)
        size_bytes = _settle(part, final)
        segments.append(Segment(final, ended_at - length_s, ended_at, size_bytes, pictures, left_at))
    return segments


def _ending(boot: str) -> str:
    """How the name of a segment ends that is written in *boot*."""
    return f"{SUFFIX}.{boot}{PART}" if boot else f"{SUFFIX}{PART}"


def _final(part: Path) -> Path:
    return part.with_name(part.name.partition(SUFFIX)[0] + SUFFIX)


def _extent(path: Path) -> tuple[int, float]:
    """How many pictures can be read of a recording, and how many seconds they span."""
    pictures, last_s = 0, 0.0
    with suppress(av.FFmpegError, IndexError), av.open(f"file:{path}") as container:
        for packet in container.demux(video=0):
            if packet.size:
                pictures += 1
                last_s = max(last_s, float((packet.pts or 0) * packet.time_base))
    return pictures, last_s


def _settle(part: Path, final: Path) -> int:
    """Flush *part* to the card and give it its name; its size in bytes."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
        size_bytes = os.fstat(file.fileno()).st_size
    part.replace(final)
    folder = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size_bytes
