"""Who comes to a camera's counter is told by its child, dated, and not lost when the child is."""

import os
import signal
import time
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from agent.surveillance.decode import Moment
from agent.surveillance.facts import Cut
from agent.surveillance.kept import KeptView
from agent.surveillance.luma import brightness
from agent.surveillance.presence.doorway import Doorway
from agent.surveillance.presence.ground import BEGINNING_S, Ground
from agent.surveillance.presence.presence import Change, Turn
from agent.surveillance.seeing.eye import Eye
from drivers.camera.room import Room
from tests.eventually import eventually
from tests.surveillance.conftest import Running, camera
from tests.surveillance.seeing.test_eye import frame_of, room_view

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
"""Where the drawn citizen stands, and not the drawn officer."""


def room_ground(width: int = 320, height: int = 180) -> bytes:
    """What a camera's child learns of the empty drawn counter."""
    ground, drawn = Ground(), Room(width, height)
    for n in range(8):
        ground.see(brightness(frame_of(drawn.empty(2.0 * n, n))), 1 + BEGINNING_S / 7 * n)
    ground._known_s = BEGINNING_S
    return ground.picture


def known(kind: bytes) -> KeptView:
    kept = KeptView()
    kept.keep(kind)
    return kept


class Entrance:
    """An eye that knows the drawn counter, its doorway, and what it told; a picture every *gop_s*."""

    def __init__(self, gop_s: float) -> None:
        self.told: list[Change] = []
        doorway = Doorway(lambda *_: None, lambda change, _: self.told.append(change), area=LEFT, ground=room_ground())
        self._eye = Eye(lambda *_: None, view=room_view(), doorway=doorway)
        self._gop_s = gop_s
        self._drawn = Room(320, 180)
        self.n = 0

    @property
    def at(self) -> float:
        return 100 + self._gop_s * self.n

    def show(self, do: str, seconds: float) -> None:
        for _ in range(ceil(seconds / self._gop_s)):
            picture = getattr(self._drawn, do)(2.0 * self.n, self.n)
            self._eye.see(Moment(frame_of(picture), self.at))
            self.n += 1

    @property
    def seen(self) -> list[tuple[str, bool]]:
        return [(change.turn, change.is_seen) for change in self.told]


@pytest.mark.parametrize(("gop_s", "lasts_s"), [(1.0, 2.0), (1.0, 6.0), (2.0, 6.0), (3.0, 6.0)])
@pytest.mark.parametrize("do", ["covered", "sprayed", "defocused", "moved", "black"])
def test_a_lens_that_is_covered_for_however_long_is_no_visit(do: str, lasts_s: float, gop_s: float) -> None:
    entrance = Entrance(gop_s)
    entrance.show("empty", 20)
    entrance.show(do, lasts_s)
    entrance.show("empty", 30)
    assert entrance.told == []
    entrance.show("sitting", 12)
    assert entrance.seen == [("came", True)]


def test_a_visit_ends_where_the_view_does_and_who_sits_there_after_was_not_seen_coming() -> None:
    entrance = Entrance(2.0)
    entrance.show("empty", 20)
    entrance.show("sitting", 20)
    covered_at = entrance.at
    entrance.show("covered", 20)
    entrance.show("sitting", 20)
    assert entrance.seen == [("came", True), ("lost", False), ("came", False)]
    assert entrance.told[1].at == covered_at - 2


def test_who_sits_down_is_told_with_the_second_and_who_sits_on_after_a_crash_was_not_seen_coming(
    run: Callable[..., Running],
) -> None:
    turns: list[tuple[Change, Cut]] = []
    script = [{"after_s": 0, "do": "empty"}, {"after_s": 3.4, "do": "sit"}]
    quay = camera("sim", {"fps": 10, "script": script}, visits={"area": LEFT})
    running = run(
        quay,
        kept=known(room_view()),
        kept_ground=known(room_ground()),
        turned=lambda change, cut: turns.append((change, cut)),
    )
    process = running.process
    came = eventually(lambda: turns, 30)[0][0]
    assert (came.turn, came.is_seen) == (Turn.CAME, True)
    opened_at = process.heartbeat.read().ready_at
    assert came.at - opened_at > 3.3  # a busy machine draws late
    os.kill(process.pid, signal.SIGKILL)
    lost, cut = eventually(lambda: turns[1:], 10)[0]
    assert (lost.turn, lost.is_seen, cut) == (Turn.LOST, False, "camera")
    assert came.at < lost.at < time.monotonic()


def test_a_camera_that_is_not_to_count_tells_of_nobody(run: Callable[..., Running]) -> None:
    turns: list[Any] = []
    settings = camera("sim", {"script": [{"after_s": 0, "do": "sit"}]}, visits=None)
    running = run(settings, turned=lambda change, _: turns.append(change.turn))
    assert running.process
    running.stop()
    assert turns == [Turn.LOST]
