"""The page for hours on end: a dead renderer comes back, and memory stays within its bound.

`COUNTER_AGENT_SCREEN_MINUTES=120` is what `make soak` runs.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from agent.screen.hub import Item, Notice
from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.web.conftest import OpenPage
from tests.web.films import coloured, shown
from tests.web.looking import until
from tests.web.serving import Serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MINUTES = float(os.environ.get("COUNTER_AGENT_SCREEN_MINUTES", "0.1"))
CEILING_MB = 900
"""Of all the browser's processes together; on this machine pictures and films stand at 350 to 450."""
GROWTH_MB = 80
"""Between the first third and the last: caches breathe."""
SMALL = (960, 540)


def programme(serving: Serving) -> Iterator[list[Item]]:
    """One-second items of every kind; each list has a picture and a film that no list before it had."""
    notice = Item("e" * 32, kind="notice", notice=Notice("Làm căn cước sáng thứ Bảy", ("Tại nhà văn hóa",)), seconds=1)
    broken = shown(serving, b"no film")
    for number in count():
        colour = (60 + number * 7 % 140, 60 + number * 13 % 140, 60 + number * 29 % 140)
        picture = serving.picture(plain(colour, (1920, 1080)), seconds=1)
        film = shown(serving, coloured(colour, seconds=1, size=(960, 540)), layout="full")
        yield [picture, film, broken, notice, film]


def processes(browser: "Browser") -> list[tuple[int, str]]:
    """The browser's processes: number and kind."""
    devtools = browser.new_browser_cdp_session()
    found: Any = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
    devtools.detach()
    return [(process["id"], process["type"]) for process in found]


def used_mb(browser: "Browser") -> float:
    """What the browser's processes hold, shared pages counted once."""
    total_kb = 0
    for number, _ in processes(browser):
        with suppress(OSError):
            roll = Path(f"/proc/{number}/smaps_rollup").read_text()
            total_kb += next(int(line.split()[1]) for line in roll.splitlines() if line.startswith("Pss:"))
    return total_kb / 1024


def test_one_second_items_for_as_long_as_there_is_time_stay_within_the_ceiling(
    browser: "Browser", serving: Serving, open_page: OpenPage, record_property: Callable[[str, object], None]
) -> None:
    lists = programme(serving)
    serving.hub.set_playlist(next(lists))
    page = open_page(size=SMALL)
    until(page, "document.querySelector('.layer.on') !== null")
    turns = skips = 0

    def went_round() -> bool:
        nonlocal turns, skips
        page.wait_for_timeout(200)
        for cell in serving.hub.take_played():
            turns, skips = turns + cell.times, skips + sum(cell.skips.values())
        return turns + skips > len(serving.hub.playlist)

    eventually(went_round, within_s=60)  # of every kind one was shown: the browser has loaded what it needs
    before = turns
    samples: list[float] = []
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        page.wait_for_timeout(min(1000, max(0.0, end - time.monotonic()) * 1000))
        samples.append(used_mb(browser))
        if len(samples) % 8 == 0:
            serving.hub.set_playlist(next(lists))
        went_round()
    third = max(1, len(samples) // 3)
    first, last = median(samples[:third]), median(samples[-third:])
    figure = f"{turns} turns, {skips} skips; {first:.0f} MB in the first third, {last:.0f} MB in the last"
    record_property(f"figure: screen for {MINUTES:g} minutes", figure)
    assert turns - before > MINUTES * 60 / 6
    assert skips > 0
    assert max(samples) < CEILING_MB
    assert last - first < GROWTH_MB
    assert page.evaluate("document.querySelectorAll('video').length") <= 2


def test_a_page_whose_renderer_was_killed_beats_again_after_the_browser_is_told_to_navigate(
    browser: "Browser", serving: Serving, open_page: OpenPage
) -> None:
    """What the kiosk does when beats fail to come."""
    serving.hub.set_playlist([serving.picture(plain((70, 190, 80)), seconds=1)])
    page = open_page(size=SMALL)
    eventually(lambda: page.evaluate("true") and serving.hub.page_age_s is not None)
    devtools = page.context.new_cdp_session(page)
    running = processes(browser)
    with page.expect_event("crash"):
        for number, kind in running:
            if kind == "renderer":
                os.kill(number, signal.SIGKILL)
    serving.clock.advance(20)
    assert serving.hub.page_age_s == 20
    serving.hub.take_played()
    devtools.send("Page.navigate", {"url": f"{serving.url}/screen"})
    eventually(lambda: serving.hub.page_age_s == 0)
    eventually(serving.hub.take_played)


def test_the_page_says_how_it_is_with_every_beat(serving: Serving, open_page: OpenPage) -> None:
    item = serving.picture(plain((70, 190, 80)), seconds=3600)
    serving.hub.set_playlist([item])
    page = open_page(size=SMALL, paces={"beat": 200})

    def beat_of_it() -> bool:
        beat = serving.hub.page
        return page.evaluate("true") is True and beat is not None and (beat.item, beat.frames > 1) == (item.id, True)

    eventually(beat_of_it)
    beat = serving.hub.page
    assert beat is not None
    assert beat.revision == serving.hub.revision
    assert beat.heap_mb is not None
    assert 0 < beat.heap_mb < 60


def test_an_item_that_failed_rests_longer_each_time_up_to_an_hour(serving: Serving, open_page: OpenPage) -> None:
    page = open_page()
    rests: list[float] = page.evaluate(
        """async () => {
          const { Rests } = await import("/static/screen/rests.js");
          const rests = new Rests(), told = [];
          for (let strike = 0; strike < 8; strike++) {
            rests.strike("a");
            told.push(Math.round(rests.soonest / 60000));
          }
          return told;
        }"""
    )
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_pictures_in_memory_are_bounded_by_their_bytes(open_page: OpenPage) -> None:
    kept: list[bool] = open_page().evaluate(
        """async () => {
          const { Memory } = await import("/static/screen/memory.js");
          const memory = new Memory();
          const items = ["a", "b", "c", "d"].map((url) => ({ url, bytes: 40 * 2 ** 20 }));
          for (const item of items) memory.keep(item, {});
          return items.map((item) => memory.recall(item) !== undefined);
        }"""
    )
    assert kept == [False, False, True, True]
