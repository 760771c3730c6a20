"""Capture: the driver's packets to all who want them, and each key frame decoded once for all who look.

Runs on the child's capturing thread, where also those are called who want packets or pictures: they must be
quick. Imports PyAV: only the camera's child may import this.
"""

import threading
from collections.abc import Callable, Sequence

from agent.surveillance.decode import KeyframeCheck, Moment
from agent.surveillance.heartbeat import Heartbeat, Rhythm
from drivers.base import Camera, Packet

CHECK_EVERY_S = 0.5
"""Cameras that send only key frames (MJPEG) are not decoded more often than this."""
CHECK_SELDOM_S = 10.0
"""Where nobody looks at the pictures, one now and then proves that the camera sees: a decoded one costs as much as
copying a hundred."""


class Capture:
    """Reads one camera for as long as nobody asks to leave."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        *,
        packets: Sequence[Callable[[Packet], None]],
        pictures: Sequence[Callable[[Moment], None]] = (),
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        """*packets* want every packet as it came, *pictures* every key frame that was a valid picture, before that.

        A key frame is decoded when the last valid one is *check_every_s* old.
        """
        self._heartbeat = heartbeat
        self._packets = packets
        self._pictures = tuple(pictures)
        self._check_every_s = check_every_s
        self.seen = threading.Event()
        """A key frame was a valid picture."""
        self.leaving = threading.Event()
        """Set by who wants it to end."""
        self.left = threading.Event()
        """The camera is closed."""

    def show_to(self, look: Callable[[Moment], None]) -> None:
        """From now on *look* sees the valid key frames too. From any one thread."""
        self._pictures = (*self._pictures, look)

    def run(self, camera: Camera) -> None:
        """Until `leaving` is set; raises what the driver raises."""
        check = KeyframeCheck(camera.codec)
        rhythm = Rhythm()
        due_at = 0.0
        while not self.leaving.is_set():
            packet = camera.read()
            rhythm.packet(packet.at_monotonic, is_keyframe=packet.is_keyframe)
            apart_s = max(rhythm.gop_s, self._check_every_s) if rhythm.gop_s else 0.0
            self._heartbeat.packet(
                packet.at_monotonic,
                interval_s=rhythm.interval_s,
                gop_s=apart_s,
                is_keyframe=packet.is_keyframe,
            )
            if packet.is_keyframe and packet.at_monotonic >= due_at:
                frame = check.picture(packet)
                due_at = packet.at_monotonic + (CHECK_EVERY_S if frame is None else self._check_every_s)
                if frame is not None:
                    self._see(Moment(frame, packet.at_monotonic))
                else:
                    self._heartbeat.broken(packet.at_monotonic)
            for take in self._packets:
                take(packet)

    def _see(self, moment: Moment) -> None:
        self._heartbeat.picture(moment.at_monotonic)
        self.seen.set()
        for look in self._pictures:
            look(moment)
