"""A process in waiting: there before it is needed, and only then."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from agent.surveillance.heartbeat import Beat, is_in_doubt
from agent.surveillance.process import CameraProcess
from agent.surveillance.spare import KEPT_S, Spare
from tests.eventually import eventually
from tests.surveillance.conftest import Running, camera
from tests.surveillance.test_service import is_running, watch_children


@pytest.mark.parametrize(
    ("beat", "now", "is_doubtful"),
    [
        (Beat(), 100.0, False),
        (Beat(ready_at=1), 100.0, False),
        (Beat(ready_at=1, packet_at=99.1), 100.0, False),
        (Beat(ready_at=1, packet_at=98.9), 100.0, True),
        (Beat(ready_at=1, packet_at=98.9, interval_s=1.0), 100.0, False),
        (Beat(ready_at=1, packet_at=94.9, interval_s=1.0), 100.0, True),
    ],
)
def test_a_camera_that_sent_is_in_doubt_after_half_of_the_silence_that_ends_it(
    beat: Beat, now: float, *, is_doubtful: bool
) -> None:
    assert is_in_doubt(beat, now=now) is is_doubtful


@pytest.fixture
def started() -> Iterator[list[CameraProcess]]:
    children: list[CameraProcess] = []
    yield children
    for child in children:
        if not child.is_gone():
            child.close()


@pytest.fixture
def spare(started: list[CameraProcess]) -> Iterator[Spare]:
    def start() -> CameraProcess:
        started.append(CameraProcess.start(camera("sim")))
        return started[-1]

    there = Spare(start)
    yield there
    there.close()


def test_one_process_waits_while_there_is_doubt_and_goes_a_while_after_it(
    spare: Spare, started: list[CameraProcess]
) -> None:
    spare.look(100.0, is_in_doubt=False)
    assert started == []
    spare.look(101.0, is_in_doubt=True)
    spare.look(102.0, is_in_doubt=True)
    spare.look(102.0 + KEPT_S, is_in_doubt=False)
    (child,) = started
    assert not child.is_gone()
    spare.look(102.1 + KEPT_S, is_in_doubt=False)
    assert child.is_gone()


def test_the_one_that_waits_is_taken_unless_it_died_waiting(spare: Spare, started: list[CameraProcess]) -> None:
    spare.look(100.0, is_in_doubt=True)
    assert spare.take() is started[0]
    spare.look(101.0, is_in_doubt=True)
    os.kill(started[1].pid, signal.SIGKILL)
    eventually(started[1].is_gone)
    assert spare.take() is started[2]


def test_a_machine_without_room_for_a_spare_goes_on_without_one() -> None:
    def refuse() -> CameraProcess:
        raise BlockingIOError("no more processes")

    spare = Spare(refuse)
    spare.look(100.0, is_in_doubt=True)
    with pytest.raises(BlockingIOError):
        spare.take()


def test_a_camera_that_hangs_is_replaced_by_the_process_that_was_waiting(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    children = watch_children(monkeypatch)
    running = run(camera("sim"))
    hung = running.process
    os.kill(hung.pid, signal.SIGSTOP)
    eventually(lambda: len(children) == 2)
    running.until("OK", after=2)
    assert running.process is children[1]
    running.stop()
    assert not any(is_running(child.pid) for child in children)
