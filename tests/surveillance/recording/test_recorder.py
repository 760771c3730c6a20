"""Recordings that play: copied as they came, cut on key frames, whole or gone, also when the process is killed."""

import os
import resource
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import av
import pytest

from agent.surveillance.decode import KeyframeCheck, Moment, newest
from agent.surveillance.recording import recorder
from agent.surveillance.recording.recorder import PART, Recorder, Segment, settle_leftovers
from drivers import registry
from drivers.base import Camera, Codec, Packet

AT = datetime(2026, 9, 1, 8, 15, tzinfo=UTC)
GOP = 20
"""Pictures from key frame to key frame: two seconds at ten a second."""


class Time:
    """Passes only while the camera waits for its next picture."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + 0.001


def sim(**options: Any) -> Camera:
    driver = registry.find("camera", "sim")
    time = Time()
    chosen = driver.Options.model_validate({"width": 160, "height": 120, "fps": 10, **options})
    made = driver(chosen, monotonic=time.monotonic, sleep=time.sleep)  # type: ignore[call-arg] # the simulated ones
    assert isinstance(made, Camera)
    return made


def clip(path: Path) -> Camera:
    driver = registry.find("camera", "file")
    time = Time()
    made = driver(driver.Options.model_validate({"source": path}), monotonic=time.monotonic, sleep=time.sleep)  # type: ignore[call-arg]
    assert isinstance(made, Camera)
    return made


class Studio:
    """A camera and its recorder, joined as `Capture` joins them."""

    def __init__(self, camera: Camera, folder: Path, segment_s: float = 5.0) -> None:
        self.camera = camera
        self.segments: list[Segment] = []
        self.troubles: list[tuple[str, float]] = []
        camera.open()
        self.codec = camera.codec
        self._check = KeyframeCheck(camera.codec)
        self.recorder = Recorder(
            folder,
            codec=lambda: self.codec,
            segment_s=segment_s,
            told=self.segments.append,
            troubled=lambda trouble, since: self.troubles.append((trouble, since)),
            wall=lambda: AT,
        )

    def run(self, pictures: int) -> list[bytes]:
        """Record so many packets; what they were."""
        return [self.take(self.camera.read()) for _ in range(pictures)]

    def take(self, packet: Packet, *, is_valid: bool = True) -> bytes:
        if packet.is_keyframe and is_valid:
            frame = self._check.picture(packet)
            assert frame is not None
            self.recorder.see(Moment(frame, packet.at_monotonic))
        body = bytes(cast("av.Packet[Any]", packet.data))
        self.recorder.add(packet)
        return body


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(sim(), tmp_path)
    yield made
    made.recorder.close()
    made.camera.close()


def times(path: Path) -> list[float]:
    """When each picture of a recording is shown."""
    with av.open(str(path)) as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_a_recording_has_every_picture_in_segments_that_begin_with_a_key_frame(studio: Studio) -> None:
    studio.run(8 * GOP)
    studio.recorder.close()
    assert [segment.pictures for segment in studio.segments] == [3 * GOP, 3 * GOP, 2 * GOP]
    for segment in studio.segments:
        assert len(times(segment.path)) == segment.pictures
        assert times(segment.path)[0] == 0
        assert segment.size_bytes == segment.path.stat().st_size
    ends = [segment.ended_at for segment in studio.segments]
    assert [segment.began_at for segment in studio.segments][1:] == ends[:-1]


def test_nothing_is_encoded_again(tmp_path: Path, surveillance_clip: Path) -> None:
    studio = Studio(clip(surveillance_clip), tmp_path)
    sent = studio.run(40)
    studio.recorder.close()
    assert packets(studio.segments[0].path) == sent
    studio.camera.close()


def test_the_packets_that_others_look_at_are_left_as_they_were(tmp_path: Path, surveillance_clip: Path) -> None:
    studio = Studio(clip(surveillance_clip), tmp_path)
    for _ in range(5):
        packet = studio.camera.read()
        data = cast("av.Packet[Any]", packet.data)
        before = (data.pts, data.dts, data.time_base, data.stream)
        studio.take(packet)
        assert (data.pts, data.dts, data.time_base, data.stream) == before
    studio.recorder.close()
    studio.camera.close()


def test_a_process_that_is_killed_loses_no_more_than_the_open_group(studio: Studio, tmp_path: Path) -> None:
    studio.run(2 * GOP + 7)
    (part,) = tmp_path.rglob(f"*{PART}")
    left = tmp_path / "left.mp4"
    shutil.copy(part, left)  # as a killed process leaves it
    assert len(times(left)) == 2 * GOP


def test_a_segment_has_its_name_only_when_it_is_whole(studio: Studio, tmp_path: Path) -> None:
    studio.run(GOP)
    assert not list(tmp_path.rglob("*.mp4"))
    studio.recorder.close()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [studio.segments[0].path.name]
    assert studio.segments[0].path.parent.name == "20260901"


def test_nothing_is_recorded_before_the_first_valid_key_frame(studio: Studio, tmp_path: Path) -> None:
    first = studio.camera.read()
    studio.take(first, is_valid=False)
    for _ in range(GOP - 1):
        studio.take(studio.camera.read())
    assert not list(tmp_path.rglob("*"))
    studio.run(GOP)
    studio.recorder.close()
    assert [segment.pictures for segment in studio.segments] == [GOP]


def test_two_lives_of_a_box_without_a_clock_do_not_write_over_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        studio = Studio(sim(), tmp_path)
        studio.run(GOP)
        studio.recorder.close()
        studio.camera.close()
    assert len(list(tmp_path.rglob("*.mp4"))) == 2


def test_another_picture_size_begins_another_segment(tmp_path: Path) -> None:
    studio = Studio(sim(), tmp_path)
    studio.run(GOP)
    larger = sim(width=320, height=240)
    larger.open()
    offset = studio.camera.read().at_monotonic
    for _ in range(GOP):
        packet = larger.read()
        studio.take(Packet(packet.data, packet.size_bytes, packet.is_keyframe, packet.at_monotonic + offset))
    studio.recorder.close()
    sizes = []
    for segment in studio.segments:
        with av.open(str(segment.path)) as container:
            sizes.append((container.streams.video[0].width, container.streams.video[0].height))
    assert sizes == [(160, 120), (320, 240)]
    studio.camera.close()
    larger.close()


def test_a_disk_that_refuses_is_told_and_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where the folder should be")
    studio = Studio(sim(), blocked)
    studio.run(3 * GOP)
    assert len(studio.troubles) == 1
    assert "Not a directory" in studio.troubles[0][0]
    blocked.unlink()
    studio.run(9 * GOP)  # it is left alone for twenty seconds, of which six are over
    assert len(studio.troubles) == 2
    assert studio.segments == []  # it need not be whole: its first group of pictures is on the disk
    studio.recorder.close()
    assert studio.troubles[1:] == [("", studio.segments[0].began_at)]
    studio.camera.close()


def test_a_card_that_stays_full_is_not_littered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "AGAIN_S", 1.0)
    studio = Studio(sim(), tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # not one byte can be written any more
    try:
        studio.run(10 * GOP)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(studio.troubles) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    studio.camera.close()


def test_what_a_killed_process_left_is_finished_by_the_next(studio: Studio, tmp_path: Path) -> None:
    studio.run(2 * GOP + 7)
    (part,) = tmp_path.rglob(f"*{PART}")
    left = part.with_name(f"before-{part.name}")
    shutil.copy(part, left)
    part.with_name(f"empty.mp4{PART}").write_bytes(b"")
    os.utime(left, (1000.0, 1000.0))
    studio.recorder.close()
    (segment,) = settle_leftovers(tmp_path, now=50.0, wall=1010.0)
    assert segment.path == left.with_suffix("")
    assert segment.pictures == len(times(segment.path)) == 2 * GOP
    assert segment.ended_at == pytest.approx(40)
    assert segment.began_at == pytest.approx(40 - 3.9)
    assert not list(tmp_path.rglob(f"*{PART}"))


def test_what_a_power_cut_left_is_told_as_of_an_earlier_boot(studio: Studio, tmp_path: Path) -> None:
    studio.run(2 * GOP + 7)
    (part,) = tmp_path.rglob(f"*{PART}")
    for boot in ("0a0a0a0a0a0a", "0b0b0b0b0b0b"):
        left = part.with_name(f"{boot}.mp4.{boot}{PART}")
        shutil.copy(part, left)
        os.utime(left, (1000.0, 1000.0))
    studio.recorder.close()
    found = settle_leftovers(tmp_path, now=50.0, wall=1010.0, boot="0b0b0b0b0b0b")
    assert [(each.path.name, each.left_at) for each in found] == [
        ("0a0a0a0a0a0a.mp4", 1000.0),
        ("0b0b0b0b0b0b.mp4", None),
    ]


def test_the_codec_is_asked_when_the_camera_is_open(studio: Studio) -> None:
    studio.run(1)
    studio.codec = Codec("h264", b"other parameter sets")
    studio.run(2 * GOP - 1)
    studio.recorder.close()
    assert [segment.pictures for segment in studio.segments] == [GOP, GOP]


def encoded(source: Path, path: Path, codec: str, **options: str) -> Path:
    """Two seconds of *source*, as a camera with another codec sends it."""
    with av.open(str(source)) as original, av.open(str(path), "w") as coded:
        stream: Any = coded.add_stream(cast("Any", codec), rate=10, options=options)
        stream.width, stream.height = 320, 240
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 10
        for frame in list(original.decode(video=0))[:20]:
            small = av.VideoFrame.from_ndarray(frame.to_ndarray(format="bgr24", width=320, height=240), format="bgr24")
            coded.mux(stream.encode(small))
        coded.mux(stream.encode(None))
    return path


def test_h265_is_recorded_as_it_came_plays_and_is_decoded_for_a_still(tmp_path: Path, surveillance_clip: Path) -> None:
    quiet = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0"}
    studio = Studio(clip(encoded(surveillance_clip, tmp_path / "h265.mp4", "libx265", **quiet)), tmp_path / "video")
    sent = [studio.camera.read() for _ in range(20)]
    for packet in sent:
        studio.take(packet)
    studio.recorder.close()
    (segment,) = studio.segments
    assert studio.codec.name == "hevc"
    assert len(times(segment.path)) == 20
    moment = newest(studio.codec, [sent])
    assert moment is not None
    assert (moment.frame.width, moment.frame.height) == (320, 240)
    studio.camera.close()


def test_of_jpeg_pictures_so_many_a_second_are_kept(tmp_path: Path, surveillance_clip: Path) -> None:
    source = encoded(surveillance_clip, tmp_path / "jpeg.mkv", "mjpeg")
    studio = Studio(clip(source), tmp_path / "video")
    studio.run(60)
    studio.recorder.close()
    assert 28 <= sum(segment.pictures for segment in studio.segments) <= 31
    assert sum(len(times(segment.path)) for segment in studio.segments) >= 28
    studio.camera.close()
