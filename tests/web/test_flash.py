"""Nothing is ever seen between two items: every frame that the browser draws is looked at."""

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.screen.hub import Item, Notice
from tests.screen.pictures import plain
from tests.web.conftest import OpenPage
from tests.web.films import coloured, shown
from tests.web.looking import until
from tests.web.screencast import Screencast
from tests.web.serving import PLATE, Serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

RED, GREEN, BLUE, OLIVE = (200, 70, 70), (70, 190, 80), (70, 80, 200), (150, 140, 70)
SMALL = (480, 270)
PLACE = (150, 135)
BLINK = """() => {
  document.body.style.opacity = 0;
  requestAnimationFrame(() => requestAnimationFrame(() => (document.body.style.opacity = "")));
}"""
"""A flash that lasts one frame."""


def mixed(serving: Serving) -> list[Item]:
    """Every kind after every other, on the stage and on the whole screen, among them one that is broken."""
    red, blue = (serving.picture(plain(colour, (1440, 810)), seconds=0.4) for colour in (RED, BLUE))
    green = shown(serving, coloured(GREEN, seconds=0.6))
    olive = shown(serving, coloured(OLIVE, seconds=0.6), layout="full")
    broken = shown(serving, b"no film at all")
    return [red, green, olive, broken, blue, olive, red]


def strange(colour: tuple[int, int, int]) -> bool:
    """Neither one of the colours nor a mixture of two: black, white, or the ground behind them."""
    return min(colour) < 60 or max(colour) > 212


def played_through(serving: Serving, items: list[Item], turns: dict[str, int]) -> bool:
    for cell in serving.hub.take_played():
        turns[cell.item] = turns.get(cell.item, 0) + cell.times
    wanted = {item.id: sum(other.id == item.id for other in items) for item in items if item.bytes > 100}
    return all(turns.get(id_, 0) >= count for id_, count in wanted.items())


def start(serving: Serving, open_page: OpenPage, items: list[Item]) -> "Page":
    serving.hub.set_playlist(items)
    page = open_page(size=SMALL)
    until(page, "document.querySelector('.layer.on') !== null && document.querySelector('.layer.under') === null")
    until(page, "getComputedStyle(document.querySelector('.layer.on')).opacity === '1'")
    return page


def test_no_frame_of_a_mixed_playlist_is_black_or_white(serving: Serving, open_page: OpenPage) -> None:
    items = mixed(serving)
    page = start(serving, open_page, items)
    navigations: list[str] = []
    page.on("framenavigated", lambda frame: navigations.append(frame.url))
    turns: dict[str, int] = {}
    with Screencast(page, PLACE) as screencast:
        screencast.until(lambda: played_through(serving, items, turns), within_s=30)
    frames = screencast.frames
    assert navigations == []
    assert [colour for colour in frames if strange(colour)] == []
    assert sum(colour not in (RED, GREEN, BLUE) for colour in frames) > 2 * len(items), "fades were seen"


def test_no_frame_is_black_or_white_while_the_agent_is_away(serving: Serving, open_page: OpenPage) -> None:
    red, green, _, _, blue, *_ = mixed(serving)
    page = start(serving, open_page, [red, green, blue])
    for item in (red, green, blue):
        until(page, f"document.querySelector('.layer.on').dataset.item === '{item.id}'")
    with Screencast(page, PLACE) as screencast:
        serving.stop()
        page.wait_for_timeout(1000)
        serving.hub.set_nameplate(replace(PLATE, number=7))
        serving.start_again()
        page.evaluate("dispatchEvent(new Event('online'))")
        screencast.until(lambda: page.evaluate("document.querySelector('.badge').textContent") == "Quầy số 7")
    assert [colour for colour in screencast.frames if strange(colour)] == []
    assert {RED, BLUE} <= set(screencast.frames), "the loop went on"


def test_a_flash_of_one_frame_would_have_been_seen(serving: Serving, open_page: OpenPage) -> None:
    page = start(serving, open_page, mixed(serving))
    flashes = 4
    with Screencast(page, PLACE) as screencast:
        for _ in range(flashes):
            page.evaluate(BLINK)
            page.wait_for_timeout(150)
    assert sum(strange(colour) for colour in screencast.frames) >= flashes - 1


def test_a_notice_comes_and_goes_without_a_flash(serving: Serving, open_page: OpenPage) -> None:
    notice = Item("e" * 32, kind="notice", notice=Notice("Sáng thứ Bảy làm căn cước"), seconds=0.4)
    items = [notice, serving.picture(plain((10, 42, 94), (1440, 810)), seconds=0.4)]
    page = start(serving, open_page, items)
    turns: dict[str, int] = {}
    with Screencast(page, (300, 45)) as screencast:
        screencast.until(lambda: played_through(serving, items, turns))
    assert all(max(colour) < 190 and colour != (0, 0, 0) for colour in screencast.frames)
