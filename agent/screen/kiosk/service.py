"""The kiosk's own service: a browser that shows the agent's page, whatever happens to either, and the proof of it.

It asks the agent every few seconds what it wants and tells what it sees. The page lives if the browser answers from it
and, while the agent can be heard, the agent hears it too; a page that is silent goes up the ladder. An agent that
cannot be heard is waited for and never a reason to touch the page, which goes on from its memory. A browser that dies
is started again, without limit, with growing pauses.
"""

import logging
import threading
import time
from collections.abc import Callable

from agent.errors import TryAgain
from agent.screen.kiosk.board import Board
from agent.screen.kiosk.browser import Browser
from agent.screen.kiosk.ladder import Ladder, Step
from agent.screen.kiosk.proof import Eye, compositor_picture
from agent.screen.kiosk.wire import Wire
from agent.screen.kiosk.word import Sight, Wish
from agent.service import Service

log = logging.getLogger(__name__)

TICK_S = 1.0
ASK_S = 5.0
SILENT_S = 12.0
"""A page beats every 5 s: after that the agent does not hear it."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


class KioskService(Service):
    """Browser, ladder and report."""

    name = "kiosk"
    patience_s = 180.0
    """Questions to a hanging browser and to the compositor, each with its patience; a look at a picture on a busy
    board; and the browser's end."""
    goodbye_s = 4.0

    def __init__(
        self,
        wire: Wire,
        board: Board,
        *,
        browser: Callable[[str], Browser],
        ladder: Ladder,
        eye: Eye,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """*browser* is made for the address of the page."""
        super().__init__()
        self._wire, self._board, self._ladder, self._now = wire, board, ladder, now
        self._make, self._eye = browser, eye
        self._browser: Browser | None = None
        self._page = ""
        self._is_heard = False
        self._was_lost = False
        self._ask_at = float("-inf")
        self._start_at = float("-inf")
        self._pause_s = FIRST_PAUSE_S
        self._started_at = float("-inf")
        self._dark_since: float | None = None

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self.progress.beat()
                self._speak()
                if (wish := self._board.wish) is not None:
                    self._look_after(wish)
                stop.wait(TICK_S)
        finally:
            if self._browser is not None:
                self._browser.stop()

    # The agent.

    def _speak(self) -> None:
        """Ask and tell, when it is time."""
        if self._now() < self._ask_at:
            return
        self._ask_at = self._now() + ASK_S
        try:
            self._board.wished(self._wire.ask())
            self._wire.tell(self._sight())
        except TryAgain as error:
            if not self._was_lost:
                log.warning("the agent cannot be heard: %s", error)
            self._is_heard, self._was_lost = False, True
            return
        if self._was_lost:
            log.info("the agent is heard again")
        self._is_heard, self._was_lost = True, False

    def _sight(self) -> Sight:
        now = self._now()
        is_running = self._browser is not None and self._browser.pid is not None
        return Sight(
            browser="running" if is_running else "starting" if self._browser is None else "gone",
            restarts=self._ladder.restarts(now),
            is_pictures_only=self._ladder.is_pictures_only(now),
            panel=self._board.panel,
            proof=self._eye.proof(),
        )

    # The browser.

    def _look_after(self, wish: Wish) -> None:
        browser, now = self._browser_for(wish), self._now()
        if browser.has_died():
            self._ladder.failed(now)
            self._pause_s = FIRST_PAUSE_S if now - self._started_at > LONGEST_PAUSE_S else self._pause_s * 2
            self._pause_s = min(self._pause_s, LONGEST_PAUSE_S)
            self._start_at = now + self._pause_s
        if browser.pid is None:
            if now >= self._start_at:
                self._start(browser)
            return
        if self._may_recycle(wish, now):
            log.info("the panel is dark: the browser is started afresh")
            self._ladder.recycled()
            self._start(browser)
            return
        self._climb(browser, wish)

    def _browser_for(self, wish: Wish) -> Browser:
        if self._browser is None or self._page != wish.page:
            if self._browser is not None:
                self._browser.stop()
            self._page = wish.page
            self._browser = self._make(self._wire.url + wish.page)
        return self._browser

    def _start(self, browser: Browser) -> None:
        try:
            browser.start()
        except TryAgain as error:
            log.warning("%s", error)
            self._start_at = self._now() + LONGEST_PAUSE_S
            return
        self._started_at = self._now()
        self._ladder.started(self._started_at)
        self._eye.rest()

    def _climb(self, browser: Browser, wish: Wish) -> None:
        if not self._is_heard:
            self._ladder.wait(self._now())
            return
        is_alive = browser.answers() and wish.page_age_s is not None and wish.page_age_s <= SILENT_S
        step = self._ladder.look(self._now(), is_alive=is_alive)
        if not wish.panel.is_on:
            self._eye.rest()
        elif is_alive:
            self._eye.look(wish, lambda: compositor_picture() or browser.picture())
        if step is Step.NAVIGATE:
            log.warning("the page is silent: it is loaded anew")
            try:
                browser.navigate()
            except TryAgain as error:
                log.info("%s", error)
        elif step is Step.RESTART:
            log.warning("the page stays silent: the browser is started anew")
            self._ladder.failed(self._now())
            self._start(browser)

    def _may_recycle(self, wish: Wish, now: float) -> bool:
        """Whether nobody sees it if an old browser is replaced now."""
        if wish.panel.is_on:
            self._dark_since = None
            return False
        if self._dark_since is None:
            self._dark_since = now
        paces = self._ladder.paces
        return now - self._dark_since >= paces.rest_s and now - self._started_at >= paces.recycle_s
