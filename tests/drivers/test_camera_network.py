"""The network camera: how it signs in, what it refuses and in which words, and that no password gets out of it."""

import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.surveillance.decode import KeyframeCheck
from drivers.base import DriverError, DriverFault, DriverNotReady
from drivers.camera import network
from drivers.camera.network import NetworkCamera
from drivers.camera.units import parameters, rest_at
from tests.drivers.videos import write_video
from tests.jpegs import jpeg_camera
from tests.rtsp import Film, rtsp_camera

LOGIN = ("người xem", "s3cret:/@% ß")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return Film.of(write_video(tmp_path_factory.mktemp("film") / "clip.mp4", reorders=False))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("pictures") / "clip.avi", codec="mjpeg")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "camera.login"
    path.write_text("\n".join(LOGIN) + "\n", encoding="utf-8")
    return path


def camera_on(source: str, credentials_file: Path | None = None) -> NetworkCamera:
    return NetworkCamera(NetworkCamera.Options(source=source, credentials_file=credentials_file))


def refused(camera: NetworkCamera, kind: type[DriverError] = DriverFault) -> DriverError:
    with pytest.raises(kind) as caught:
        camera.open()
    camera.close()
    return caught.value


@pytest.mark.parametrize("scheme", ["Digest", "Basic"])
def test_it_signs_in_with_what_the_file_says(film: Film, secret: Path, scheme: str) -> None:
    with rtsp_camera(film, login=LOGIN, scheme=scheme) as device, camera_on(device.url, secret) as camera:
        assert camera.read().is_keyframe
        assert camera.probe().where == device.url
        assert all(LOGIN[1] not in request for request in device.requests)


@pytest.mark.parametrize("written", ["viewer\nabc", "viewer:abc\n", "\ufeffviewer\r\nabc\r\n\r\n", " viewer \n abc \n"])
def test_the_file_may_be_written_in_two_ways(film: Film, tmp_path: Path, written: str) -> None:
    secret = tmp_path / "camera.login"
    secret.write_text(written, encoding="utf-8")
    with rtsp_camera(film, login=("viewer", "abc")) as device, camera_on(device.url, secret) as camera:
        assert camera.read().is_keyframe


def test_it_asks_for_no_sound(film: Film) -> None:
    with rtsp_camera(film) as device, camera_on(device.url) as camera:
        camera.read()
        assert [request.split()[1].rsplit("/", 1)[1] for request in device.requests if "SETUP" in request] == ["video"]


def test_opening_takes_no_longer_than_a_picture_or_two(
    film: Film, record_property: Callable[[str, object], None]
) -> None:
    with rtsp_camera(film) as device:
        began = time.monotonic()
        with camera_on(device.url):
            took_s = time.monotonic() - began
    record_property("figure: RTSP camera opened in", f"{took_s:.2f} s")
    assert took_s < 2


def test_the_sets_of_parameters_are_known_though_only_the_packets_bring_them(film: Film) -> None:
    with rtsp_camera(film, parameters_in_sdp=False) as device, camera_on(device.url) as camera:
        assert (camera.codec.name, camera.probe().model) == ("h264", "h264 128x96")
        assert film.sps in camera.codec.extradata


@pytest.mark.parametrize("scheme", ["Digest", "Basic"])
def test_a_wrong_password_needs_a_person_and_is_not_told(
    film: Film, secret: Path, scheme: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with rtsp_camera(film, login=("viewer", "another"), scheme=scheme) as device:
        fault = refused(camera_on(device.url, secret))
        assert fault.code == "CAMERA_LOGIN"
        assert device.url in str(fault)
    assert_no_secret(fault, caplog.text, *capfd.readouterr())


def assert_no_secret(error: BaseException, *texts: str) -> None:
    """The password is nowhere in what is known of *error*, as it is or as an address writes it."""
    everything = "".join(traceback.format_exception(error)) + repr(error) + "".join(texts)
    assert error.__cause__ is None
    for piece in ("s3cret", "ng%C6%B0"):
        assert piece not in everything


def test_a_camera_that_wants_a_password_and_got_none_needs_a_person(film: Film) -> None:
    with rtsp_camera(film, login=LOGIN) as device:
        assert refused(camera_on(device.url)).code == "CAMERA_LOGIN"


def test_pictures_over_http_with_a_password(pictures: Path, secret: Path) -> None:
    with jpeg_camera(pictures, LOGIN) as device:
        with camera_on(device.url, secret) as camera:
            assert [camera.read().is_keyframe for _ in range(3)] == [True] * 3
            assert camera.codec.name == "mjpeg"
        fault = refused(camera_on(device.url))
    assert fault.code == "CAMERA_LOGIN"


def test_a_camera_that_wants_its_password_inside_the_address_gets_it_there_only(pictures: Path, tmp_path: Path) -> None:
    secret = tmp_path / "camera.login"
    secret.write_text("viewer\nabc\n")
    with jpeg_camera(pictures, ("viewer", "abc")) as device:
        source = device.url + "?user={user}&pwd={password}"
        with camera_on(source, secret) as camera:
            assert camera.read().is_keyframe
            assert camera.probe().where == source
        assert device.paths == ["/video.mjpg?user=viewer&pwd=abc"]


def test_an_address_where_no_camera_is_needs_a_person(film: Film, pictures: Path) -> None:
    with jpeg_camera(pictures) as device, rtsp_camera(film) as other:
        for source in (device.page, f"{device.root}/nothing", f"rtsp{device.root[4:]}/", f"{other.url}-2"):
            fault = refused(camera_on(source))
            assert (fault.code, source in str(fault)) == ("CAMERA_UNREADABLE", True)


def test_an_address_where_nobody_listens_is_tried_again(secret: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refused(camera_on(f"rtsp://127.0.0.1:{port}/stream1", secret), DriverNotReady)
    assert error.code == "CAMERA_AWAY"
    assert "refused" in str(error)
    assert_no_secret(error)


def test_a_name_that_nobody_knows_is_tried_again() -> None:
    error = refused(camera_on("http://camera.invalid/"), DriverNotReady)
    assert (error.code, "camera.invalid" in str(error)) == ("CAMERA_AWAY", True)


def test_a_camera_that_accepts_and_says_nothing_is_given_up(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "OPEN_S", 0.3)
    with rtsp_camera(film) as device:
        device.mute()
        error = refused(camera_on(device.url), DriverNotReady)
    assert (error.code, "no answer in 0.3 s" in str(error)) == ("CAMERA_AWAY", True)


@contextmanager
def reading(camera: NetworkCamera) -> Iterator[list[DriverNotReady]]:
    """Reads *camera* on a thread of its own until it is over; how it was is in the list behind the block."""
    endings: list[DriverNotReady] = []

    def read() -> None:
        try:
            while True:
                camera.read()
        except DriverNotReady as error:
            endings.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    yield endings
    thread.join(10)
    assert not thread.is_alive()


def test_a_connection_that_breaks_is_the_end_of_the_stream(film: Film, secret: Path) -> None:
    with rtsp_camera(film) as device, camera_on(device.url, secret) as camera:
        with reading(camera) as endings:
            device.drop()
        assert [error.code for error in endings] == ["CAMERA_ENDED"]
        assert_no_secret(endings[0])


def test_another_size_of_picture_is_the_end_of_the_stream(film: Film, tmp_path: Path) -> None:
    """Who records was told of one format; the next opening tells of the other."""
    larger = Film.of(write_video(tmp_path / "larger.mp4", size=(192, 144), reorders=False))
    with rtsp_camera(film) as device:
        camera = camera_on(device.url)
        with camera:
            camera.read()
            with reading(camera) as endings:
                device.film = larger
            assert "format" in str(endings[0])
        with camera:
            assert camera.probe().model == "h264 192x144"


@pytest.mark.parametrize("repeats_parameters", [False, True])
def test_a_picture_that_comes_in_slices_is_one_packet(tmp_path: Path, *, repeats_parameters: bool) -> None:
    """However often what describes it is said in between."""
    sliced = Film.of(write_video(tmp_path / "sliced.mp4", size=(320, 240), reorders=False, slices=4))
    assert [len(units) for _, units in sliced.pictures[:2]] == [4, 4]
    with rtsp_camera(sliced, repeats_parameters=repeats_parameters) as device, camera_on(device.url) as camera:
        check = KeyframeCheck(camera.codec)
        packets = [camera.read() for _ in range(31)]
    keyframes = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    assert keyframes == [0, 10, 20, 30]
    assert all(check.picture(packets[number]) is not None for number in keyframes)
    stamps = [packet.data.dts for packet in packets]  # type: ignore[attr-defined]
    assert stamps == sorted(set(stamps))


def test_times_are_given_to_pictures_that_bring_none(pictures: Path) -> None:
    with jpeg_camera(pictures) as device, camera_on(device.url) as camera:
        packets = [camera.read() for _ in range(30)]
    for packet in packets:
        data: Any = packet.data
        assert float(data.pts * data.time_base) == pytest.approx(packet.at_monotonic, abs=0.5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "two lines"),
        ("s3cret\n", "two lines"),
        ("viewer\ns3cret\nmore\n", "two lines"),
        (b"\xff\xfes3cret", "not a text"),
        ("viewer\n" + "s3cret" * 40, "too long"),
    ],
)
def test_a_file_that_holds_no_sign_in_is_named_and_not_quoted(
    tmp_path: Path, content: str | bytes | None, said: str
) -> None:
    path = tmp_path / "camera.login"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    fault = refused(camera_on("rtsp://127.0.0.1:9/", path))
    assert fault.code == "CAMERA_LOGIN"
    assert (str(path) in str(fault), said in str(fault)) == (True, True)
    assert_no_secret(fault)


@pytest.mark.parametrize(
    ("source", "code", "suggestion"),
    [
        ("rtsp://viewer:s3cret@192.0.2.10/1", "login", "rtsp://192.0.2.10/1"),
        ("rtsp://viewer:s3@cret@192.0.2.10:554/1", "login", "rtsp://192.0.2.10:554/1"),
        ("http://192.0.2.10/v.cgi?user=a&pwd=s3cret", "password", "http://192.0.2.10/v.cgi?user=a&pwd={password}"),
        ("192.0.2.10:554/stream1", "scheme", "rtsp://192.0.2.10:554/stream1"),
        ("ftp://192.0.2.10/1", "", None),
        ("rtsp:///stream1", "", None),
        ("rtsp://192.0.2.10:99999/", "", None),
        ("rtsp://192.0.2.10/a b", "", None),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_what_to_write(
    source: str, code: str, suggestion: str | None
) -> None:
    with pytest.raises(ValidationError) as refusal:
        NetworkCamera.Options(source=source)
    (error,) = refusal.value.errors()
    assert error["type"] == f"settings.camera_source_{code}".rstrip("_")
    assert error.get("ctx", {}).get("suggestion") == suggestion


def test_what_is_left_of_a_picture_is_told_from_the_next_picture() -> None:
    first, rest, set_ = b"\0\0\1\x65\x88", b"\0\0\1\x65\x08", b"\0\0\0\1\x67\x64"
    assert rest_at("h264", first) is None
    assert rest_at("h264", set_ + first + rest) is None
    assert rest_at("h264", set_ + rest) == len(set_)
    assert rest_at("h264", set_) is None
    assert rest_at("hevc", b"\0\0\1\x26\x01\x80") is None
    assert rest_at("hevc", b"\0\0\1\x26\x01\x00") == 0
    assert rest_at("mjpeg", rest) is None


def test_parameter_sets_are_found_by_codec() -> None:
    h264 = b"\0\0\0\1\x67set\0\0\0\1\x68pps\0\0\1\x65picture"
    assert parameters("h264", h264) == b"\x67set"
    assert parameters("hevc", b"\0\0\0\1\x42\1set\0\0\1\x26picture") == b"\x42\1set"
    assert parameters("h264", b"\0\0\1\x67set\0\0\1\x68\0\0\1\x67set") == b"\x67set"
    assert parameters("mjpeg", h264) == b""
