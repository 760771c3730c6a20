"""Recording in another form than it came: decoded, its masks filled, and encoded again at a few pictures a second.

Costs a tenth of a core and more, so it is done only where the settings say so, and on a thread of its own: who captures
never waits. When it cannot keep up it goes on at the next key frame, and says so until it has kept up for a minute. A
picture that cannot be masked is not recorded.
Imports PyAV: only the camera's child may import this module.
"""

import logging
import queue
import threading
from collections.abc import Callable
from fractions import Fraction

import av

from agent.surveillance.decode import Moment, Stream
from agent.surveillance.polygon import Polygon
from agent.surveillance.recording.recorder import Recorder
from drivers.base import Codec, Packet

log = logging.getLogger(__name__)

FPS = 12
GOP_S = 2
WAITING = 100
"""Packets on their way to this thread: some four seconds; who is later loses pictures up to the next key frame."""
CLOSE_S = 0.4
KEPT_UP_S = 60.0
"""Nothing was lost for so long: it keeps up again."""
BEHIND = "encoding it is more than this box can do, so pictures are missing"
TICKS = 90_000


class Burner:
    """A `packets` and a `pictures` taker of `Capture`, in the place of *recorder*, which it feeds."""

    def __init__(self, recorder: Recorder, *, codec: Callable[[], Codec], masks: tuple[Polygon, ...]) -> None:
        """*codec* tells the driver's once it is open; without *masks* it encodes and hides nothing."""
        self._recorder = recorder
        self._codec = codec
        self._masks = masks
        self._packets: queue.Queue[Packet | None] = queue.Queue(WAITING)
        self._is_behind = False
        self._lost_at = 0.0
        """When the newest packet arrived that was not taken; 0: none was lost."""
        self._is_late = False
        self._stream: Stream | None = None
        self._encoder: av.VideoCodecContext | None = None
        self._began_at = 0.0
        self._due_at = 0.0
        self._thread = threading.Thread(target=self._run, name="burning", daemon=True)
        self._thread.start()

    def add(self, packet: Packet) -> None:
        """Take *packet*; never waits."""
        if not self._is_behind or packet.is_keyframe:
            try:
                self._packets.put_nowait(packet)
            except queue.Full:
                self._is_behind = True
            else:
                self._is_behind = False
        if self._is_behind:
            self._lost_at = packet.at_monotonic

    def see(self, moment: Moment) -> None:
        """Whoever captures has decoded *moment*; what is recorded is known by what is decoded here."""

    def close(self) -> None:
        """Finish what is open, as far as there is time.

        Raises:
            OSError: the disk refuses.
        """
        if self._thread.is_alive():
            try:
                self._packets.put(None, timeout=CLOSE_S)
            except queue.Full:
                return
            self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._recorder.close()

    def _run(self) -> None:
        while (packet := self._packets.get()) is not None:
            self._watch(packet.at_monotonic)
            try:
                self._take(packet)
            except Exception as error:  # the edge: what cannot be masked is not recorded, and said
                if packet.is_keyframe:
                    log.exception("a picture could not be encoded for the recording")
                self._recorder.fail(str(error), packet.at_monotonic)
                self._stream = self._encoder = None

    def _watch(self, now: float) -> None:
        lost_at = self._lost_at
        is_late = lost_at > 0 and now - lost_at < KEPT_UP_S
        if is_late is self._is_late:
            return
        self._is_late = is_late
        if is_late:
            log.warning("the recording cannot keep up with its camera: pictures are missing in it")
        else:
            log.info("the recording keeps up with its camera again")
        self._recorder.lag(BEHIND if is_late else "", lost_at)

    def _take(self, packet: Packet) -> None:
        if self._stream is None:
            if not packet.is_keyframe:
                return
            self._stream = Stream(self._codec())
        for frame in self._stream.pictures(packet):
            if packet.at_monotonic >= self._due_at:
                self._due_at = max(self._due_at + 1 / FPS, packet.at_monotonic - 1 / FPS)
                self._burn(frame, packet.at_monotonic)

    def _burn(self, frame: av.VideoFrame, at: float) -> None:
        width, height = frame.width // 2 * 2, frame.height // 2 * 2
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (width, height):
            encoder = self._encoder = _encoder(width, height)
            self._began_at = at
        shown = self._masked(frame).reformat(width=width, height=height, format="yuv420p")
        shown.pts, shown.time_base = round((at - self._began_at) * TICKS), Fraction(1, TICKS)
        shown.pict_type = av.video.frame.PictureType.NONE
        for coded in encoder.encode(shown):
            if coded.is_keyframe:
                self._recorder.see(Moment(shown, at))
            self._recorder.add(Packet(coded, coded.size, coded.is_keyframe, at))

    def _masked(self, frame: av.VideoFrame) -> av.VideoFrame:
        if not self._masks:
            return frame
        from agent.surveillance.egress.privacy import fill  # noqa: PLC0415 - OpenCV, which who masks nothing does without

        picture = frame.to_ndarray(format="bgr24").astype("uint8", copy=False)
        return av.VideoFrame.from_ndarray(fill(picture, tuple(map(tuple, self._masks))), format="bgr24")


def _encoder(width: int, height: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, TICKS)
    encoder.gop_size = GOP_S * FPS
    encoder.thread_count = 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26"}  # one packet out for each picture in
    return encoder
