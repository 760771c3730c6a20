"""Faults of a camera on the network, one after the other at random; after each, a valid picture has to come again.

And in the end the books: no process, thread or descriptor more than before, and no memory to speak of.
"""

import os
import random
import signal
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.surveillance.heartbeat import SILENCE_S
from agent.surveillance.process import CameraProcess
from agent.surveillance.service import Backoff
from tests.drivers.videos import write_video
from tests.eventually import eventually
from tests.rtsp import Film, RtspCamera, rtsp_camera
from tests.surveillance.conftest import Running, camera
from tests.surveillance.test_service import descriptors, is_running, watch_children

IMPATIENT = Backoff(first_s=0.01, last_s=0.05, fault_s=0.05)
AGAIN_S = 45.0
SETTLED_BY = 10
"""Rounds until nothing is done for the first time any more: memory is counted from there."""


@dataclass
class Books:
    """What there was to see."""

    faults: Tally[str] = field(default_factory=Tally)
    children: int = 0
    longest_s: float = 0.0
    """From a fault that cost the session to the next valid picture, at most."""
    drift_kib: int = 0

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.faults.total()} faults ({kinds}), {self.children} children, "
            f"at most {self.longest_s:.1f} s without a valid picture, memory drift {self.drift_kib} KiB"
        )


class Tormentor:
    """Breaks one camera and its child, and waits until both are well again."""

    def __init__(self, device: RtspCamera, running: Running, films: tuple[Film, Film], seed: int) -> None:
        self._device, self._running, self._films = device, running, films
        self._chance = random.Random(seed)
        self._quick: list[Callable[[], None]] = [
            *(self.drop, self.refuse, self.kill, self.resize),
            *(self.hole, self.corrupt, self.freeze),
        ]
        self._slow: list[Callable[[], None]] = [self.stall, self.mute, self.hang]
        self._order: list[Callable[[], None]] = []
        self.books = Books()

    def once(self, *, is_slow: bool) -> None:
        """One fault; among the quick and among the slow each kind comes up as often as the others."""
        if is_slow:
            fault = self._slow[sum(self.books.faults[slow.__name__] for slow in self._slow) % len(self._slow)]
        else:
            self._order = self._order or self._chance.sample(self._quick, len(self._quick))
            fault = self._order.pop()
        began = time.monotonic()
        fault()
        self.books.faults[fault.__name__] += 1
        self._await_picture(time.monotonic())
        if fault not in (self.hole, self.corrupt, self.freeze):
            self.books.longest_s = max(self.books.longest_s, time.monotonic() - began)

    def drop(self) -> None:
        self._lose(self._device.drop)

    def refuse(self) -> None:
        self._lose(self._device.refuse)

    def kill(self) -> None:
        self._lose(lambda: os.kill(self._running.process.pid, signal.SIGKILL))

    def hang(self) -> None:
        self._lose(lambda: os.kill(self._running.process.pid, signal.SIGSTOP))

    def stall(self) -> None:
        self._lose(self._device.stall)

    def mute(self) -> None:
        self._lose(self._device.mute)

    def resize(self) -> None:
        def change() -> None:
            self._device.film = self._films[self._device.film is self._films[0]]

        self._lose(change)

    def hole(self) -> None:
        self._device.hole(self._chance.randint(1, 40))
        eventually(lambda: self._device.is_through, AGAIN_S)

    def corrupt(self) -> None:
        self._device.corrupt(self._chance.randint(1, 40))
        eventually(lambda: self._device.is_through, AGAIN_S)

    def freeze(self) -> None:
        self._device.freeze()
        self._await_picture(time.monotonic())
        self._device.mend()

    def _lose(self, fault: Callable[[], None]) -> None:
        """Do what costs the session, wait until it is noticed, and put the camera right."""
        process = self._running.process
        fault()
        eventually(lambda: self._running.service._there is not process, AGAIN_S)
        self._device.mend()

    def _await_picture(self, moment: float) -> None:
        def came() -> bool:
            process = self._running.service._there
            if process is None:
                return False
            try:
                return process.heartbeat.read().picture_at > moment
            except ValueError:  # it was given up in between
                return False

        eventually(came, AGAIN_S)


def torment(folder: Path, rounds: int, seed: int, *, slow_every: int, silence_s: float = SILENCE_S) -> Books:
    """*rounds* faults in a row, every *slow_every*-th one told by silence alone; asserts that nothing is left.

    Who has no time lets *silence_s* be shorter than it is at a counter.
    """
    films = (
        Film.of(write_video(folder / "small.mp4", reorders=False)),
        Film.of(write_video(folder / "large.mp4", size=(192, 144), reorders=False)),
    )
    with pytest.MonkeyPatch.context() as patch, rtsp_camera(films[0]) as device:
        patch.setattr("agent.surveillance.heartbeat.SILENCE_S", silence_s)
        children: list[CameraProcess] = watch_children(patch)
        running = Running(camera("network", {"source": device.url}), IMPATIENT)
        try:
            pid = running.process.pid
            tormentor = Tormentor(device, running, films, seed)
            before, memory_kib = (threading.active_count(), descriptors()), resident_kib()
            for number in range(1, rounds + 1):
                tormentor.once(is_slow=number % slow_every == 0)
                if number == SETTLED_BY:
                    memory_kib = resident_kib()
            books = tormentor.books
            books.children, books.drift_kib = len(children), resident_kib() - memory_kib
            eventually(lambda: (threading.active_count(), descriptors()) == before)
            assert [child.pid for child in children if is_running(child.pid)] == [running.process.pid]
            assert children[0].pid == pid
        finally:
            running.stop()
        assert not any(is_running(child.pid) for child in children)
    return books


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
