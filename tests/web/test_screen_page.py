"""The screen as citizens see it, in a real browser."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import pytest

from agent.clock import ClockQuality
from agent.screen.hub import Item
from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.web.conftest import LANDSCAPE, PORTRAIT, OpenPage
from tests.web.looking import codes, overflowing, pixel, seen, settled, until
from tests.web.serving import ADDRESS, PLATE, Serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

RED, GREEN, BLUE = (200, 70, 70), (70, 190, 80), (70, 80, 200)
WATCH_FOR_THANKS = """() => {
  window.seenAt = null;
  const overlay = document.querySelector(".thanks");
  (function look() {
    const { visibility, opacity } = getComputedStyle(overlay);
    if (visibility !== "visible" || Number(opacity) < 0.9) return requestAnimationFrame(look);
    window.seenAt = performance.timeOrigin + performance.now();
  })();
}"""
"""Note the moment from which the overlay is opaque to the eye."""
playing = "document.body.dataset.mode === 'play'"


def shown(page: "Page") -> str | None:
    item: str | None = page.evaluate("document.querySelector('.layer.on')?.dataset.item ?? null")
    return item


@pytest.fixture
def three(serving: Serving) -> list[Item]:
    items = [serving.picture(plain(colour, (1440, 810)), seconds=0.3) for colour in (RED, GREEN, BLUE)]
    serving.hub.set_playlist(items)
    return items


def test_the_thank_you_is_seen_within_300_ms_of_the_commit(
    serving: Serving, three: list[Item], open_page: OpenPage, record_property: Callable[[str, object], None]
) -> None:
    page = open_page()
    until(page, playing)
    took_ms: list[float] = []
    while len(took_ms) < 5 and min(took_ms, default=999) >= 300:  # a busy test machine may hold up one, not five
        page.evaluate(WATCH_FOR_THANKS)
        committed_at = time.time()
        serving.hub.thank()
        until(page, "window.seenAt !== null")
        took_ms.append(page.evaluate("window.seenAt") - committed_at * 1000)
        page.evaluate("document.querySelector('.thanks').classList.remove('on')")
        until(page, "getComputedStyle(document.querySelector('.thanks')).visibility === 'hidden'")
    record_property("figure: commit to thank-you on the glass", f"{min(took_ms):.0f} ms (try {len(took_ms)})")
    assert min(took_ms) < 300


def test_the_thank_you_is_the_same_picture_every_time_and_over_everything(
    serving: Serving, three: list[Item], open_page: OpenPage
) -> None:
    page = open_page()
    until(page, playing)
    pictures = []
    for _ in range(2):
        serving.hub.thank()
        until(page, "getComputedStyle(document.querySelector('.thanks')).opacity === '1'")
        pictures.append(page.screenshot())
        page.evaluate("document.querySelector('.thanks').classList.remove('on')")
        until(page, "getComputedStyle(document.querySelector('.thanks')).opacity === '0'")
    assert pictures[0] == pictures[1]
    serving.hub.thank()
    until(page, "getComputedStyle(document.querySelector('.thanks')).opacity === '1'")
    image = seen(page)
    assert {pixel(image, x, y) for x, y in ((0, 0), (1919, 0), (0, 1079), (1919, 1079), (960, 60))} == {(11, 107, 58)}
    assert codes(image) == []


def test_a_thank_you_goes_after_four_seconds_and_a_new_rating_restarts_them(
    serving: Serving, open_page: OpenPage
) -> None:
    page = open_page()
    page.clock.install()
    page.reload()
    is_on = "document.querySelector('.thanks').classList.contains('on')"
    serving.hub.thank()
    until(page, is_on)
    page.clock.fast_forward(3000)
    serving.clock.advance(3)
    serving.hub.thank()
    until(page, f"document.querySelector('.thanks').dataset.token === '{serving.hub.thanks().token}'")
    page.clock.fast_forward(3000)
    assert page.evaluate(is_on)
    page.clock.fast_forward(1500)
    assert not page.evaluate(is_on)


def test_a_thank_you_that_is_over_is_not_shown_to_a_page_that_comes_late(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.thank()
    serving.clock.advance(10)
    page = open_page()
    until(page, "!document.querySelector('.clock').hidden")
    assert not page.evaluate("document.querySelector('.thanks').classList.contains('on')")


@pytest.mark.parametrize("mode", ["stage", "full", "idle"])
def test_the_code_on_the_glass_can_be_read_by_a_phone(serving: Serving, open_page: OpenPage, mode: str) -> None:
    if mode != "idle":
        layout: Literal["stage", "full"] = "full" if mode == "full" else "stage"
        serving.hub.set_playlist([serving.picture(plain(RED, (1440, 810)), layout=layout)])
    page = open_page()
    until(page, "document.body.dataset.mode === 'idle'" if mode == "idle" else playing)
    for width, height in (LANDSCAPE, PORTRAIT, (1366, 768), (800, 450)):
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        assert ADDRESS in codes(seen(page))
        width_of_a_module = "(svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
        widths = page.evaluate(f"[...document.querySelectorAll('.code svg')].map({width_of_a_module})")
        assert all(width == int(width) for width in widths), "a module is a whole number of pixels"


def test_the_loop_goes_on_when_the_agent_is_gone_and_the_page_comes_back_by_itself(
    serving: Serving, three: list[Item], open_page: OpenPage
) -> None:
    page = open_page()
    for item in three:
        until(page, f"document.querySelector('.layer.on')?.dataset.item === '{item.id}'")
    serving.stop()
    for item in (*three, three[0]):
        until(page, f"document.querySelector('.layer.on')?.dataset.item === '{item.id}'")
    serving.hub.set_nameplate(replace(PLATE, number=7))
    serving.start_again()
    until(page, "document.querySelector('.badge').textContent === 'Quầy số 7'")


def test_a_picture_that_will_not_load_is_skipped(serving: Serving, three: list[Item], open_page: OpenPage) -> None:
    gone = Item("f" * 32, "/media/" + "f" * 32, seconds=0.5)
    serving.hub.set_playlist([gone, *three[:2]])
    page = open_page()
    for item in (*three[:2], *three[:2]):
        until(page, f"document.querySelector('.layer.on')?.dataset.item === '{item.id}'")
    told = {cell.item: (cell.times, cell.skips) for cell in serving.hub.take_played()}
    assert told["f" * 32] == (0, {"broken": 1})


def test_a_picture_taken_off_the_list_leaves_the_screen_at_once_and_none_leaves_the_idle_slide(
    serving: Serving, open_page: OpenPage
) -> None:
    red, green = (serving.picture(plain(colour), seconds=3600) for colour in (RED, GREEN))
    serving.hub.set_playlist([red, green])
    page = open_page()
    until(page, f"document.querySelector('.layer.on')?.dataset.item === '{red.id}'")
    serving.hub.set_playlist([green])
    until(page, f"document.querySelector('.layer.on')?.dataset.item === '{green.id}'")
    serving.hub.set_playlist([])
    until(page, "document.body.dataset.mode === 'idle'")
    settled(page)
    assert page.locator(".idle .name").inner_text().split() == PLATE.unit.split()
    assert page.locator(".idle .open b").inner_text() == PLATE.hours
    assert page.locator("footer .numbers").inner_text().split("\n") == list(PLATE.hotlines)
    serving.hub.set_playlist([red])
    until(page, playing)


def test_a_picture_that_stands_alone_takes_another_layout_and_another_making(
    serving: Serving, open_page: OpenPage
) -> None:
    item = serving.picture(plain(RED, (1440, 810)), seconds=0.3)
    serving.hub.set_playlist([item])
    page = open_page()
    until(page, playing)
    serving.hub.set_playlist([replace(item, layout="full")])
    until(page, "document.querySelector('.layer.on').dataset.layout === 'full'")
    settled(page)
    assert pixel(seen(page), 10, 10) == RED
    serving.hub.set_playlist([replace(item, layout="full", url=f"{item.url}?again")])
    until(page, "document.querySelector('.layer.on img').src.endsWith('?again')")


def test_a_page_is_loaded_anew_when_the_agent_has_another_version(
    serving: Serving, three: list[Item], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, path in enumerate(("/screen", "/qr")):
        page = open_page(path)
        monkeypatch.setattr("agent.screen.hub.__version__", f"99.{number}")
        with page.expect_event("load"):
            serving.hub.set_nameplate(replace(PLATE, number=7 + number))
        assert page.evaluate("JSON.parse(document.getElementById('state').textContent).software") == f"99.{number}"


def test_the_page_tells_that_it_lives_and_what_it_showed(
    serving: Serving, three: list[Item], open_page: OpenPage
) -> None:
    open_page()
    counted: dict[str, int] = {}

    def all_were_shown() -> bool:
        for cell in serving.hub.take_played():
            counted[cell.item] = counted.get(cell.item, 0) + cell.times
        return counted.keys() == {item.id for item in three}

    eventually(all_were_shown, within_s=10)
    assert serving.hub.page_age_s is not None


@pytest.mark.parametrize(("size", "stage"), [(LANDSCAPE, (0, 112, 1440, 810)), (PORTRAIT, (0, 150, 1080, 1240))])
def test_the_stage_is_where_it_was_drawn_and_never_crops(
    serving: Serving, open_page: OpenPage, size: tuple[int, int], stage: tuple[int, int, int, int]
) -> None:
    serving.hub.set_playlist([serving.picture(plain(GREEN, (600, 800)))])
    page = open_page(size=size)
    until(page, playing)
    settled(page)
    x, y, width, height = stage
    assert page.locator(".layer.on").bounding_box() == {"x": x, "y": y, "width": width, "height": height}
    image = seen(page)
    inner = min(width, height * 3 / 4), min(height, width * 4 / 3)
    green = [pixel(image, x + width // 2, at) == GREEN for at in range(y, y + height)]
    assert abs(sum(green) - inner[1]) <= 2
    green = [pixel(image, at, y + height // 2) == GREEN for at in range(x, x + width)]
    assert abs(sum(green) - inner[0]) <= 2


def test_the_fonts_are_really_ours(open_page: OpenPage) -> None:
    page = open_page()
    for weight in (400, 600, 700):
        assert page.evaluate(f"document.fonts.check('{weight} 40px \"Be Vietnam Pro\"', 'Ẳ Ỹ ₫ ươ')")
    faces = page.evaluate("[...document.fonts].map((face) => `${face.family} ${face.weight} ${face.status}`).sort()")
    assert faces == [f'"Be Vietnam Pro" {weight} loaded' for weight in (400, 600, 700)] or faces == [
        f"Be Vietnam Pro {weight} loaded" for weight in (400, 600, 700)
    ]


def test_a_clock_that_is_not_trusted_is_not_shown(serving: Serving, open_page: OpenPage) -> None:
    page = open_page()
    assert page.locator(".digits").inner_text().replace("\n", "") == "08:15", "the counter's zone, not the browser's"
    assert page.locator(".date").inner_text() == "Thứ Ba, 01/09/2026"
    serving.clock.set_wall(serving.clock.now(), ClockQuality.NONE)
    serving.hub.look_at_clock()
    page.wait_for_selector(".clock", state="hidden")


def test_digits_stand_in_boxes_of_one_width(open_page: OpenPage) -> None:
    widths = open_page().evaluate(
        "[...document.querySelectorAll('.digits b')].map((b) => b.getBoundingClientRect().width)"
    )
    assert len(widths) == 4
    assert all(abs(one - other) < 0.02 for one, other in pairwise(widths))


def test_a_counter_without_a_code_gives_the_stage_its_room(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.set_code(None)
    serving.hub.set_playlist([serving.picture(plain(GREEN))])
    page = open_page()
    until(page, playing)
    assert page.locator(".layer.on").bounding_box() == {"x": 0, "y": 112, "width": 1920, "height": 810}
    assert overflowing(page) == []
