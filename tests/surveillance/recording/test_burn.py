"""A recording that is encoded anew: what the masks hide is nowhere in it, and who captures never waits for it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from agent.surveillance.egress.privacy import FILL
from agent.surveillance.recording.burn import BEHIND, FPS, WAITING, Burner
from agent.surveillance.recording.recorder import Recorder, Segment
from drivers.base import Codec, Packet
from tests.eventually import eventually
from tests.surveillance.egress.test_privacy import LEFT_HALF
from tests.surveillance.recording.test_recorder import AT, clip, encoded


class Darkroom:
    """A recorder behind a burner, and what both told."""

    def __init__(self, folder: Path, codec: Codec, masks: tuple[tuple[tuple[float, float], ...], ...]) -> None:
        self.segments: list[Segment] = []
        self.troubles: list[str] = []
        recorder = Recorder(
            folder,
            codec=lambda: Codec("h264"),
            segment_s=60,
            told=self.segments.append,
            troubled=lambda trouble, _: self.troubles.append(trouble),
            wall=lambda: AT,
        )
        self.burner = Burner(recorder, codec=lambda: codec, masks=masks)


@pytest.fixture
def packets(surveillance_clip: Path) -> Iterator[tuple[Codec, list[Packet]]]:
    camera = clip(surveillance_clip)
    with camera:
        yield camera.codec, [camera.read() for _ in range(40)]


def pictures(segment: Segment) -> list[np.ndarray]:
    with av.open(str(segment.path)) as film:
        return [frame.to_ndarray(format="bgr24") for frame in film.decode(video=0)]


def test_what_a_mask_hides_is_nowhere_in_the_recording(tmp_path: Path, packets: tuple[Codec, list[Packet]]) -> None:
    codec, sent = packets
    room = Darkroom(tmp_path, codec, (LEFT_HALF,))
    for packet in sent:
        room.burner.add(packet)
    eventually(room.burner._packets.empty)
    room.burner.close()
    (segment,) = room.segments
    shown = pictures(segment)
    assert len(shown) == segment.pictures == 40
    for picture in shown:
        assert np.abs(picture[:, :370].astype(int) - FILL).max() <= 8
        assert picture[:, 400:].std() > 20
    assert room.troubles == []


def test_jpeg_pictures_become_h264_at_a_bounded_rate(tmp_path: Path, surveillance_clip: Path) -> None:
    camera = clip(encoded(surveillance_clip, tmp_path / "jpeg.mkv", "mjpeg"))
    with camera:
        room = Darkroom(tmp_path / "video", camera.codec, ())
        for number in range(60):  # at thirty a second
            packet = camera.read()
            room.burner.add(Packet(packet.data, packet.size_bytes, packet.is_keyframe, number / 30))
        eventually(room.burner._packets.empty)
        room.burner.close()
    (segment,) = room.segments
    assert 2 * FPS - 2 <= segment.pictures <= 2 * FPS + 2
    with av.open(str(segment.path)) as film:
        assert film.streams.video[0].codec_context.name == "h264"


def test_a_picture_that_cannot_be_masked_is_not_recorded_and_that_is_said(
    tmp_path: Path, packets: tuple[Codec, list[Packet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no mask fits")

    monkeypatch.setattr("agent.surveillance.egress.privacy.fill", broken)
    codec, sent = packets
    room = Darkroom(tmp_path, codec, (LEFT_HALF,))
    for packet in sent:
        room.burner.add(packet)
    eventually(lambda: room.troubles)
    room.burner.close()
    assert room.troubles[0] == "no mask fits"
    assert room.segments == []
    assert not list(tmp_path.rglob("*.mp4*"))


def test_who_captures_never_waits_and_what_is_lost_goes_on_at_a_key_frame(
    tmp_path: Path, packets: tuple[Codec, list[Packet]]
) -> None:
    codec, sent = packets
    room = Darkroom(tmp_path, codec, ())
    taken: list[Packet] = []
    room.burner._take = taken.append  # type: ignore[assignment, method-assign]
    for _ in range(4 * WAITING // len(sent) + 1):
        for packet in sent:
            room.burner.add(packet)
    eventually(room.burner._packets.empty)
    room.burner.close()
    assert taken[0].is_keyframe


def test_a_recording_that_cannot_keep_up_is_said_once_and_once_that_it_can_again(
    tmp_path: Path, packets: tuple[Codec, list[Packet]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    codec, sent = packets
    room = Darkroom(tmp_path, codec, ())
    goes_on = threading.Event()

    def take(packet: Packet) -> None:
        assert goes_on.wait(20), packet

    room.burner._take = take  # type: ignore[method-assign]
    now = 1000.0
    for _ in range(3):  # three times it falls behind
        goes_on.clear()
        for _ in range(4 * WAITING // len(sent)):
            for packet in sent:
                now += 0.1
                room.burner.add(Packet(packet.data, packet.size_bytes, packet.is_keyframe, now))
        lost_at = now
        goes_on.set()
        eventually(room.burner._packets.empty)
    room.burner.add(Packet(sent[0].data, 0, is_keyframe=True, at_monotonic=now + 30))
    eventually(room.burner._packets.empty)
    assert room.troubles == [BEHIND]
    room.burner.add(Packet(sent[0].data, 0, is_keyframe=True, at_monotonic=now + 61))
    eventually(lambda: room.troubles == [BEHIND, ""])
    room.burner.close()
    assert room.burner._lost_at == lost_at
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
