"""A picture that somebody waits for: made in time or given up, one at a time, and never a reason to end the capture."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import numpy as np
import pytest

from agent.surveillance.decode import Moment
from agent.surveillance.egress import stills
from agent.surveillance.egress.pace import TELL_EVERY_S, Pace
from agent.surveillance.egress.privacy import Egress
from agent.surveillance.egress.stills import SMALL_PX, Stills
from agent.surveillance.heartbeat import Heartbeat
from agent.surveillance.process import CameraProcess
from agent.surveillance.wire import Wire
from tests.eventually import eventually


class Large:
    """A decoded picture of 4K, as far as a still needs it."""

    def __init__(self, happened: list[str], width: int = 3840, height: int = 2160) -> None:
        self._happened, self.width, self.height = happened, width, height

    def reformat(self, *, width: int, height: int) -> "Large":
        self._happened.append("made small")
        return Large(self._happened, width, height)

    def to_ndarray(self, **_: Any) -> Any:
        return np.zeros((self.height, self.width, 3), np.uint8)


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens to the pictures of a clip."""
    happened: list[str] = []

    def spread(*_: object) -> Iterator[Moment]:
        for number in range(3):
            happened.append("decoded")
            yield Moment(cast("Any", Large(happened)), float(number))

    monkeypatch.setattr(stills, "spread", spread)
    return happened


def test_each_picture_of_a_clip_is_small_before_the_next_is_decoded(happened: list[str]) -> None:
    made = Stills(Mock(), Mock())
    words, film = made.make("clip", Egress("plain"), None, lambda: None)
    assert (words["pictures"], words["width_px"], words["lasts_s"]) == (3, SMALL_PX, 2.0)
    assert b"ftyp" in film
    assert happened == ["decoded", "made small"] * 3


def test_what_takes_too_long_is_given_up_in_the_middle_and_said(
    happened: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    seconds = iter([0.0, 1.0, 2.0])
    pace = Pace(2.0, lambda: None, now=lambda: next(seconds))
    words, film = Stills(Mock(), Mock()).make("clip", Egress("plain"), None, pace)
    assert (words, film) == ({"error": "it took too long"}, b"")
    assert happened == ["decoded", "made small"] * 2 + ["decoded"]
    assert caplog.records == []


def test_steps_are_told_once_a_second_at_most() -> None:
    told: list[float] = []
    seconds = [0.0]
    pace = Pace(60.0, lambda: told.append(seconds[0]), now=lambda: seconds[0])
    for _ in range(10):
        pace()
        seconds[0] += TELL_EVERY_S / 4
    assert told == [0.0, TELL_EVERY_S, 2 * TELL_EVERY_S]


@pytest.fixture
def asked() -> Iterator[tuple[CameraProcess, Wire]]:
    """The parent's hold on a child that answers by hand, and the child's end of the wire."""
    ours, theirs = map(Wire, socket.socketpair())
    gone = cast("Any", SimpleNamespace(pid=0, returncode=0, wait=lambda _: 0))
    process = CameraProcess("quay", gone, ours, Heartbeat.create())
    with closing(theirs):
        yield process, theirs
        process.close()


def waiting(child: Wire) -> Sequence[dict[str, Any]]:
    """The questions that the child was asked and has not read."""
    questions = []
    while (message := child.receive(0)) is not None:
        questions.append(message.words)
    return questions


def test_who_asks_while_a_picture_is_being_made_gets_that_one_so_that_questions_never_queue_up(
    asked: tuple[CameraProcess, Wire],
) -> None:
    process, child = asked
    answers = [process.ask("glimpse") for _ in range(20)]
    assert len(set(map(id, answers))) == 1
    (question,) = waiting(child)
    assert question["until"] > time.monotonic()
    child.send({"kind": "still", "id": question["id"], "error": "it took too long"})
    process.attend(5)
    assert all(answer.exception(0) for answer in answers)
    assert process.ask("glimpse") is not answers[0]


def test_what_was_asked_for_before_the_place_is_learned_anew_is_not_for_who_asks_afterwards(
    asked: tuple[CameraProcess, Wire],
) -> None:
    process, child = asked
    before = process.ask("still")
    process.relearn()
    assert process.ask("still") is not before
    assert [question["kind"] for question in waiting(child)] == ["still", "relearn", "still"]


def test_a_child_that_makes_steps_towards_an_answer_is_not_stuck(asked: tuple[CameraProcess, Wire]) -> None:
    process, child = asked
    assert process.stuck_s() == 0
    process.ask("clip")
    eventually(lambda: process.stuck_s() > 0.1)
    sent_at = time.monotonic()
    child.send({"kind": "making"})
    process.attend(5)
    assert process.stuck_s() <= time.monotonic() - sent_at
    eventually(lambda: process.stuck_s() > 0.1)
