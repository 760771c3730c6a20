"""Films and pictures of one colour, so that whatever else is seen between them stands out."""

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

import av
from av.video.stream import VideoStream
from PIL import Image

from agent.screen.hub import Item
from agent.screen.media.medium import content_id
from tests.web.serving import Serving

Colour = tuple[int, int, int]


def coloured(
    colour: Colour, *, seconds: float = 1.0, size: tuple[int, int] = (480, 270), rate: int = 25, codec: str = "libx264"
) -> bytes:
    """A film of one colour whose every frame differs from the next in a corner."""
    with NamedTemporaryFile() as file, av.open(file.name, "w", format="mp4", options={"movflags": "faststart"}) as out:
        track = cast("VideoStream", out.add_stream(codec, rate=rate, options=_OPTIONS[codec]))
        track.width, track.height = size
        track.pix_fmt = "yuv420p"
        track.codec_context.thread_count = 1
        for number in range(round(seconds * rate)):
            image = Image.new("RGB", size, colour)
            image.paste((150, 100 + number % 100, 100), (0, 0, 8, 8))
            frame = cast("Any", av.VideoFrame).from_image(image)
            frame.pts = number
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
        out.close()
        return Path(file.name).read_bytes()


_OPTIONS = {
    "libx264": {"preset": "ultrafast", "g": "5"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
}


def shown(serving: Serving, data: bytes, **options: Any) -> Item:
    """A film in the store as it stands, whether or not it should have come so far."""
    id_ = content_id(data)
    serving.store.path.mkdir(parents=True, exist_ok=True)
    (serving.store.path / f"{id_}.mp4").write_bytes(data)
    return Item(id=id_, url=f"/media/{id_}", kind="video", bytes=len(data), **options)
