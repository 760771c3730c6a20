"""A short film of pictures that may leave the box, made in memory.

Imports PyAV: only the camera's child may import this.
"""

import io
from collections.abc import Sequence
from fractions import Fraction

import av

from agent.surveillance.egress.privacy import Shown

TICKS = 90_000
"""A second, in the film's own clock."""


def film(shown: Sequence[Shown], at: Sequence[float]) -> bytes:
    """*shown*, each from its second of *at* on, as H.264 in MP4: a browser plays it."""
    height, width = (size // 2 * 2 for size in shown[0].picture.shape[:2])
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=5, options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.thread_count = 1
        for each, second in zip(shown, at, strict=True):
            frame = av.VideoFrame.from_ndarray(each.picture[:height, :width].copy(), format="bgr24")
            frame.pts, frame.time_base = round((second - at[0]) * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
