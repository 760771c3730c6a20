"""Who comes to a camera's counter is told by its child, dated, and not lost when the child is."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from agent.surveillance.facts import Cut
from agent.surveillance.ground import BEGINNING_S, Ground
from agent.surveillance.kept import KeptView
from agent.surveillance.luma import brightness
from agent.surveillance.presence import Change, Turn
from drivers.camera.room import Room
from tests.eventually import eventually
from tests.surveillance.conftest import Running, camera
from tests.surveillance.test_eye import frame_of, room_view

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
