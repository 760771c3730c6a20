"""The kiosk's composition root: browser and panel, under the same supervisor as the agent's services.

A process of its own, in the compositor's session. It ends on SIGTERM and SIGINT, its browser with it. A service that
hangs starves systemd's watchdog, and the unit is started anew with its compositor.
"""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from agent.notify import Notifier
from agent.screen.kiosk.board import Board
from agent.screen.kiosk.browser import Browser, browser_program, flags_for
from agent.screen.kiosk.keep import PanelService
from agent.screen.kiosk.ladder import Ladder
from agent.screen.kiosk.proof import Eye
from agent.screen.kiosk.service import KioskService
from agent.screen.kiosk.wire import Wire
from agent.supervisor import Supervisor, Unit, Watch

FEED_S = 20.0
"""Of the unit's WatchdogSec, a small part."""


def run_kiosk(agent: str, *, program: str | None = None, flags: Sequence[str] = ()) -> None:
    """Show the screen of the agent at the address *agent* until told to stop. Main thread only.

    Raises:
        PersonMustAct: there is no browser.
    """
    program = program or browser_program()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    own = flags_for(memory, is_wayland="WAYLAND_DISPLAY" in os.environ)
    with _private_folder() as folder:
        wire, board, ladder = Wire(agent), Board(), Ladder()

        def browser(address: str) -> Browser:
            return Browser(program, address, Path(folder) / "profile", (*own, *flags))

        supervisor = Supervisor(Watch(alive=fed(Notifier()), trouble=lambda _name, _why: None))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.stop())
        units = [
            Unit("kiosk", partial(KioskService, wire, board, browser=browser, ladder=ladder, eye=Eye(ask=wire.ask))),
            Unit("panel", partial(PanelService, board)),
        ]
        supervisor.run(units, ready=lambda: None)


def fed(notifier: Notifier) -> Callable[[], None]:
    """Feeds the watchdog, no more often than it needs."""
    fed_at = float("-inf")

    def alive() -> None:
        nonlocal fed_at
        if time.monotonic() - fed_at >= FEED_S:
            fed_at = time.monotonic()
            notifier.watchdog()

    return alive


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this user alone, on memory where the session has such."""
    runtime = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR")
    return tempfile.TemporaryDirectory(prefix="kiosk-", dir=runtime, ignore_cleanup_errors=True)
