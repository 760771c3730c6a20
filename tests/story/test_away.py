"""The agent is killed under a screen that plays: the loop goes on from the page's memory, and every frame is looked at.

`COUNTER_AGENT_AWAY_S=30` is what `make soak` runs; the same for a moment is in tests/web/test_flash.py.
"""

import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.screen.pictures import plain
from tests.story.counter import Counter
from tests.web.films import coloured
from tests.web.looking import until
from tests.web.screencast import Screencast
from tests.web.test_flash import BLUE, GREEN, OLIVE, PLACE, RED, SMALL, strange

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AWAY_S = float(os.environ.get("COUNTER_AGENT_AWAY_S", "0"))
pytestmark = pytest.mark.skipif(AWAY_S == 0, reason="looked at in `make soak`")
ON = "document.querySelector('.layer.on')?.dataset.item"


def free_port() -> int:
    """One that nobody listens on: the page has to find the agent again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_agent_killed_under_a_playing_screen_is_not_seen(
    counter: Counter, browser: "Browser", record_property: Callable[[str, object], None]
) -> None:
    media = counter.folder / "media"
    for name, colour in (("1.png", RED), ("3.png", BLUE)):
        (media / name).write_bytes(plain(colour, (1440, 810)))
    for name, colour in (("2.mp4", GREEN), ("4.mp4", OLIVE)):
        (media / name).write_bytes(coloured(colour, seconds=3))
    names = ("1.png", "2.mp4", "3.png", "4.mp4")
    counter.settings["screen"]["playlist"] = [{"file": n, **({"seconds": 3} if "png" in n else {})} for n in names]
    counter.settings["web"]["listen"] = f"127.0.0.1:{free_port()}"
    counter.start()
    page = browser.new_page(viewport={"width": SMALL[0], "height": SMALL[1]})
    try:
        page.goto(f"{counter.web}/screen")
        turns: list[str] = []

        def turning() -> bool:
            on = page.evaluate(ON)
            if on and turns[-1:] != [on]:
                turns.append(on)
            return len(set(turns)) == len(names)

        with Screencast(page, PLACE) as screencast:
            screencast.until(turning, within_s=60)
        with Screencast(page, PLACE) as screencast:
            counter.kill()
            turns.clear()
            end = time.monotonic() + AWAY_S
            screencast.until(lambda: (turning(), time.monotonic() > end)[1], within_s=AWAY_S + 30)
            seen_away = len(turns)
            counter.settings["counter"]["number"] = 7
            counter.start()
            screencast.until(lambda: page.evaluate("document.querySelector('.badge').textContent") == "Quầy số 7", 60)
            turns.clear()
            screencast.until(turning, within_s=60)
        record_property("figure: agent killed", f"{AWAY_S:g} s, {seen_away} turns, {len(screencast.frames)} frames")
        assert seen_away > AWAY_S / 6
        assert [colour for colour in screencast.frames if strange(colour)] == []
        until(page, f"{ON} !== undefined")
    finally:
        page.close()
