"""What every camera driver must do, run over each of them: packets that a decoder understands, and clean doors."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import av
import pytest
from pydantic import ValidationError

from drivers import registry
from drivers.base import Camera, Codec, DriverError, Packet
from tests.drivers.rpicam import install_rpicam
from tests.drivers.videos import write_video
from tests.jpegs import jpeg_camera
from tests.rtsp import Film, rtsp_camera


@pytest.fixture(params=["file", "sim", "network by RTSP", "network by HTTP", "csi"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Camera]]:
    """Makes a new driver, not opened, by its registered name."""
    options: dict[str, Any] = {"width": 128, "height": 96, "fps": 30}
    with ExitStack() as devices:
        match request.param:
            case "file":
                options = {"source": write_video(tmp_path / "clip.mp4")}
            case "network by RTSP":
                film = Film.of(write_video(tmp_path / "clip.mp4", reorders=False))
                options = {"source": devices.enter_context(rtsp_camera(film)).url}
            case "network by HTTP":
                clip = write_video(tmp_path / "clip.avi", codec="mjpeg")
                options = {"source": devices.enter_context(jpeg_camera(clip)).url}
            case "csi":
                install_rpicam(tmp_path, monkeypatch)
        driver = registry.find("camera", request.param.split()[0])
        yield lambda: cast("Camera", driver(driver.Options.model_validate(options)))


def decoded(codec: Codec, packets: list[Packet]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create(codec.name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    if codec.extradata:
        decoder.extradata = codec.extradata
    coded = [cast("av.Packet[Any]", packet.data) for packet in packets]
    return [frame for packet in (*coded, None) for frame in decoder.decode(packet)]


def test_its_packets_decode_with_its_codec_from_the_first_on(make: Callable[[], Camera]) -> None:
    with make() as camera:
        packets = [camera.read() for _ in range(12)]
        frames = decoded(camera.codec, packets)
    assert packets[0].is_keyframe
    assert [(frame.width, frame.height, frame.is_corrupt) for frame in frames] == [(128, 96, False)] * 12


def test_a_packet_knows_its_size_and_when_it_came(make: Callable[[], Camera]) -> None:
    before = time.monotonic()
    with make() as camera:
        packets = [camera.read() for _ in range(5)]
    moments = [packet.at_monotonic for packet in packets]
    assert before <= moments[0]
    assert moments == sorted(moments)
    assert moments[-1] <= time.monotonic()
    assert all(packet.size_bytes == cast("av.Packet[Any]", packet.data).size > 0 for packet in packets)


def test_timestamps_rise(make: Callable[[], Camera]) -> None:
    with make() as camera:
        stamps = [cast("av.Packet[Any]", camera.read().data).dts for _ in range(45)]
    assert None not in stamps
    assert stamps == sorted(set(stamps), key=lambda stamp: stamp or 0)


def test_it_says_where_it_is(make: Callable[[], Camera]) -> None:
    with make() as camera:
        assert camera.probe().where


def test_it_can_be_closed_any_time_and_again(make: Callable[[], Camera]) -> None:
    camera = make()
    camera.close()
    for _ in range(2):
        with camera:
            camera.read()
    camera.close()


def test_a_closed_camera_is_not_read(make: Callable[[], Camera]) -> None:
    camera = make()
    with pytest.raises(DriverError):
        camera.read()
    with camera:
        camera.read()
    with pytest.raises(DriverError):
        camera.read()


def test_unknown_options_are_refused(make: Callable[[], Camera]) -> None:
    with pytest.raises(ValidationError):
        type(make()).Options.model_validate({"no_such_option": 1})
