"""The simulated camera: a counter with people in it, at its rate, going wrong when its script says so."""

import os
import signal
import subprocess
import sys
from typing import Any, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.base import DriverNotReady
from drivers.camera.room import VISIT_EVERY_S, Room
from drivers.camera.sim import SimCamera
from tests.drivers.test_camera_file import Pace


def make(pace: Pace, *script: tuple[float, str], fps: int = 10) -> SimCamera:
    faults = [{"after_s": after_s, "do": do} for after_s, do in script]
    options = SimCamera.Options.model_validate({"width": 320, "height": 180, "fps": fps, "script": faults})
    return SimCamera(options, monotonic=pace.monotonic, sleep=pace.sleep)


def watch(camera: SimCamera, frames: int) -> list[NDArray[np.uint8]]:
    """The luma of the next pictures, as a decoder sees them."""
    decoder = av.CodecContext.create(camera.codec.name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    packets = [cast("av.Packet[Any]", camera.read().data) for _ in range(frames)]
    decoded = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
    return [frame.to_ndarray(format="gray").astype(np.uint8) for frame in decoded]


def test_pictures_come_at_its_rate_with_a_key_frame_every_two_seconds() -> None:
    with make(Pace()) as camera:
        packets = [camera.read() for _ in range(61)]
    assert [packet.at_monotonic for packet in packets] == pytest.approx([100 + n / 10 for n in range(61)])
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 20, 40, 60]


def test_people_move_and_the_room_stays() -> None:
    with make(Pace()) as camera:
        pictures = np.stack(watch(camera, 40)).astype(int)
    moved = np.ptp(pictures, axis=0) > 60
    assert 0.02 < moved.mean() < 0.4


def test_a_citizen_comes_and_goes() -> None:
    room = Room(320, 180)
    nobody, somebody = (room.draw(seconds, 0).astype(int) for seconds in (VISIT_EVERY_S - 1, 10))
    assert (np.abs(nobody - somebody).max(axis=2) > 40).mean() > 0.03


@pytest.mark.parametrize(("do", "brightest"), [("dark", 40), ("cover", 80)])
def test_the_picture_goes_dark_or_covered_and_comes_back(do: str, brightest: int) -> None:
    with make(Pace(), (2, do), (4, "clear")) as camera:
        seen = watch(camera, 60)
    before, during, after = np.stack(seen[5:19]), np.stack(seen[25:39]), np.stack(seen[45:])
    assert during.max() < brightest < before.mean() < after.max()
    assert abs(before.mean() - after.mean()) < 15


def test_a_frozen_picture_is_the_same_again_and_again() -> None:
    with make(Pace(), (2, "freeze")) as camera:
        seen = watch(camera, 40)
    assert all(np.abs(picture.astype(int) - seen[39].astype(int)).mean() < 1 for picture in seen[25:])
    assert np.abs(seen[5].astype(int) - seen[39].astype(int)).mean() > 1


def test_the_stream_ends_when_the_script_says_so_and_begins_anew_when_opened_again() -> None:
    camera = make(Pace(), (1, "end"))
    for _ in range(2):
        with camera:
            assert len([camera.read() for _ in range(10)]) == 10
            with pytest.raises(DriverNotReady) as ended:
                camera.read()
        assert ended.value.code == "CAMERA_ENDED"


PROGRAM = """
import sys
from drivers.camera.sim import SimCamera
script = [{"after_s": 0.2, "do": sys.argv[1]}]
with SimCamera(SimCamera.Options.model_validate({"width": 64, "height": 64, "script": script})) as camera:
    camera.read(), camera.read()
    print("two", flush=True)
    camera.read()
"""


def test_a_crash_is_a_real_one() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "crash"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("two\n", -signal.SIGSEGV)


def test_a_hang_is_a_read_that_never_returns() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "hang"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "two\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        os.kill(process.pid, signal.SIGKILL)


def test_a_driver_module_is_imported_without_a_video_library() -> None:
    program = "import sys, drivers.camera.file, drivers.camera.sim; print({'av', 'cv2', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
