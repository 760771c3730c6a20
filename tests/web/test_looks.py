"""How the screen looks: every slide, in both orientations and in every theme, with the longest words there may be."""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from agent.screen.hub import Banner, Closed, Emergency, Item, Notice, Theme
from agent.screen.scene import (
    EMERGENCY_CHARACTERS,
    EMERGENCY_LINES,
    FOOTER_CHARACTERS,
    LINE_CHARACTERS,
    MOST_LINES,
    TITLE_CHARACTERS,
)
from agent.screen.theme import HIGH_CONTRAST, contrast, faint
from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.web.conftest import LANDSCAPE, PORTRAIT, OpenPage
from tests.web.looking import codes, contrasts, overflowing, pixel, seen, settled, until
from tests.web.serving import ADDRESS, PLATE, Serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONGEST = "Bộ phận Tiếp nhận và Trả kết quả giải quyết thủ tục hành chính Công an xã Mường Quàng Ẳng Đỏ"
WORDS = "Ẳng Đỏ Mường Quàng giải quyết thủ tục hành chính cho người dân ở các bản vùng sâu vùng xa "
PAPER = Theme(
    ground="#f4f1e8",
    band="#ffffff",
    text="#1a1a1a",
    soft="#3f3a30",
    accent="#8a1f11",
    on_accent="#ffffff",
    thanks="#14532d",
)
"""A theme of dark letters on light ground."""
THEMES = {"own": Theme(), "high contrast": HIGH_CONTRAST, "paper": replace(PAPER, is_safe=True)}


def words(characters: int) -> str:
    return (WORDS * 3)[:characters].strip().ljust(characters, "m")


def notice(layout: Literal["stage", "full"]) -> Item:
    longest = Notice(words(TITLE_CHARACTERS), (words(LINE_CHARACTERS),) * MOST_LINES)
    return Item(layout * 8, kind="notice", notice=longest, layout=layout, seconds=3600)


def emergency(serving: Serving, *, ends_in_s: float = 3600) -> Emergency:
    line = words((EMERGENCY_CHARACTERS - 24) // EMERGENCY_LINES)
    until = serving.clock.monotonic() + ends_in_s
    return Emergency(words(24), (line,) * EMERGENCY_LINES, "17:30 hôm nay", until)


def slides(serving: Serving, page: "Page") -> Iterator[str]:
    """Each slide in its turn, standing still."""
    hub = serving.hub
    hub.set_playlist([])
    until(page, "document.body.dataset.mode === 'idle'")
    settled(page)
    yield "idle"
    hub.set_playlist([serving.picture(plain((70, 190, 80)), seconds=3600)])
    until(page, "document.querySelector('.layer.on img') !== null")
    settled(page)
    yield "picture"
    layouts: tuple[Literal["stage", "full"], ...] = ("stage", "full")
    for layout in layouts:
        hub.set_playlist([notice(layout)])
        until(page, f"document.querySelector('.layer.on[data-layout=\"{layout}\"] .words') !== null")
        settled(page)
        yield f"notice, {layout}"
    hub.set_closed(Closed(words(TITLE_CHARACTERS), (words(LINE_CHARACTERS),) * 3))
    until(page, "!document.querySelector('.closed').hidden && document.body.dataset.mode === 'idle'")
    settled(page)
    yield "closed"
    hub.set_emergency(emergency(serving))
    until(page, "!document.querySelector('.emergency').hidden")
    yield "emergency"
    hub.set_emergency(None)
    hub.set_closed(None)


def nothing_leaves_its_place(page: "Page") -> bool:
    assert overflowing(page) == []
    return True


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
@pytest.mark.parametrize("theme", THEMES)
def test_every_slide_can_be_read_in_every_theme(
    serving: Serving, open_page: OpenPage, theme: str, size: tuple[int, int]
) -> None:
    form: Literal["NFC", "NFD"] = "NFC" if theme == "own" else "NFD"
    assert faint(THEMES[theme]) == []
    footer = (words(FOOTER_CHARACTERS),)
    unit = unicodedata.normalize(form, LONGEST)
    serving.hub.set_nameplate(replace(PLATE, unit=unit, number=88, hours="", footer=footer, camera="masked"))
    serving.hub.set_theme(THEMES[theme])
    page = open_page(size=size)
    for slide in slides(serving, page):
        assert page.locator("h1").inner_text().split() == LONGEST.split(), slide
        eventually(lambda: nothing_leaves_its_place(page))
        texts = contrasts(page)
        assert len(texts) > 12, slide
        assert [text for text in texts if text["ratio"] < (4.5 if text["isLarge"] else 7)] == [], slide
        assert page.evaluate(SMALLEST) >= 24 * (0.95 if THEMES[theme].is_safe else 1) - 0.01, slide
        if slide != "emergency":
            assert codes(seen(page)) == ([] if slide == "closed" else [ADDRESS]), slide
        if theme == "own":
            assert judged(page) == [], slide
            assert [
                size_of(page, line) for line, least in LEAST.get(slide, {}).items() if size_of(page, line) < least
            ] == []


def size_of(page: "Page", selector: str) -> float:
    size: float = page.evaluate(f"parseFloat(getComputedStyle(document.querySelector('{selector}')).fontSize)")
    return size


LEAST = {
    "notice, stage": {".layer.on .words li": 32},
    "notice, full": {".layer.on .words li": 32},
    "emergency": {".emergency h2": 96, ".emergency li": 96},
}
"""What the longest message that is allowed keeps of its size, in pixels."""
SMALLEST = """() => {
  const sizes = [];
  const is = { opacityProperty: true, visibilityProperty: true };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    if (!node.textContent.trim() || !node.parentElement.checkVisibility(is)) continue;
    sizes.push(parseFloat(getComputedStyle(node.parentElement).fontSize));
  }
  return Math.min(...sizes);
}"""


def judged(page: "Page") -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and its own best practices."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    rules = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
    found: dict[str, Any] = page.evaluate(f"axe.run(document, {{runOnly: {rules}}})")
    assert len(found["passes"]) > 8, "axe has looked at nothing"
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]


def test_a_small_window_keeps_everything_inside(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.set_nameplate(replace(PLATE, unit=LONGEST))
    page = open_page(size=(640, 360))
    for slide in slides(serving, page):
        eventually(lambda: nothing_leaves_its_place(page))
        assert slide


def test_an_emergency_is_black_on_amber_in_every_theme_with_the_hotline_and_its_end(
    serving: Serving, open_page: OpenPage
) -> None:
    page = open_page()
    for theme in THEMES.values():
        serving.hub.set_theme(theme)
        serving.hub.set_emergency(emergency(serving))
        until(page, "!document.querySelector('.emergency').hidden")
        image = seen(page)
        corners = {pixel(image, x, y) for x in (0, 1919) for y in (0, 1079)}
        assert corners == {(255, 176, 0)}
        assert page.locator(".call .numbers").inner_text().split("\n") == list(PLATE.hotlines)
        assert page.locator(".until").inner_text() == "Có hiệu lực đến 17:30 hôm nay"
        serving.hub.set_emergency(None)
    assert contrast("#000000", "#ffb000") > 7


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
@pytest.mark.parametrize("characters", [6, 28, 44, 60])
def test_an_emergency_of_any_length_keeps_to_its_place(
    serving: Serving, open_page: OpenPage, characters: int, size: tuple[int, int]
) -> None:
    page = open_page(size=size)
    lines = ("Ở yên trong nhà, tránh xa cửa kính", "Cần cứu hộ gọi 114")
    told = Emergency(words(characters), lines, "12:00 ngày 01/09/2026", serving.clock.monotonic() + 3600)
    serving.hub.set_emergency(told)
    until(page, "!document.querySelector('.emergency').hidden")
    assert overflowing(page) == []


def test_a_banner_over_a_picture_on_the_whole_screen_stands_at_its_edge(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.set_playlist([serving.picture(plain((70, 190, 80)), layout="full", seconds=3600)])
    page = open_page()
    until(page, "document.body.dataset.layout === 'full'")
    serving.hub.set_banner(Banner("training", "10:30", serving.clock.monotonic() + 3600))
    until(page, "!document.querySelector('.banner').hidden")
    assert page.evaluate("document.querySelector('.banner').getBoundingClientRect().top") == 0


def test_a_thank_you_is_never_over_an_emergency(serving: Serving, open_page: OpenPage) -> None:
    page = open_page()
    serving.hub.set_emergency(emergency(serving))
    serving.hub.thank()
    until(page, "document.querySelector('.thanks').classList.contains('on')")
    settled(page)
    assert page.evaluate("document.elementFromPoint(960, 540).closest('.emergency') !== null")
    assert pixel(seen(page), 4, 540) == (255, 176, 0)


def test_an_emergency_goes_at_its_end_though_the_agent_is_away(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.set_playlist([serving.picture(plain((70, 190, 80)), seconds=3600)])
    page = open_page()
    until(page, "document.body.dataset.mode === 'play'")
    serving.hub.set_emergency(emergency(serving, ends_in_s=1.5))
    until(page, "!document.querySelector('.emergency').hidden")
    serving.stop()
    until(page, "document.querySelector('.emergency').hidden")
    settled(page)
    assert pixel(seen(page), 700, 500) == (70, 190, 80)
    serving.start_again()


def test_a_long_emergency_is_not_over_before_it_began(serving: Serving, open_page: OpenPage) -> None:
    """A browser's timer of more than 24 days rings at once."""
    page = open_page()
    serving.hub.set_emergency(emergency(serving, ends_in_s=40 * 86400))
    until(page, "!document.querySelector('.emergency').hidden")
    page.wait_for_timeout(100)
    assert page.evaluate("!document.querySelector('.emergency').hidden")


def test_a_closed_counter_plays_nothing_and_shows_no_code(serving: Serving, open_page: OpenPage) -> None:
    item = serving.picture(plain((70, 190, 80)), seconds=0.3)
    serving.hub.set_closed(Closed("Quầy đang nghỉ", ("Mở cửa lại lúc 7:00 Thứ Hai",)))
    serving.hub.set_playlist([item])
    page = open_page()
    settled(page)
    assert page.locator(".closed").inner_text().split("\n") == ["Quầy đang nghỉ", "Mở cửa lại lúc 7:00 Thứ Hai"]
    assert codes(seen(page)) == []
    serving.hub.set_closed(None)
    until(page, "document.body.dataset.mode === 'play'")
    assert page.evaluate("document.querySelector('.closed').hidden")


def test_lines_take_turns_in_the_footer_and_stand_still_between(serving: Serving, open_page: OpenPage) -> None:
    lines = ("Nộp hồ sơ trực tuyến", "Người cao tuổi được ưu tiên")
    serving.hub.set_nameplate(replace(PLATE, footer=lines))
    serving.hub.set_playlist([serving.picture(plain((70, 190, 80)), seconds=3600)])
    page = open_page(paces={"line": 400, "fade": 100})
    for line in (*lines, PLATE.hours, lines[0]):
        until(page, f"document.querySelector('footer .notice b').textContent === '{line}'")
    assert page.evaluate("getComputedStyle(document.querySelector('footer .notice')).animationName") == "none"


def test_what_stands_in_one_place_moves_a_little(serving: Serving, open_page: OpenPage) -> None:
    page = open_page(paces={"care": 200})
    place = "(() => { const box = document.querySelector('.badge').getBoundingClientRect(); return [box.x, box.y]; })()"
    seen_at: set[tuple[float, float]] = set()

    def four_places() -> bool:
        seen_at.add(tuple(page.evaluate(place)))
        return len(seen_at) == 4

    eventually(four_places)
    assert max(x for x, _ in seen_at) - min(x for x, _ in seen_at) == 2
    assert max(y for _, y in seen_at) - min(y for _, y in seen_at) == 2


def test_the_units_logo_stands_in_the_header_and_a_lost_one_leaves_no_gap(
    serving: Serving, open_page: OpenPage, tmp_path: Path
) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(plain((200, 40, 40), (100, 100)))
    page = open_page()
    serving.hub.set_theme(Theme(logo=logo))
    until(page, "document.querySelector('.logo img')?.naturalWidth === 100")
    box: Any = page.locator(".logo img").bounding_box()
    assert box["height"] == 76
    serving.hub.set_theme(Theme(logo=tmp_path / "gone.png"))
    until(page, "document.querySelector('.logo').childElementCount === 0")
    assert page.locator(".logo").bounding_box() is None


def test_a_safe_area_keeps_all_words_off_the_edges(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.set_theme(Theme(is_safe=True))
    for size in (LANDSCAPE, PORTRAIT):
        page = open_page(size=size)
        serving.hub.thank()
        until(page, "document.querySelector('.thanks').classList.contains('on')")
        settled(page)
        assert pixel(seen(page), 2, 2) == (11, 107, 58), "what covers everything bleeds to the edge"
        inside: Any = page.evaluate(WORDS_KEEP_OFF)
        assert inside >= 0.025
        page.close()


WORDS_KEEP_OFF = """() => {
  const shares = [];
  for (const element of document.querySelectorAll("header > *, footer > *, .idle .name, .card")) {
    const box = element.getBoundingClientRect();
    if (box.width === 0) continue;
    shares.push(box.left / innerWidth, 1 - box.right / innerWidth, box.top / innerHeight, 1 - box.bottom / innerHeight);
  }
  return Math.min(...shares);
}"""
