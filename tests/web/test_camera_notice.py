"""Where a camera watches, the screen says so on every slide, and says what becomes of its pictures."""

from dataclasses import replace
from typing import Literal

import pytest

from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.web.conftest import LANDSCAPE, PORTRAIT, OpenPage
from tests.web.looking import codes, contrasts, overflowing, seen, until
from tests.web.serving import ADDRESS, PLATE, Serving

is_on = "!document.querySelector('.camera').hidden"


@pytest.mark.parametrize(
    ("size", "egress", "watchers", "words"),
    [
        (LANDSCAPE, "pixelated", 0, "ra khỏi quầy đã làm mờ người"),
        (PORTRAIT, "masked", 0, "che một số vùng, không làm mờ người"),
        (PORTRAIT, "plain", 0, "ra khỏi quầy không làm mờ người"),
        (LANDSCAPE, "pixelated", 1, "cấp trên đang xem quầy từ xa; hình gửi đi đã làm mờ người"),
        (PORTRAIT, "masked", 2, "đang xem quầy từ xa; hình gửi đi có che một số vùng, không làm mờ người"),
    ],
)
def test_the_notice_is_on_every_slide_and_hides_no_code(
    serving: Serving,
    open_page: OpenPage,
    *,
    size: tuple[int, int],
    egress: Literal["pixelated", "masked", "plain"],
    watchers: int,
    words: str,
) -> None:
    page = open_page(size=size)
    assert not page.evaluate(is_on)
    serving.hub.set_nameplate(replace(PLATE, camera=egress))
    until(page, is_on)
    serving.hub.set_watchers(watchers)
    until(page, f"document.querySelector('.camera').textContent.includes('đang xem') === {str(watchers > 0).lower()}")
    said = page.locator(".camera").inner_text()
    assert said.startswith("Khu vực có camera giám sát.")
    assert said.endswith(words)
    assert overflowing(page) == []
    assert [text for text in contrasts(page) if text["ratio"] < (3 if text["isLarge"] else 4.5)] == []
    assert codes(seen(page)) == [ADDRESS]
    for layout, red in (("stage", 200), ("full", 90)):
        serving.hub.set_playlist([serving.picture(plain((red, 70, 70), (1440, 810)), layout=layout, seconds=0.1)])
        until(page, f"document.body.dataset.layout === '{layout}'")
        box = page.locator(".camera").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        middle = f"document.elementFromPoint({box['x'] + box['width'] / 2}, {box['y'] + box['height'] / 2})"
        assert page.evaluate(f"{middle}.className") == "camera"
        eventually(lambda: ADDRESS in codes(seen(page)), within_s=10)
