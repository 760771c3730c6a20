"""`python -m tests.bench.full_speed agent FILM FOLDER` or `… plain FILM`: the CPU seconds that a film takes, printed.

Nobody waits for anything: time is the film's own. `agent` is what a camera's process does with each packet, with the
agent's own parts; `plain` is what everybody writes first with OpenCV: read, grey, small, difference to the picture
before. That one records nothing. What is imported is in nobody's account.
"""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.surveillance.capture import Capture
from agent.surveillance.heartbeat import Heartbeat
from agent.surveillance.presence.onset import Behind
from agent.surveillance.recording.recorder import Recorder
from agent.surveillance.ring import Ring
from agent.surveillance.seeing.look import Look
from agent.surveillance.seeing.lookout import lookout
from drivers.base import DriverNotReady
from drivers.camera.file import FileCamera

BEGAN = 1000.0

Tell = Callable[[Mapping[str, Any], bytes], None]


class FilmTime:
    """Passes when somebody sleeps, and costs nothing."""

    def __init__(self) -> None:
        self.now = BEGAN

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def camera(self, film: Path) -> FileCamera:
        """One that sends *film* once, in this time."""
        options = FileCamera.Options(source=film, loop=False)
        return FileCamera(options, monotonic=lambda: self.now, sleep=self.sleep)


def agent(film: Path, folder: Path, tell: Tell = lambda *_: None) -> None:
    """Record *film* below *folder* and look at it, as the process of a camera does, to its end."""
    passing, ring = FilmTime(), Ring()
    camera = passing.camera(film)
    recorder = Recorder(
        folder,
        codec=lambda: camera.codec,
        segment_s=10,
        told=lambda _: None,
        troubled=lambda *_: None,
        wall=lambda: datetime.fromtimestamp(passing.now, UTC),
    )
    order = {"visits": {"area": None}, "ground": "", "view": "", "look": Look.CLEAR}
    looks = lookout(order, tell, Behind(lambda: camera.codec, ring.groups), None)
    capture = Capture(Heartbeat.create(), packets=[ring.add, recorder.add], pictures=[recorder.see, looks.see])
    with camera:
        try:
            capture.run(camera)
        except DriverNotReady:  # the end of the film
            recorder.close()


def plain(film: Path) -> None:
    """The usual loop, to the end of *film*."""
    before: NDArray[np.uint8] | None = None
    video = cv2.VideoCapture(str(film), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while True:
        is_there, picture = video.read()
        if not is_there:
            break
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (320, 180), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(small, (5, 5), 0).astype(np.uint8, copy=False)
        if before is not None:
            cv2.countNonZero(cv2.threshold(cv2.absdiff(soft, before), 20, 255, cv2.THRESH_BINARY)[1])
        before = soft
    video.release()


def main(who: str, film: str, folder: str = "") -> None:
    cv2.setNumThreads(1)
    began = time.process_time()
    if who == "agent":
        agent(Path(film), Path(folder))
    else:
        plain(Path(film))
    print(time.process_time() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
