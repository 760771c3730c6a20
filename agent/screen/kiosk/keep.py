"""The panel kept as it should be: looked at again and again, told only where it is not so.

Televisions forget what they were told when they lose power, compositors when a cable is pulled: nothing is set once.
Runs in a thread of its own, because a television may take many seconds to answer.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import get_args

from pydantic import ValidationError

from agent.screen.kiosk.board import Board
from agent.screen.kiosk.word import PanelCode, PanelSight, PanelWish, Turn
from agent.service import Service
from drivers import registry
from drivers.base import DriverError, DriverFault, DriverNotReady, Panel, PanelState

log = logging.getLogger(__name__)

WHERE = {"dpms": "output", "cec": "device"}
"""The option of a driver that says which output or device."""
EVERY_S = 10.0
TICK_S = 0.5
OBEYS_WITHIN = 6
"""Looks: a television may take half a minute to do as it was told."""


def panel_for(wish: PanelWish) -> Panel:
    """The driver that *wish* names. Raises DriverFault when its options make no sense."""
    kind = registry.find("panel", wish.power)
    options = {WHERE[wish.power]: wish.where} if wish.where is not None and wish.power in WHERE else {}
    try:
        driver = kind(kind.Options.model_validate(options))
    except ValidationError as error:
        raise DriverFault("PANEL_FAULT", f"{wish.power}: {error.error_count()} options make no sense") from error
    if not isinstance(driver, Panel):
        raise DriverFault("PANEL_FAULT", f"{wish.power} switches no panel")
    return driver


def needed(seen: PanelState, wanted: PanelState) -> PanelState:
    """What a panel that was *seen* so has to be told to be as it is *wanted*; nothing where it does not say."""
    is_on = wanted.is_on if seen.is_on is not None and seen.is_on is not wanted.is_on else None
    is_turnable = seen.turn is not None or is_on  # a dark output does not say how it is turned
    return PanelState(is_on, wanted.turn if is_turnable and seen.turn != wanted.turn else None)


def _told(state: PanelState) -> tuple[str, str]:
    return ("?" if state.is_on is None else str(state.is_on)), ("?" if state.turn is None else str(state.turn))


class PanelService(Service):
    """The board's wish -> the panel -> the board."""

    name = "panel"
    patience_s = 60.0
    """Three programs, each with its own patience."""

    def __init__(
        self, board: Board, *, make: Callable[[PanelWish], Panel] = panel_for, every_s: float = EVERY_S
    ) -> None:
        super().__init__()
        self._board, self._make, self._every_s = board, make, every_s
        self._driver: Panel | None = None
        self._made_of: tuple[str, str | None] | None = None
        self._fault: str | None = None
        self._need = PanelState()
        self._tries = 0

    def run(self, stop: threading.Event) -> None:
        looked: PanelWish | None = None
        look_at = 0.0
        try:
            while not stop.is_set():
                self.progress.beat()
                wish, now = self._board.wish, time.monotonic()
                if wish is not None and (wish.panel != looked or now >= look_at):
                    looked, look_at = wish.panel, now + self._every_s
                    self._board.saw_panel(self._look(wish.panel))
                stop.wait(TICK_S)
        finally:
            self._close()

    def _look(self, wish: PanelWish) -> PanelSight:
        try:
            seen = self._reconciled(self._open(wish), PanelState(wish.is_on, wish.turn))
        except DriverError as error:
            self._close()
            if self._fault != error.code:
                log.warning("the panel is lost (%s): %s", error.code, error)
            self._fault = error.code
            return _fault(error)
        if self._fault is not None:
            log.info("the panel is back")
            self._fault = None
        return PanelSight(is_on=seen.is_on, turn=_turn(seen.turn))

    def _reconciled(self, panel: Panel, wanted: PanelState) -> PanelState:
        """Make *panel* as it is *wanted*, if it is not; how it was found.

        Raises:
            DriverError: it cannot be asked or told, or goes on being otherwise.
        """
        seen = panel.look()
        need = needed(seen, wanted)
        self._tries = self._tries + 1 if need == self._need else 0
        if need == PanelState():
            self._need, self._tries = need, 0
            return seen
        if need != self._need:
            log.info("the panel is on: %s, turned by %s; told on: %s, turned by %s", *_told(seen), *_told(need))
        self._need = need
        panel.set(need)
        if self._tries >= OBEYS_WITHIN:
            raise DriverNotReady("PANEL_DISOBEYS", f"told {self._tries} times, and still not as it should be")
        return seen

    def _open(self, wish: PanelWish) -> Panel:
        wanted = wish.power, wish.where
        if self._driver is None or self._made_of != wanted:
            self._close()
            driver = self._make(wish)
            driver.open()
            self._driver, self._made_of = driver, wanted
        return self._driver

    def _close(self) -> None:
        if self._driver is not None:
            self._driver.close()
        self._driver = None


def _fault(error: DriverError) -> PanelSight:
    known: tuple[PanelCode, ...] = get_args(PanelCode)
    code: PanelCode = next((each for each in known if each == error.code), "PANEL_FAULT")
    return PanelSight(
        fault=code, program=error.values.get("program", "")[:64], package=error.values.get("package", "")[:64]
    )


def _turn(degrees: int | None) -> Turn | None:
    turns: tuple[Turn, ...] = get_args(Turn)
    return next((turn for turn in turns if turn == degrees), None)
