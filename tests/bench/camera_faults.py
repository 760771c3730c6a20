"""What a camera's faults cost: the time without a picture, the seconds of a recording, and the thanks for a press.

The camera is the film over RTSP; its service runs in this process, as the tests run it, and for the presses the whole
agent as it is installed.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from statistics import median

import av

from agent.settings.model import Record
from agent.surveillance.service import Backoff
from tests.bench.figures import Row, Size, ms, percentile, ratio_of_blocks
from tests.bench.film import FPS, GOP_S, film
from tests.bench.memory import NOWHERE, closing_counter
from tests.eventually import eventually
from tests.rtsp import Film, RtspCamera, rtsp_camera
from tests.story.counter import CODES, Counter
from tests.surveillance.conftest import Running, camera

REACH_BACK_S, REACH_P99 = 3.0, 1.1
BLOCK = 50
"""Presses while the camera is well, then so many while it is not, and again."""
PAUSE_S = 0.02
STABLE_S = 2.5
"""A camera that was well for so long has its failures forgotten here; at a counter they have longer to come."""
_THANKS = re.compile(rb'"token":"[0-9a-f]+-(\d+)"')


def measure(folder: Path, size: Size) -> Iterator[Row]:
    played = Film.of(film(folder, min(size.film_s, 16)))
    yield _frozen(played, size)
    yield _killed(folder / "killed", played)


def _frozen(played: Film, size: Size) -> Row:
    took_s: list[float] = []
    with rtsp_camera(played) as device, _running(device) as running:
        for _ in range(2 * size.rounds - 1):
            before = running.process
            time.sleep(STABLE_S)
            began = time.monotonic()
            device.stall()
            eventually(lambda gone=before: running.service._there not in (None, gone), 60)  # type: ignore[misc]
            took_s.append(running.process.heartbeat.read().picture_at - began)
    return Row(
        "a session freezes: last packet to the next valid picture",
        f"{median(took_s):.2f} s, at most {max(took_s):.2f} s",
        reach=f"≤ {REACH_BACK_S:.0f} s",
        reached=median(took_s) <= REACH_BACK_S,
    )


def _killed(folder: Path, played: Film) -> Row:
    """The pictures that were sent, less those that can be shown of the one recording that the kill left."""
    with rtsp_camera(played) as device, _running(device, Record(path=folder, segment_s=600)) as running:
        killed = running.process
        eventually(lambda: device.shown >= int(3.8 * GOP_S * FPS), within_s=30)
        sent = device.shown
        os.kill(killed.pid, signal.SIGKILL)
        left = eventually(lambda: sorted(folder.rglob("*.mp4")), within_s=30)[0]
        with av.open(str(left)) as container:
            plays = sum(1 for _ in container.decode(video=0))
    lost = max(0, sent - plays) / (GOP_S * FPS)
    return Row(
        "a camera's process is killed: what is lost of its recording",
        f"{lost:.2f} groups of pictures; {plays} pictures play",
        reach="≤ 1 group",
        reached=lost <= 1,
    )


def measure_presses(folder: Path, size: Size) -> Iterator[Row]:
    """From the key to the thanks on the page, while the camera is well and while it fails, in turns."""
    took: dict[bool, list[float]] = {False: [], True: []}
    with ExitStack() as stack:
        device = stack.enter_context(rtsp_camera(Film.of(film(folder, min(size.film_s, 16)))))
        counter = Counter(folder / "counter", NOWHERE)
        record = {"path": str(folder / "video"), "segment_s": 10}
        settings = {"name": "quay", "driver": "network", "source": device.url, "record": record}
        counter.settings["cameras"] = [settings]
        stack.enter_context(closing_counter(counter))
        counter.start()
        eventually(lambda: list(folder.glob("video/**/*.part")), within_s=30)
        page = stack.enter_context(closing(HTTPConnection(counter.web.removeprefix("http://"), timeout=10)))
        page.request("GET", "/events")
        news = page.getresponse()
        block = min(BLOCK, size.presses // 2)
        thanks = 0
        for number in range(-1, max(2, size.presses // block)):
            fails = number % 2 == 1
            with _failing(device) if fails else ExitStack():
                for press in range(block):
                    time.sleep(PAUSE_S)
                    began = time.perf_counter()
                    counter.keypad.press(CODES[press % len(CODES)])
                    thanks += 1
                    _await_thanks(news, thanks)
                    if number >= 0:
                        took[fails].append(time.perf_counter() - began)
    well, failing = took[False], took[True]
    length = min(len(well), len(failing))
    for label, percent in (("p50", 50.0), ("p99", 99.0)):
        found = ratio_of_blocks(failing[:length], well[:length], blocks=min(4, max(1, length // 100)), percent=percent)
        yield Row(
            f"key byte to thanks on the page while a camera fails, {label}",
            ms(percentile(failing, percent)),
            f"while it is well {ms(percentile(well, percent))}",
            found,
            f"≤ {REACH_P99}" if percent > 90 else "",
            found.middle <= REACH_P99 if percent > 90 else None,
        )


def _await_thanks(news: HTTPResponse, number: int) -> None:
    """The page's news until the thanks of that number; each is told more than once."""
    while not (found := _THANKS.search(news.readline())) or int(found[1]) < number:
        pass


@contextmanager
def _failing(device: RtspCamera) -> Iterator[None]:
    """Break it in three ways over and over, twice a second."""
    over = threading.Event()

    def torment() -> None:
        while not over.is_set():
            for fault in (device.drop, device.stall, device.refuse):
                fault()
                over.wait(0.5)
                device.mend()

    thread = threading.Thread(target=torment, name="torment")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


@contextmanager
def _running(device: RtspCamera, record: Record | None = None) -> Iterator[Running]:
    running = Running(camera("network", {"source": device.url}, record=record), Backoff(stable_s=STABLE_S))
    try:
        yield running
    finally:
        running.stop()
