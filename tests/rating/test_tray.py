"""The tray between the keypads and the desk."""

import queue
import threading

import pytest

from agent.rating.tray import Arrival, Tray
from drivers.base import Press


def test_presses_leave_in_the_order_they_came_with_their_keypad() -> None:
    tray = Tray()
    tray.put("keypad", Press("31", 1.0))
    tray.put("keypad-2", Press("34", 2.0))
    assert tray.take(0) == Arrival("keypad", Press("31", 1.0))
    assert tray.take(0) == Arrival("keypad-2", Press("34", 2.0))
    assert tray.take(0) is None


def test_a_full_tray_refuses_after_a_moment_and_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.rating.tray.PATIENCE_S", 0.01)
    tray = Tray(places=1)
    tray.put("keypad", Press("31", 1.0))
    with pytest.raises(queue.Full):
        tray.put("keypad", Press("34", 2.0))
    assert tray.take(0) == Arrival("keypad", Press("31", 1.0))


def test_a_waiting_keypad_goes_on_as_soon_as_there_is_a_place() -> None:
    tray = Tray(places=1)
    tray.put("keypad", Press("31", 1.0))
    waiting = threading.Thread(target=tray.put, args=("keypad", Press("34", 2.0)))
    waiting.start()
    assert tray.take(1) == Arrival("keypad", Press("31", 1.0))
    assert tray.take(1) == Arrival("keypad", Press("34", 2.0))
    waiting.join()
