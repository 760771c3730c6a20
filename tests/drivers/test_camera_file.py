"""The file camera: paced by the file's own timestamps, round and round or once; it says which files it cannot play."""

from pathlib import Path
from typing import Any, cast

import av
import pytest

from drivers.base import DriverFault, DriverNotReady
from drivers.camera.file import FileCamera
from tests.drivers.videos import FPS, write_video


class Pace:
    """A clock that only moves when somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def camera_on(source: Path, *, loop: bool = True, pace: Pace | None = None) -> FileCamera:
    pace = pace or Pace()
    return FileCamera(FileCamera.Options(source=source, loop=loop), monotonic=pace.monotonic, sleep=pace.sleep)


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "libx264"), ("clip.mkv", "libx264"), ("clip.avi", "mjpeg")])
def test_packets_come_at_the_pace_of_the_file(tmp_path: Path, name: str, codec: str) -> None:
    pace = Pace()
    with camera_on(write_video(tmp_path / name, codec=codec), pace=pace) as camera:
        moments = [camera.read().at_monotonic for _ in range(75)]  # two and a half times round
    # MKV keeps no decoding times; where pictures are reordered, FFmpeg knows them only two pictures later.
    assert moments == pytest.approx([100 + number / FPS for number in range(75)], abs=0.21 if "mkv" in name else 0.02)


def test_a_raw_stream_without_timestamps_is_paced_too(tmp_path: Path) -> None:
    pace = Pace()
    with camera_on(write_video(tmp_path / "clip.h264"), pace=pace) as camera:
        moments = [camera.read().at_monotonic for _ in range(60)]
    assert moments[-1] - moments[0] == pytest.approx(59 / 25, abs=0.5)
    assert moments == sorted(moments)


def test_a_decoder_that_is_slow_does_not_make_the_file_longer(tmp_path: Path) -> None:
    pace = Pace()
    with camera_on(write_video(tmp_path / "clip.mp4"), pace=pace) as camera:
        for _ in range(10):
            camera.read()
            pace.now += 0.02
        assert camera.read().at_monotonic == pytest.approx(100 + 10 / FPS, abs=0.02)


def test_the_second_round_begins_with_a_key_frame_and_later_timestamps(tmp_path: Path) -> None:
    with camera_on(write_video(tmp_path / "clip.mp4")) as camera:
        first = [camera.read() for _ in range(30)]
        again = camera.read()
    last, following = (cast("av.Packet[Any]", packet.data) for packet in (first[-1], again))
    assert again.is_keyframe
    assert last.dts is not None
    assert following.dts is not None
    assert following.dts > last.dts


def test_played_once_it_has_ended(tmp_path: Path) -> None:
    with camera_on(write_video(tmp_path / "clip.mp4"), loop=False) as camera:
        for _ in range(30):
            camera.read()
        with pytest.raises(DriverNotReady, match="end of the file") as ended:
            camera.read()
    assert ended.value.code == "CAMERA_ENDED"


def _folder(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_text("this is no video\n" * 100)


def _empty(path: Path) -> None:
    path.touch()


def _sound(path: Path) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.rate = 8000
        container.mux(stream.encode(frame))


def _missing(path: Path) -> None:
    assert not path.exists()


def _header_alone(path: Path) -> None:
    whole = write_video(path.with_suffix(".mkv")).read_bytes()
    path.write_bytes(whole[:400])


@pytest.mark.parametrize("make", [_missing, _folder, _text, _empty, _sound])
def test_a_file_that_cannot_be_played_needs_a_person(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "clip.mp4"
    make(path)
    camera = camera_on(path)
    with pytest.raises(DriverFault, match=str(path)) as refused:
        camera.open()
    assert refused.value.code == "CAMERA_UNREADABLE"
    camera.close()


def test_a_file_cut_off_behind_its_header_does_not_spin(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    _header_alone(path)
    with pytest.raises((DriverFault, DriverNotReady)), camera_on(path) as camera:
        camera.read()


def test_a_name_that_looks_like_an_address_is_a_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = write_video(tmp_path / "clip.mp4")
    clip.rename(tmp_path / "concat:clip.mp4")
    with camera_on(Path("concat:clip.mp4")) as camera:
        assert camera.read().is_keyframe
