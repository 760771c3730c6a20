"""The camera's child process as the system sees it: light, unseen by the terminal, and never without its parent."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import av
import pytest

from agent.errors import PersonMustAct
from agent.settings.model import Record
from agent.surveillance import child
from agent.surveillance.decode import Moment
from agent.surveillance.wire import Wire
from tests.drivers.videos import write_video
from tests.eventually import eventually
from tests.surveillance.conftest import START_S, Running, camera
from tests.surveillance.test_service import is_running, still_of

AGENT = """
import sys, threading
from datetime import UTC
from agent.clock import SystemClock
from agent.health import Health
from agent.settings.model import Camera
from agent.surveillance.service import CameraService
from drivers import registry

health = Health(SystemClock(UTC))
options = registry.find("camera", "sim").Options(width=64, height=64)
service = CameraService("camera", Camera(name="quay", driver="sim", options=options), health)
there = threading.Event()
health.listen(lambda report: report.condition.code in ("OK", "CAMERA_WHOLE") and there.set())
stop = threading.Event()
threading.Thread(target=service.run, args=(stop,), name="camera").start()
assert there.wait(30)
still = service.snapshot(10)
heavy = sorted({"av", "cv2", "numpy", "multiprocessing"} & set(sys.modules))
print(service._there.pid, len(still.content), heavy, flush=True)
sys.stdin.read()
stop.set()
"""


@pytest.fixture
def agent() -> Iterator["subprocess.Popen[str]"]:
    """A process that runs a camera service as the agent does; it prints its child's pid, and ends with its input."""
    with subprocess.Popen(
        [sys.executable, "-c", AGENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def line_of(agent: "subprocess.Popen[str]") -> tuple[int, int, str]:
    assert agent.stdout is not None
    pid, size, heavy = agent.stdout.readline().split(maxsplit=2)
    return int(pid), int(size), heavy.strip()


def test_the_agents_own_process_never_imports_a_video_library(agent: "subprocess.Popen[str]") -> None:
    _, size, heavy = line_of(agent)
    assert size > 500
    assert heavy == "[]"
    agent.communicate("", timeout=10)
    assert agent.returncode == 0


@pytest.mark.parametrize("state", ["working", "hanging"])
def test_the_child_dies_with_a_parent_that_is_killed(agent: "subprocess.Popen[str]", state: str) -> None:
    pid, _, _ = line_of(agent)
    if state == "hanging":
        os.kill(pid, signal.SIGSTOP)
    agent.kill()
    agent.wait(10)
    eventually(lambda: not is_running(pid), 5)


def test_the_child_leaves_when_its_parent_lets_go_of_the_wire(run: Callable[..., Running]) -> None:
    running = run(camera("sim"))
    process = running.process
    process._wire.finish()
    _, condition = running.until("CAMERA_CRASHED", within_s=5)
    assert condition.values["text"] == "exit code 0"


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_the_child_leaves_orders_to_its_parent(run: Callable[..., Running], order: signal.Signals) -> None:
    running = run(camera("sim"))
    pid = running.process.pid
    os.kill(pid, order)
    assert still_of(running)
    assert running.process.pid == pid
    assert running.codes == ["STARTING", "OK"]


def test_the_child_is_named_in_the_list_of_processes_and_stands_outside_the_terminals_group(
    run: Callable[..., Running],
) -> None:
    pid = run(camera("sim")).process.pid
    arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    assert arguments[2:5] == ["-m", "agent.surveillance.child", "quay"]
    assert os.getpgid(pid) == pid != os.getpgrp()


def test_the_child_goes_first_when_memory_runs_out(run: Callable[..., Running]) -> None:
    pid = run(camera("sim")).process.pid
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) >= max(own, 500)


def test_the_child_starts_with_nothing_of_the_daemon() -> None:
    program = "import sys, agent.surveillance.child; print(*sorted(m for m in sys.modules if m.startswith('agent')))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "agent",
        "agent.surveillance",
        "agent.surveillance.cause",
        "agent.surveillance.child",
        "agent.surveillance.heartbeat",
        "agent.surveillance.wire",
    ]


@pytest.mark.parametrize("driver", ["network", "usb", "csi"])
def test_the_child_of_a_real_camera_is_spared_what_judged_its_options_and_what_only_looks(driver: str) -> None:
    large = {"pydantic", "numpy", "cv2", "ssl", "_hashlib", "asyncio"}
    program = (
        f"import sys; from agent.surveillance import child; child._prepare({driver!r});"
        f"child._driver({{'driver': {driver!r}}}).of({{'source': 'rtsp://10.0.0.9/'}});"
        f"assert 'drivers.camera.{driver}' in sys.modules; print(*{large!r} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_child_without_a_parent_ends_by_itself() -> None:
    reader, writer = os.pipe()  # not even a wire
    os.close(writer)
    memory = os.memfd_create("heartbeat")
    os.ftruncate(memory, 4096)
    module = ["-m", "agent.surveillance.child", "quay", str(reader), str(memory), "sim"]
    with subprocess.Popen([sys.executable, *module], pass_fds=(reader, memory), stderr=subprocess.DEVNULL) as child:
        os.close(reader)
        os.close(memory)
        child.wait(START_S)


def test_the_child_that_only_records_is_without_opencv_until_a_still_is_asked_for(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    film = write_video(tmp_path / "film.mp4", reorders=False)
    running = run(camera("file", {"source": film}, analyse=False, record=Record(path=tmp_path, segment_s=5)))
    pid = running.process.pid
    eventually(lambda: list(tmp_path.rglob("*.part")))
    assert not has_loaded(pid, "cv2")
    with pytest.raises(PersonMustAct, match="quay"):
        running.service.relearn()
    assert running.service.snapshot(20).hidden == ("whole",)
    assert has_loaded(pid, "cv2")


def has_loaded(pid: int, library: str) -> bool:
    return f"/{library}/" in Path(f"/proc/{pid}/maps").read_text()


class Taught:
    """Rules for what leaves that count what they are shown."""

    learns = True

    def __init__(self) -> None:
        self.lessons = 0

    def learn(self, *_: object) -> None:
        self.lessons += 1


def test_the_empty_counter_is_learned_also_while_somebody_asks_for_pictures_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught, glance = Taught(), child._Glance(lambda: None)
    monkeypatch.setattr(child, "LEARN_EVERY_S", 0.1)
    monkeypatch.setattr(child, "_egress", lambda *_: taught)
    ours, theirs = map(Wire, socket.socketpair())
    answering = child._Answering(
        theirs,
        Mock(return_value=Mock(make=lambda *_: ({}, b""))),
        {"analyse": True},
        Mock(),
        glance=glance,
        lookout=Mock(),
    )

    def answer() -> None:
        with suppress(EOFError, OSError):
            answering._answer()

    thread = threading.Thread(target=answer)
    thread.start()

    def is_taught_while_asked() -> bool:
        glance.see(Moment(av.VideoFrame(64, 48, "yuv420p"), time.monotonic()))
        ours.send({"kind": "glimpse", "id": 1, "until": time.monotonic() + 5})
        assert ours.receive(5) is not None
        return taught.lessons >= 3

    try:
        eventually(is_taught_while_asked, within_s=5)
    finally:
        ours.finish()
        thread.join(5)
        ours.close()
        theirs.close()
