"""While ratings are not counted the screen says so: over everything, and not a second longer."""

from typing import Literal

import pytest

from agent.screen.hub import Banner
from tests.screen.pictures import plain
from tests.web.conftest import LANDSCAPE, PORTRAIT, OpenPage
from tests.web.looking import codes, contrasts, overflowing, seen, until
from tests.web.serving import ADDRESS, PLATE, Serving

is_on = "!document.querySelector('.banner').hidden"


def hang(serving: Serving, *, kind: Literal["training", "inspection"] = "training", lasts_s: float = 3600) -> None:
    serving.hub.set_banner(Banner(kind, "16:30", serving.clock.monotonic() + lasts_s))


@pytest.mark.parametrize(
    ("size", "kind", "title"),
    [(LANDSCAPE, "training", "ĐANG TẬP HUẤN"), (PORTRAIT, "inspection", "ĐANG KIỂM TRA")],
    ids=["landscape", "portrait"],
)
def test_the_banner_is_on_every_slide_fits_and_hides_no_code(
    serving: Serving,
    open_page: OpenPage,
    size: tuple[int, int],
    kind: Literal["training", "inspection"],
    title: str,
) -> None:
    page = open_page(size=size)
    assert not page.evaluate(is_on)
    hang(serving, kind=kind)
    until(page, is_on)
    assert page.locator(".banner b").inner_text() == title
    assert page.locator(".banner span").inner_text().endswith("(đến 16:30)")
    assert overflowing(page) == []
    foot = page.locator("footer").bounding_box()
    assert foot is not None
    assert foot["y"] + foot["height"] == pytest.approx(size[1], abs=1), "the hotline is still on the screen"
    assert [text for text in contrasts(page) if text["ratio"] < (3 if text["isLarge"] else 4.5)] == []
    assert codes(seen(page)) == [ADDRESS]
    for layout, red in (("stage", 200), ("full", 90)):
        serving.hub.set_playlist([serving.picture(plain((red, 70, 70), (1440, 810)), layout=layout, seconds=0.1)])
        until(page, f"document.body.dataset.layout === '{layout}'")
        box = page.locator(".banner").bounding_box()
        assert box is not None
        middle = f"document.elementFromPoint({box['x'] + box['width'] / 2}, {box['y'] + box['height'] / 2})"
        assert page.evaluate(f"{middle}.closest('.banner') !== null")


def test_the_banner_stays_over_the_thank_you(serving: Serving, open_page: OpenPage) -> None:
    hang(serving)
    page = open_page()
    serving.hub.thank()
    until(page, "getComputedStyle(document.querySelector('.thanks')).opacity === '1'")
    assert page.evaluate("document.elementFromPoint(960, 150).closest('.banner') !== null")


def test_the_banner_goes_at_its_end_even_when_the_agent_is_away(serving: Serving, open_page: OpenPage) -> None:
    hang(serving, lasts_s=60)
    page = open_page()
    page.clock.install()
    page.reload()
    until(page, is_on)
    serving.stop()
    page.clock.fast_forward(59_000)
    assert page.evaluate(is_on)
    page.clock.fast_forward(2_000)
    assert not page.evaluate(is_on)


def test_the_banner_goes_when_it_is_taken_down_and_names_no_time_that_cannot_be_believed(
    serving: Serving, open_page: OpenPage
) -> None:
    serving.hub.set_banner(Banner("training", "", serving.clock.monotonic() + 60))
    page = open_page()
    assert "đến" not in page.locator(".banner span").inner_text()
    serving.hub.set_banner(None)
    until(page, f"!({is_on})")


def test_a_banner_is_part_of_the_whole_state(serving: Serving) -> None:
    hang(serving, lasts_s=60)
    serving.clock.advance(20)
    assert serving.hub.state()["banner"]["left_ms"] == 40_000
    assert serving.hub.state()["unit"] == PLATE.unit
