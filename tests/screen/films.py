"""Real films, made for tests: grey that grows lighter, with a strip of noise that keeps its decoder busy."""

import random
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

import av
from av.video.stream import VideoStream

FASTSTART = {"movflags": "faststart"}
RIGHT: dict[str, Any] = {"wrapping": FASTSTART}
"""As the screen wants it."""


def film(
    *,
    seconds: float = 1.0,
    size: tuple[int, int] = (320, 180),
    rate: int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    container: str = "mp4",
    wrapping: dict[str, str] | None = None,
    sound: bool = False,
    turned: int = 0,
    **options: str,
) -> bytes:
    """A film; *wrapping* are the container's options, *turned* says by how many degrees it is shown turned."""
    chance = random.Random(1)
    with NamedTemporaryFile() as file, av.open(file.name, "w", format=container, options=wrapping or {}) as out:
        track = cast("VideoStream", out.add_stream(codec, rate=rate, options=options or {"preset": "ultrafast"}))
        track.width, track.height = size
        track.pix_fmt = pixels
        track.codec_context.thread_count = 1
        if turned:
            track.set_display_rotation(turned)
        voice: Any = out.add_stream("aac", rate=44100) if sound else None
        for number in range(round(seconds * rate)):
            out.mux(track.encode(_frame(size, number, chance).reformat(format=pixels)))
        out.mux(track.encode(None))
        if voice is not None:
            _hum(out, voice, seconds)
        out.close()
        return Path(file.name).read_bytes()


def hum(seconds: float) -> bytes:
    """Sound without a picture, in a film's clothes."""
    file = BytesIO()
    with av.open(file, "w", format="mp4") as out:
        _hum(out, out.add_stream("aac", rate=44100), seconds)
    return file.getvalue()


def _frame(size: tuple[int, int], number: int, chance: random.Random) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    for plane in frame.planes:
        noise = chance.randbytes(min(1500, plane.buffer_size))
        plane.update(noise + bytes([(60 + number * 3) % 256]) * (plane.buffer_size - len(noise)))
    frame.pts = number
    return frame


def _hum(out: Any, voice: Any, seconds: float) -> None:
    for number in range(round(seconds * 44100 / 1024)):
        frame = av.AudioFrame("fltp", "stereo", 1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 44100, number * 1024, Fraction(1, 44100)
        out.mux(voice.encode(frame))
    out.mux(voice.encode(None))
