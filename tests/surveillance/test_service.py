"""A camera service on real video: stills, and what it says and does when its child dies, hangs, ends or never was."""

import gc
import io
import logging
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from agent.errors import TryAgain
from agent.health import Status
from agent.settings.model import Camera
from agent.surveillance.egress.backdrop import SIZE
from agent.surveillance.egress.privacy import FILL
from agent.surveillance.egress.still import Still
from agent.surveillance.process import CameraProcess
from agent.surveillance.service import Backoff
from drivers.camera.room import Room
from tests.drivers.videos import write_video
from tests.eventually import eventually
from tests.surveillance.conftest import START_S, Running, camera
from tests.surveillance.egress.test_privacy import LEFT_HALF, detail, from_jpeg
from tests.surveillance.warm import write_model

Run = Callable[..., Running]
QUICK = Backoff(first_s=0.01, last_s=0.02, fault_s=0.05)


def still_of(running: Running) -> Still:
    """A still, once the camera is there."""
    assert running.process
    return running.service.snapshot(10)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not merely its grave."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def watch_children(monkeypatch: pytest.MonkeyPatch) -> list[CameraProcess]:
    """Every child that is started from now on."""
    children: list[CameraProcess] = []
    start = CameraProcess.start

    def remember(settings: Camera) -> CameraProcess:
        children.append(start(settings))
        return children[-1]

    monkeypatch.setattr(CameraProcess, "start", remember)
    return children


def test_a_still_of_the_clip_is_a_pixelated_jpeg_of_its_size(run: Run, surveillance_clip: Path) -> None:
    before = time.monotonic()
    still = still_of(run(camera("file", {"source": surveillance_clip})))
    picture = from_jpeg(still.content)
    assert (still.width_px, still.height_px) == (768, 576) == (picture.shape[1], picture.shape[0])
    assert (still.egress, still.hidden) == ("pixelated", ("whole",))
    assert before < still.taken_at_monotonic < time.monotonic()
    assert detail(picture) < 3


def test_a_masked_still_of_the_clip_shows_the_street_but_not_what_the_mask_hides(
    run: Run, surveillance_clip: Path
) -> None:
    still = still_of(run(camera("file", {"source": surveillance_clip}, egress="masked", masks=[LEFT_HALF])))
    picture = from_jpeg(still.content)
    assert (still.egress, still.hidden) == ("masked", ("masks",))
    assert np.abs(picture[:, :376].astype(int) - FILL).max() <= 2
    assert picture[:, 400:].std() > 20


def test_a_model_that_does_not_work_is_said_and_the_picture_is_pixelated_whole(run: Run, tmp_path: Path) -> None:
    running = run(camera("sim", faces_model=tmp_path / "missing.onnx"))
    _, condition = running.until("CAMERA_FACES")
    assert condition.status is Status.DEGRADED
    assert "no such file" in condition.values["text"]
    assert running.service.snapshot(10).hidden == ("whole",)


NO_CASCADE = """
import sys

class BeforeFaces:
    def find_spec(self, name, path=None, target=None):
        if name == "agent.surveillance.egress.faces":
            import cv2
            vars(cv2).pop("CascadeClassifier", None)

sys.meta_path.insert(0, BeforeFaces())
"""


def test_without_a_model_and_with_an_opencv_that_has_no_detector_health_says_that_pictures_are_pixelated_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_CASCADE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    running = run(camera("sim"))
    assert still_of(running).hidden == ("whole",)
    eventually(lambda: running.is_whole)
    plain = run(camera("sim", egress="plain"))
    assert still_of(plain)
    assert not plain.is_whole


def test_a_restarted_child_still_knows_the_empty_counter(run: Run, tmp_path: Path) -> None:
    model, file = write_model(tmp_path / "warm.onnx"), tmp_path / "views" / "quay.backdrop"
    file.parent.mkdir()
    seen = Room(320, 180).draw(0.0, 0)
    learned = cv2.blur(cv2.resize(seen, SIZE, interpolation=cv2.INTER_AREA), (3, 3))
    file.write_bytes(learned.tobytes() + b"\xff" * (SIZE[0] * SIZE[1] // 8))
    running = run(camera("sim", faces_model=model), backdrop=file)
    assert "whole" not in still_of(running).hidden
    running.service.relearn()
    eventually(lambda: still_of(running).hidden == ("whole",))


def test_a_model_that_works_is_no_trouble_and_the_picture_is_pixelated_whole_until_the_place_is_known(
    run: Run, tmp_path: Path
) -> None:
    running = run(camera("sim", faces_model=write_model(tmp_path / "warm.onnx")))
    assert still_of(running).hidden == ("whole",)
    assert running.codes == ["STARTING", "OK"]


def test_a_clip_is_a_film_that_plays_and_every_picture_of_it_is_pixelated(run: Run, surveillance_clip: Path) -> None:
    running = run(camera("file", {"source": surveillance_clip}))
    assert still_of(running)
    clip = running.service.clip(10)
    with av.open(io.BytesIO(clip.content), "r") as film:
        pictures = [frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in film.decode(video=0)]
    assert (clip.egress, clip.hidden) == ("pixelated", ("whole",))
    assert 1 <= clip.pictures == len(pictures) <= 20
    assert (clip.width_px, clip.height_px) == (640, 480) == (pictures[0].shape[1], pictures[0].shape[0])
    assert max(map(detail, pictures)) < 6


def test_a_glimpse_is_small_and_passes_the_same_door(run: Run, surveillance_clip: Path) -> None:
    running = run(camera("file", {"source": surveillance_clip}, masks=[LEFT_HALF]))
    assert running.process
    glimpse = running.service.glimpse(10)
    picture = from_jpeg(glimpse.content)
    assert (glimpse.width_px, glimpse.height_px) == (640, 480) == (picture.shape[1], picture.shape[0])
    assert (glimpse.egress, glimpse.hidden) == ("pixelated", ("masks", "whole"))
    assert np.abs(picture[:, :300].astype(int) - FILL).max() <= 4
    assert len(glimpse.content) < 32_000


def test_a_still_shows_the_newest_picture(run: Run) -> None:
    running = run(camera("sim", {"fps": 20}, egress="plain"))
    first, second = still_of(running), still_of(running)
    assert time.monotonic() - second.taken_at_monotonic < 1
    assert second.taken_at_monotonic >= first.taken_at_monotonic
    later = eventually(lambda: newer(running, than=second))
    assert later.content != second.content


def newer(running: Running, *, than: Still) -> Still:
    still = still_of(running)
    assert still.taken_at_monotonic > than.taken_at_monotonic
    return still


def test_many_may_ask_at_once(run: Run) -> None:
    running = run(camera("sim"))
    assert running.process
    stills: list[Still] = []
    askers = [threading.Thread(target=lambda: stills.append(running.service.snapshot(10))) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(stills) == 8


def test_no_still_writes_a_byte_to_a_file(run: Run) -> None:
    """The kernel forbids the child every byte, and it makes stills all the same."""
    running = run(camera("sim"))
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, 0))
    pid = running.process.pid
    assert [from_jpeg(still_of(running).content).shape for _ in range(3)] == [(180, 320, 3)] * 3
    assert running.process.pid == pid


def test_a_killed_child_is_said_and_replaced_and_stills_come_again(
    run: Run, surveillance_clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agent.surveillance")
    running = run(camera("file", {"source": surveillance_clip}))
    first = running.process.pid
    os.kill(first, signal.SIGKILL)
    _, condition = running.until("CAMERA_CRASHED")
    assert (condition.status, condition.values) == (Status.FAILED, {"name": "quay", "text": "SIGKILL"})
    running.until("OK", after=running.codes.index("CAMERA_CRASHED"))
    assert from_jpeg(still_of(running).content).shape == (576, 768, 3)
    assert running.process.pid != first
    assert running.codes == ["STARTING", "OK", "CAMERA_CRASHED", "OK"]
    assert ["lost" in caplog.messages[0], "back after" in caplog.messages[1]] == [True, True]
    assert len(caplog.messages) == 2


def test_a_hanging_child_is_noticed_in_two_seconds_and_replaced_within_three(
    run: Run, surveillance_clip: Path, record_property: Callable[[str, object], None]
) -> None:
    """The best of three counts: others use the machine too."""
    running = run(camera("file", {"source": surveillance_clip}))
    noticing_s: list[float] = []
    replacing_s: list[float] = []
    while not replacing_s or (min(replacing_s) > 3 and len(replacing_s) < 3):
        hung, before = running.process.pid, len(running.said)
        began = time.monotonic()
        os.kill(hung, signal.SIGSTOP)
        noticed, condition = running.until("CAMERA_STALLED", after=before)
        back, _ = running.until("OK", after=before)
        assert condition.status == Status.FAILED
        assert not is_running(hung)
        noticing_s.append(noticed - began)
        replacing_s.append(back - noticed)
    assert 1.5 < min(noticing_s) < 3
    assert min(replacing_s) <= 3
    assert still_of(running)
    figure = f"{min(noticing_s):.1f} s to notice, {min(replacing_s):.1f} s to be back"
    record_property("figure: camera hangs", figure)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("do", "code", "text"),
    [
        ("hang", "CAMERA_STALLED", ""),
        ("crash", "CAMERA_CRASHED", "SIGSEGV"),
        ("end", "CAMERA_ENDED", "sim: the script ends here"),
    ],
)
def test_whatever_goes_wrong_inside_is_said_and_outlived(run: Run, do: str, code: str, text: str) -> None:
    running = run(camera("sim", {"script": [{"after_s": 0.3, "do": do}]}), QUICK)
    _, condition = running.until(code)
    assert condition.values["text"] == text
    running.until("OK", after=running.codes.index(code))


def test_a_clip_played_once_has_ended_and_begins_again(run: Run, tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4")
    running = run(camera("file", {"source": film, "loop": False}), QUICK)
    _, condition = running.until("CAMERA_ENDED")
    assert "end of the file" in condition.values["text"]
    running.until("OK", after=running.codes.index("CAMERA_ENDED"))


def test_a_missing_file_needs_a_person_and_is_played_once_it_is_there(
    run: Run, surveillance_clip: Path, tmp_path: Path
) -> None:
    source = tmp_path / "clip.mp4"
    running = run(camera("file", {"source": source}), QUICK)
    _, condition = running.until("CAMERA_UNREADABLE")
    assert condition.status == Status.FAILED
    assert str(source) in condition.values["text"]
    with pytest.raises(TryAgain, match="quay"):
        running.service.snapshot(10)
    source.symlink_to(surveillance_clip)
    running.until("OK")
    assert still_of(running)


@pytest.mark.usefixtures("hasty")
def test_a_stream_is_not_there_before_a_key_frame_was_decoded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_drivers(tmp_path, monkeypatch)
    running = run(camera("sim").model_copy(update={"driver": "garbled"}), QUICK)
    running.until("CAMERA_STALLED")
    assert "OK" not in running.codes


def test_the_word_of_a_driver_that_health_does_not_know_becomes_one_that_it_knows(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_drivers(tmp_path, monkeypatch)
    running = run(camera("sim").model_copy(update={"driver": "unplugged"}), QUICK)
    _, condition = running.until("CAMERA_AWAY")
    assert condition.values["text"] == "no such camera on the bus"


def test_a_driver_that_is_not_installed_needs_a_person(run: Run) -> None:
    running = run(camera("sim").model_copy(update={"driver": "simm"}), QUICK)
    _, condition = running.until("CAMERA_FAULT")
    assert "Known: " in condition.values["text"]


@pytest.mark.parametrize("library", ["av", "cv2"])
def test_a_library_that_does_not_load_is_named(
    run: Run, surveillance_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    reason = "libGL.so.1: cannot open shared object file"
    (tmp_path / f"{library}.py").write_text(f"raise ImportError({reason!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    running = run(camera("file", {"source": surveillance_clip}))
    _, condition = running.until("CAMERA_LIBRARY")
    assert condition.values["text"] == reason


@pytest.mark.usefixtures("hasty")
def test_a_child_that_survives_a_kill_is_said_and_no_second_one_takes_the_camera(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be made to hang in the kernel at will: here the kill does not reach the child."""
    running = run(camera("sim"), QUICK)
    hung = running.process.pid
    with monkeypatch.context() as patch:
        patch.setattr(CameraProcess, "kill", lambda _: None)
        os.kill(hung, signal.SIGSTOP)
        running.until("CAMERA_UNKILLABLE")
        assert running.codes == ["STARTING", "OK", "CAMERA_STALLED", "CAMERA_UNKILLABLE"]
        with pytest.raises(TryAgain):
            running.service.snapshot(10)
        beat_at = running.service.progress._beat_at
        eventually(lambda: running.service.progress._beat_at > beat_at + 0.5)
        assert is_running(hung)
        assert running.codes[-1] == "CAMERA_UNKILLABLE"
    os.kill(hung, signal.SIGKILL)
    running.until("OK", after=4)
    assert running.process.pid != hung


def test_a_still_from_a_camera_that_hangs_is_tried_again_after_the_callers_own_patience(run: Run) -> None:
    running = run(camera("sim"))
    os.kill(running.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(TryAgain, match=r"within 0\.1 s"):
        running.service.snapshot(0.1)
    assert time.monotonic() - began < 1


def test_a_still_that_was_asked_for_is_not_waited_for_when_the_child_dies(run: Run) -> None:
    running = run(camera("sim"), Backoff(first_s=5))
    process = running.process
    os.kill(process.pid, signal.SIGSTOP)
    answer = process.ask()
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(TryAgain, match="went away"):
        answer.result(5)
    with pytest.raises(TryAgain):
        process.ask()


@pytest.mark.parametrize("state", ["starting", "opening", "working", "hanging", "waiting"])
def test_stopped_in_any_state_it_is_gone_in_a_second_and_a_half(
    run: Run, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_drivers(tmp_path, monkeypatch)
    gc.collect()  # or what an earlier test left would go meanwhile
    before = descriptors()
    children = watch_children(monkeypatch)
    driver = {"opening": "hung", "waiting": "unplugged"}.get(state, "sim")
    running = run(camera("sim").model_copy(update={"driver": driver}), Backoff(first_s=60, last_s=60))
    eventually(lambda: children)
    match state:
        case "opening":
            eventually(lambda: children[0].heartbeat.read().ready_at, START_S)
        case "waiting":
            running.until("CAMERA_AWAY")
        case "working":
            still_of(running)
        case "hanging":
            os.kill(running.process.pid, signal.SIGSTOP)
    assert running.stop() < 1.5
    assert descriptors() == before
    assert not any(is_running(child.pid) for child in children)


def test_eight_kills_in_a_row_leak_nothing(run: Run, surveillance_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fourth child is killed while a still is being asked for, the others while they start."""
    children = watch_children(monkeypatch)

    def are_born(number: int) -> Callable[[], bool]:
        return lambda: len(children) == number

    running = run(camera("file", {"source": surveillance_clip}), QUICK)
    still_of(running)
    threads, before = threading.active_count(), descriptors()
    for killed in range(8):
        eventually(are_born(killed + 1))
        if killed % 4 == 0:
            running.process.ask()
        os.kill(children[-1].pid, signal.SIGKILL)
        eventually(children[-1].is_gone)
    eventually(are_born(9))
    still_of(running)
    assert (threading.active_count(), descriptors()) == (threads, before)
    assert not any(is_running(child.pid) for child in children[:8])


def test_what_the_driver_opened_is_known(run: Run) -> None:
    running = run(camera("sim"))
    assert running.process
    assert running.service.model == "sim 320x180"


DRIVERS = '''
import os
import time
import av
from drivers.base import DriverNotReady, Packet
from drivers.camera import sim
from drivers.camera.sim import SimCamera

sim.GOP_S = 1

class Garbled(SimCamera):
    """Sends what looks like video and is noise."""
    def read(self):
        packet = super().read()
        noise = av.Packet(os.urandom(packet.size_bytes))
        return Packet(noise, packet.size_bytes, packet.is_keyframe, packet.at_monotonic)

class Hung(SimCamera):
    """Its device answers and says nothing more."""
    def open(self):
        time.sleep(3600)

class Unplugged(SimCamera):
    def open(self):
        raise DriverNotReady("ACME_NO_SUCH_THING", "no such camera on the bus")
'''


def install_drivers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's package with camera drivers, installed where the child looks for packages."""
    (folder / "acme_cameras.py").write_text(DRIVERS)
    (folder / "acme_cameras-1.dist-info").mkdir()
    (folder / "acme_cameras-1.dist-info" / "METADATA").write_text("Name: acme-cameras\nVersion: 1\n")
    (folder / "acme_cameras-1.dist-info" / "entry_points.txt").write_text(
        "[counter_agent.camera]\n"
        "garbled = acme_cameras:Garbled\nhung = acme_cameras:Hung\nunplugged = acme_cameras:Unplugged\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_the_wait_between_two_starts_doubles_up_to_its_cap_and_is_spread() -> None:
    longest, shortest = Backoff(chance=lambda: 1.0), Backoff(chance=lambda: 0.0)
    assert [longest.wait_s(n, again=True) for n in range(1, 8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert shortest.wait_s(1, again=True) == 0.1
    assert longest.wait_s(10_000, again=True) == 5.0
    assert longest.wait_s(1, again=False) == 30.0
