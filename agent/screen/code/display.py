"""The display service: one small display that shows the rating QR, kept open and kept true to the hub.

One thread a display. It shows what the hub says: the code as it turns, the thank-you while it lasts, who sits here
when there is no code. An absent display is looked for at short, jittered intervals; a fault that a person must mend is
looked at again every half minute. What is shown is sent again once a minute, because a console or a loose cable may
have written over it. At the end of the service no code is left standing: it would soon lead nowhere.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from agent.health import OK, Condition, Health, Status
from agent.language import Language
from agent.screen.code.card import Face, idle_face, rating_face, thanks_face
from agent.screen.hub import ScreenHub
from agent.service import Service, look_again_s
from drivers.base import Display, DriverError, DriverFault

log = logging.getLogger(__name__)

TICK_S = 0.5
REPAIR_S = 60.0
ABSENT_LOOK_S = 2.0
LAST_LOOK_S = 5.0
FAULT_LOOK_S = 30.0
PAGE_AWAY_S = 30.0
"""A page beats every 5 s; six missed beats are no hiccup."""

ECHOES = ("DISPLAY_UNPLUGGED", "DISPLAY_MISSING")
TOLD = (
    *ECHOES,
    "DISPLAY_AMBIGUOUS",
    "DISPLAY_BUSY",
    "DISPLAY_DENIED",
    "DISPLAY_FORMAT",
    "DISPLAY_NO_FRAMEBUFFER",
    "DISPLAY_SILENT",
    "DISPLAY_WRONG_PORT",
)
"""The drivers' codes that have words of their own; any other is told as `DISPLAY_FAULT`, its text is in the log."""


class DisplayService(Service):
    """Keeps one display: `display`, `display-2`, …; the name is also its component in health."""

    def __init__(
        self, name: str, make: Callable[[], Display], *, hub: ScreenHub, health: Health, language: Language
    ) -> None:
        """*make* builds the driver without touching the device."""
        super().__init__()
        self.name = name
        self._make = make
        self._hub, self._health, self._language = hub, health, language
        self._lost_at: float | None = None
        self._told: Condition | None = None
        self._looks = 0

    def run(self, stop: threading.Event) -> None:
        display = self._make()
        news = threading.Event()
        self._hub.listen(news.set)
        try:
            while not stop.is_set():
                self.progress.beat()
                wait_s = 0.0
                try:
                    display.open()
                    self._keep(display, news, stop)
                except DriverError as error:
                    self._lost(error)
                    wait_s = self._pause_s(error)
                finally:
                    display.close()
                self.rest(wait_s, stop)
        finally:
            self._hub.unlisten(news.set)

    def _keep(self, display: Display, news: threading.Event, stop: threading.Event) -> None:
        """Show what there is to show, until *stop*.

        Raises:
            DriverError: the display is lost.
        """
        shown: Face | None = None
        repair_at = 0.0
        while not stop.is_set():
            self.progress.beat()
            news.clear()
            face, now = self._face(), time.monotonic()
            if face != shown or now >= repair_at:
                display.show(face.card)
                shown, repair_at = face, now + REPAIR_S
            self._tell(self._condition(display))
            news.wait(TICK_S)
        with suppress(DriverError):
            display.show(self._idle().card)

    def _face(self) -> Face:
        if self._hub.thanks().left_ms > 0:
            return thanks_face(self._language)
        code = self._hub.code
        if code is None:
            return self._idle()
        banner = self._hub.banner
        notice = self._language.text(f"screen.mode.{banner.kind}.title") if banner is not None else ""
        return rating_face(code.address, self._language, notice)

    def _idle(self) -> Face:
        plate = self._hub.nameplate
        return idle_face(plate.unit, plate.hotlines)

    def _condition(self, display: Display) -> Condition:
        if not display.is_page:
            return OK
        age_s = self._hub.code_page_age_s
        return OK if age_s is not None and age_s <= PAGE_AWAY_S else Condition(Status.DEGRADED, "DISPLAY_PAGE_AWAY")

    def _lost(self, error: DriverError) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        self._looks += 1
        code = error.code if error.code in TOLD else "DISPLAY_FAULT"
        is_echo = self._told is not None and self._told.code in ECHOES and code in ECHOES
        condition = Condition(Status.FAILED, code, error.values if code == error.code else {})
        if condition != self._told and not is_echo:
            log.warning("%s is lost (%s): %s", self.name, error.code, error)
            self._tell(condition)

    def _tell(self, condition: Condition) -> None:
        if condition.status is not Status.FAILED and self._lost_at is not None:
            away_s = time.monotonic() - self._lost_at
            log.info("%s is back after %.1f s and %d looks", self.name, away_s, self._looks)
            self._lost_at, self._looks = None, 0
        if condition != self._told:
            self._told = condition
            self._health.report(self.name, condition)

    def _pause_s(self, error: DriverError) -> float:
        """Seconds until the next look, by what is wrong."""
        if isinstance(error, DriverFault):
            return FAULT_LOOK_S
        return look_again_s(self._looks, cap_s=ABSENT_LOOK_S if error.code in ECHOES else LAST_LOOK_S)
