"""The kiosk's own process: what it tells the service manager."""

import time

import pytest

from agent.kiosk import FEED_S, fed
from agent.notify import Notifier


class Fed(Notifier):
    """Counts what the watchdog gets."""

    def __init__(self) -> None:
        super().__init__({})
        self.times = 0

    def watchdog(self) -> None:
        self.times += 1


def test_the_watchdog_is_fed_at_once_and_then_no_more_often_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    notifier = Fed()
    alive = fed(notifier)
    fed_times = []
    for _ in range(5):
        alive()
        fed_times.append(notifier.times)
        now += FEED_S / 2
    assert fed_times == [1, 1, 2, 2, 3]
