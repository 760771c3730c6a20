"""The film of the camera's measurements: the public surveillance clip, coded as an IP camera would send it.

H.264 without B-frames, 1280x720, 25 pictures a second, a key frame every two seconds, and a sensor's noise on it,
without which no background would have a price. Half of the idle film shows the street with nobody in it.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import PictureType

from tests.bench.figures import NotPossible
from tests.clip import WHAT, found_clip, unpacked

WIDTH, HEIGHT, FPS, GOP_S = 1280, 720, 25, 2
_LOOKS = 40
"""Pictures of the clip whose median has nobody in it."""
_CODED = {"preset": "veryfast", "profile": "high", "bf": "0", "sc_threshold": "0"}
_RATES = {
    False: {"maxrate": "2000k", "bufsize": "4000k", "b": "2000k"},
    True: {"crf": "27", "maxrate": "2000k", "bufsize": "4000k"},  # a quiet scene costs few bits
}


def film(folder: Path, seconds: int, *, is_half_idle: bool = False) -> Path:
    """An MP4 file below *folder*; a half-idle one is empty for the first half of its *seconds*.

    Raises:
        NotPossible: this machine does not have the clip.
    """
    found = found_clip()
    if found is None:
        raise NotPossible(f"{WHAT} is missing")
    path = folder / f"{'idle' if is_half_idle else 'busy'}-{seconds}.mp4"
    if path.exists():
        return path
    source = unpacked(found, folder)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=_CODED | _RATES[is_half_idle])
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = GOP_S * FPS
        for number, frame in enumerate(_pictures(source, seconds, is_half_idle=is_half_idle)):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _pictures(source: Path, seconds: int, *, is_half_idle: bool) -> Iterator[av.VideoFrame]:
    """The clip at 25 pictures a second, each repeated as often as it takes, larger and with fresh noise."""
    with av.open(str(source)) as original:
        video = original.streams.video[0]
        rate = float(video.average_rate or 10)
        graph = _graph(video.codec_context)
        empty = _empty(source) if is_half_idle else None
        shown = seconds * FPS // 2 if empty is not None else 0
        for number in range(shown):
            assert empty is not None
            yield _through(graph, empty, number)
        pictures = original.decode(video)
        current, at = next(pictures), 0
        for number in range(shown, seconds * FPS):
            while at < int((number - shown) * rate / FPS):
                current, at = next(pictures), at + 1
            yield _through(graph, current, number)


def _graph(context: av.VideoCodecContext) -> Graph:
    graph = Graph()
    steps = [
        graph.add_buffer(
            width=context.width, height=context.height, format=VideoFormat("yuv420p"), time_base=Fraction(1, FPS)
        ),
        graph.add("scale", "1280:960:flags=lanczos"),
        graph.add("crop", "1280:720"),
        graph.add("noise", "c0s=5:c0f=t"),
        graph.add("buffersink"),
    ]
    for step, following in pairwise(steps):
        step.link_to(following)
    graph.configure()
    return graph


def _through(graph: Graph, frame: av.VideoFrame, number: int) -> av.VideoFrame:
    frame.pts, frame.pict_type = number, PictureType.NONE  # or the clip's key frames would be the film's
    graph.push(frame)
    coded = graph.pull()
    assert isinstance(coded, av.VideoFrame)
    return coded


def _empty(source: Path) -> av.VideoFrame:
    """The street with nobody in it: of every pixel the median over the clip."""
    with av.open(str(source)) as original:
        video = original.streams.video[0]
        step = max(1, video.frames // _LOOKS)
        seen = [frame.to_ndarray() for number, frame in enumerate(original.decode(video)) if number % step == 0]
    median = np.median(np.stack(seen).astype(np.uint8), axis=0)
    return av.VideoFrame.from_ndarray(median.astype(np.uint8), format="yuv420p")
