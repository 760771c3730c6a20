"""A real surveillance clip, and camera services that run as the agent runs them."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import av
import pytest

from agent.clock import SystemClock
from agent.health import OK, Condition, Health, Report
from agent.settings.model import Camera
from agent.surveillance.process import CameraProcess
from agent.surveillance.service import Backoff, CameraService
from drivers import registry
from tests.clip import WHAT, found_clip, unpacked
from tests.conftest import require
from tests.eventually import eventually

START_S = 45.0
"""A child that shares a busy machine with other tests may take that long to import its libraries."""
CLIP_S = 6


@pytest.fixture(autouse=True, scope="session")
def compiled_libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Children start as on a box: from compiled modules, also where this environment keeps none."""
    with pytest.MonkeyPatch.context() as environment:
        if os.environ.get("PYTHONDONTWRITEBYTECODE"):
            environment.delenv("PYTHONDONTWRITEBYTECODE")
            environment.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.fixture(scope="session")
def surveillance_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of people in a street, as an IP camera would send them: H.264, 768x576, 10 pictures a second."""
    found = found_clip()
    require(found, WHAT)
    assert found is not None
    folder = tmp_path_factory.mktemp("clip")
    source = unpacked(found, folder)
    clip = folder / "clip.mp4"
    with av.open(str(source)) as original, av.open(str(clip), "w") as coded:
        video = original.streams.video[0]
        rate = round(float(video.average_rate or 10))
        stream = coded.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        stream.codec_context.gop_size = 2 * rate
        for number, frame in enumerate(original.decode(video)):
            if number >= CLIP_S * rate:
                break
            frame.pts = None
            coded.mux(stream.encode(frame))
        coded.mux(stream.encode(None))
    return clip


def camera(driver: str, options: dict[str, Any] | None = None, **settings: Any) -> Camera:
    """Settings of a camera called `quay`; a simulated one is small unless it says otherwise."""
    small = {"width": 320, "height": 180} if driver == "sim" else {}
    checked = registry.find("camera", driver).Options.model_validate(small | (options or {}))
    return Camera(name="quay", driver=driver, options=checked, **settings)


class Running:
    """A camera service in its thread, and everything its health has said, with when."""

    def __init__(self, settings: Camera, backoff: Backoff | None = None, **options: Any) -> None:
        health = Health(SystemClock(UTC))
        health.listen(self._hear)
        self.said: list[tuple[float, Condition]] = []
        self.is_whole = False
        """Whether health said that pictures are pixelated whole, since there is no face detector."""
        self.service = CameraService("camera", settings, health, backoff=backoff, **options)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.service.run, args=(self._stop,), name=self.service.name)
        self._thread.start()

    @property
    def codes(self) -> list[str]:
        return [condition.code for _, condition in self.said]

    @property
    def process(self) -> CameraProcess:
        """The child whose pictures are valid now, waiting for it to be so, and said."""
        process = eventually(lambda: self.codes[-1:] == ["OK"] and self.service._there, START_S)
        assert isinstance(process, CameraProcess)
        return process

    def until(self, code: str, *, after: int = 0, within_s: float = START_S) -> tuple[float, Condition]:
        """When health said *code*, and how; leaving out the first *after* things it said."""

        def heard() -> list[tuple[float, Condition]]:
            return [entry for entry in self.said[after:] if entry[1].code == code]

        return eventually(heard, within_s)[0]

    def stop(self) -> float:
        """Ask the service to end; how many seconds that took."""
        began = time.monotonic()
        self._stop.set()
        self.service.wake()
        self._thread.join(5)
        assert not self._thread.is_alive()
        return time.monotonic() - began

    def _hear(self, report: Report) -> None:
        if report.condition.code == "CAMERA_WHOLE":  # OpenCV 5 alone finds no faces, which most tests need not know
            self.is_whole = True
            if self.codes[-1:] != ["OK"]:
                self.said.append((time.monotonic(), OK))
            return
        assert report.component == "camera"
        self.said.append((time.monotonic(), report.condition))


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """Runs a camera service until the end of the test."""
    started: list[Running] = []

    def start(settings: Camera, backoff: Backoff | None = None, **options: Any) -> Running:
        started.append(Running(settings, backoff, **options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is told sooner than at a counter, where how soon is not the question."""
    monkeypatch.setattr("agent.surveillance.heartbeat.SILENCE_S", 0.8)
