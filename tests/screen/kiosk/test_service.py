"""Days of the kiosk in no time: a browser and an agent of a few lines, and a clock that a wait moves."""

import threading

import pytest

from agent.errors import TryAgain
from agent.screen.kiosk.board import Board
from agent.screen.kiosk.ladder import Ladder
from agent.screen.kiosk.proof import Eye
from agent.screen.kiosk.service import KioskService
from agent.screen.kiosk.word import PanelWish, Sight, Wish

HOUR = 3600.0
OPEN, CLOSE = 6.5 * HOUR, 17.5 * HOUR


class Days(threading.Event):
    """Ends the service after *hours*; whoever waits moves the clock."""

    def __init__(self, hours: float) -> None:
        super().__init__()
        self.now, self._end = 0.0, hours * HOUR

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += 10 * timeout  # every tenth tick is enough for days
        if self.now >= self._end:
            self.set()
        return self.is_set()


class Screen:
    """A counter that is lit by day, and its browser."""

    url = "http://127.0.0.1:8080"

    def __init__(self, days: Days) -> None:
        self.days = days
        self.pid: int | None = None
        self.started: list[float] = []
        self.reports: list[Sight] = []
        self.is_dying = False
        self.is_away = False

    # The agent.

    def ask(self) -> Wish:
        if self.is_away:
            raise TryAgain("no agent")
        is_on = OPEN <= self.days.now % (24 * HOUR) < CLOSE
        return Wish(panel=PanelWish(is_on=is_on), page_age_s=1)

    def tell(self, sight: Sight) -> None:
        self.reports.append(sight)

    # The browser.

    def start(self) -> None:
        self.started.append(self.days.now)
        self.pid = 1

    def stop(self) -> None:
        self.pid = None

    def has_died(self) -> bool:
        if not self.is_dying or self.pid is None:
            return False
        self.pid = None
        return True

    def answers(self) -> bool:
        return True

    def navigate(self) -> None:
        pytest.fail("a page that answers is left alone")

    def picture(self) -> bytes:
        raise TryAgain("nobody looks")

    def live(self) -> None:
        eye = Eye(ask=self.ask, now=lambda: self.days.now)
        made = KioskService(
            self,  # type: ignore[arg-type]
            Board(),
            browser=lambda _: self,  # type: ignore[arg-type,return-value]
            ladder=Ladder(),
            eye=eye,
            now=lambda: self.days.now,
        )
        made.run(self.days)


def test_the_browser_is_fresh_once_a_night_while_nobody_sees_it() -> None:
    screen = Screen(Days(24 * 6))
    screen.live()
    first, *recycled = screen.started
    assert first == 0
    assert all(not OPEN <= at % (24 * HOUR) < CLOSE for at in recycled)
    nights = [int((at + 24 * HOUR - CLOSE) // (24 * HOUR)) for at in recycled]
    assert nights == sorted(set(nights)), "never twice in one night"
    assert len(nights) == 6


def test_a_browser_that_goes_on_dying_is_started_for_ever_with_pauses() -> None:
    screen = Screen(Days(24))
    screen.is_dying = True
    screen.live()
    assert 24 * HOUR / 60 < len(screen.started) < 24 * HOUR / 30
    assert screen.reports[-1].is_pictures_only
    assert screen.reports[-1].restarts == 3


def test_an_agent_that_is_away_for_days_leaves_the_browser_alone() -> None:
    screen = Screen(Days(48))
    screen.days.now = OPEN
    started = screen.start

    def go_away() -> None:
        started()
        screen.is_away = True

    screen.start = go_away  # type: ignore[method-assign]
    screen.live()
    assert len(screen.started) == 1
