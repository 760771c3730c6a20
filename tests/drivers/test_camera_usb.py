"""The USB camera, as far as it goes without one: which device a name means, what is asked of it, and what is said.

That a real camera delivers is not shown here: this needs hardware.
"""

from pathlib import Path
from typing import Any

import av
import pytest
from pydantic import ValidationError

from drivers.base import DriverFault, DriverNotReady
from drivers.camera.options import Match
from drivers.camera.usb import UsbCamera, find
from tests.drivers.videos import write_video

LOGITECH = "usb-046d_HD_Pro_Webcam_C920_8A1B2C3D"
FRONT, BACK = "platform-xhci-hcd.0-usb-0:1:1.0", "platform-xhci-hcd.0-usb-0:2:1.0"


@pytest.fixture
def v4l(tmp_path: Path) -> Path:
    """udev's folder with two cameras: one with a name, one without; each has a second node without pictures."""
    for number, path, name in ((0, FRONT, LOGITECH), (2, BACK, "usb-Generic_Camera")):
        for index in (0, 1):
            device = tmp_path / f"video{number + index}"
            device.touch()
            for way, link in (("by-path", path), ("by-id", name)):
                (tmp_path / "v4l" / way).mkdir(parents=True, exist_ok=True)
                (tmp_path / "v4l" / way / f"{link}-video-index{index}").symlink_to(device)
    return tmp_path / "v4l"


@pytest.mark.parametrize(
    ("match", "device"),
    [
        (Match(by_path=FRONT), "video0"),
        (Match(by_path=f"{BACK}-video-index0"), "video2"),
        (Match(by_id="*C920*"), "video0"),
        (Match(by_id="usb-Generic*", by_path="*usb-0:2:*"), "video2"),
    ],
)
def test_a_name_means_the_node_that_delivers_pictures(v4l: Path, match: Match, device: str) -> None:
    assert find(match, folder=v4l).name == device


def test_a_name_that_nothing_has_is_answered_with_those_there(v4l: Path) -> None:
    with pytest.raises(DriverNotReady, match=r'by-id "\*C930\*"') as away:
        find(Match(by_id="*C930*"), folder=v4l)
    assert away.value.code == "CAMERA_AWAY"
    assert f"{LOGITECH}-video-index0" in str(away.value)
    assert "index1" not in str(away.value)


def test_a_camera_in_another_socket_is_not_the_one(v4l: Path) -> None:
    with pytest.raises(DriverNotReady):
        find(Match(by_id="*C920*", by_path=BACK), folder=v4l)


def test_no_camera_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(DriverNotReady, match="no USB camera is plugged in"):
        find(Match(by_id="*"), folder=tmp_path / "nothing")


def test_a_name_that_two_cameras_have_needs_a_person(v4l: Path) -> None:
    with pytest.raises(DriverFault, match="matches 2 cameras") as fault:
        find(Match(by_path="platform-*"), folder=v4l)
    assert fault.value.code == "CAMERA_FAULT"


def test_a_device_that_is_no_camera_is_tried_again(v4l: Path) -> None:
    camera = UsbCamera(UsbCamera.Options(match=Match(by_path=FRONT)), find=lambda match: find(match, folder=v4l))
    with pytest.raises(DriverNotReady, match="video0: ") as away:
        camera.open()
    assert away.value.code == "CAMERA_AWAY"
    camera.close()


def test_a_device_that_may_not_be_opened_needs_a_person(v4l: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", forbid)
    camera = UsbCamera(UsbCamera.Options(match=Match(by_path=FRONT)), find=lambda match: find(match, folder=v4l))
    with pytest.raises(DriverFault, match="Permission denied; the account has to be in the group video"):
        camera.open()


def test_its_own_pictures_are_asked_for_by_size_and_rate_and_come_as_they_are(
    v4l: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, dict[str, str]]] = []
    film, really_open = write_video(tmp_path / "clip.avi", codec="mjpeg"), av.open

    def play(file: str, *, format: str, options: dict[str, str]) -> Any:  # noqa: A002 - PyAV's word
        asked.append((file, format, options))
        return really_open(str(film))

    monkeypatch.setattr(av, "open", play)
    options = UsbCamera.Options(match=Match(by_id="*C920*"), width=640, height=480, fps=5)
    with UsbCamera(options, find=lambda match: find(match, folder=v4l)) as camera:
        first: Any = camera.read().data
        assert bytes(first).startswith(b"\xff\xd8")
        assert camera.codec.name == "mjpeg"
    wishes = {"input_format": "mjpeg", "video_size": "640x480", "framerate": "5"}
    assert asked == [(str(v4l.parent / "video0"), "v4l2", wishes)]


def test_which_camera_must_be_said() -> None:
    with pytest.raises(ValidationError, match="camera match"):
        UsbCamera.Options.model_validate({"match": {}})
