"""The camera on the ribbon cable: what `rpicam-vid` is asked for, and that it never outlives its driver."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.base import DriverFault, DriverNotReady
from drivers.camera.csi import CsiCamera
from tests.drivers.rpicam import install_rpicam
from tests.eventually import eventually

CHILD = """
import time
from drivers.camera.csi import CsiCamera
camera = CsiCamera(CsiCamera.Options())
camera.open()
print(camera.codec.name, flush=True)
time.sleep(60)
"""


def called(folder: Path) -> list[str | int]:
    notes: list[str | int] = json.loads((folder / "called.json").read_text())
    return notes


def is_there(folder: Path) -> bool:
    stat = Path(f"/proc/{called(folder)[0]}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def read_on(camera: CsiCamera) -> None:
    while True:
        camera.read()


def test_the_program_is_asked_for_what_the_options_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_rpicam(tmp_path, monkeypatch)
    with CsiCamera(CsiCamera.Options(camera=1, width=640, height=360, fps=15)) as camera:
        assert camera.read().is_keyframe
        assert (camera.codec.name, camera.probe().where) == ("h264", "CSI 1")
        words = " ".join(map(str, called(tmp_path)))
    for wish in ("--camera 1 ", "--width 640 --height 360 --framerate 15", "--inline", "--intra 30 ", "-o -"):
        assert wish in words


def test_a_closed_camera_leaves_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_rpicam(tmp_path, monkeypatch)
    with CsiCamera(CsiCamera.Options()):
        assert is_there(tmp_path)
    assert not is_there(tmp_path)


def test_the_program_dies_with_a_process_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_rpicam(tmp_path, monkeypatch)
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"h264\n"
        assert is_there(tmp_path)
        process.kill()
    eventually(lambda: not is_there(tmp_path))


def test_without_the_program_a_person_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    camera = CsiCamera(CsiCamera.Options())
    with pytest.raises(DriverFault, match="apt install rpicam-apps-lite") as fault:
        camera.open()
    assert fault.value.code == "CAMERA_FAULT"
    camera.close()


def test_what_the_program_complained_of_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_rpicam(tmp_path, monkeypatch)
    camera = CsiCamera(CsiCamera.Options())
    with camera:
        (tmp_path / "unplugged").touch()
        with pytest.raises(DriverNotReady, match="no cameras available") as ended:
            read_on(camera)
    assert ended.value.code == "CAMERA_ENDED"
    with camera, pytest.raises(DriverNotReady, match="no cameras available"):
        camera.read()
