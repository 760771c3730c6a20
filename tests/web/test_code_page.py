"""The page of a QR display, in a real browser: the code is read off its pixels, at sizes of every shape."""

from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from agent.screen.hub import Banner, RatingCode
from tests.eventually import eventually
from tests.web.conftest import OpenPage
from tests.web.looking import codes, overflowing, seen, until
from tests.web.serving import ADDRESS, Serving

SHAPES = [(1920, 1080), (1080, 1920), (800, 480), (480, 800), (480, 320), (320, 240), (720, 720)]


@pytest.mark.parametrize("mode", ["", "training"])
def test_the_code_is_read_at_every_size_and_nothing_leaves_its_place(
    serving: Serving, open_page: OpenPage, mode: str
) -> None:
    if mode:
        serving.hub.set_banner(Banner("training", "10:00", serving.clock.monotonic() + 600))
    page = open_page("/qr")
    for width, height in SHAPES:
        page.set_viewport_size({"width": width, "height": height})
        assert codes(seen(page)) == [ADDRESS], (width, height)
        assert overflowing(page) == [], (width, height)


def test_it_turns_thanks_and_says_who_sits_here(serving: Serving, open_page: OpenPage) -> None:
    page = open_page("/qr", (800, 480))
    serving.hub.set_code(RatingCode(ADDRESS[:-1] + "3"))
    eventually(lambda: codes(seen(page)) == [ADDRESS[:-1] + "3"])
    serving.hub.thank()
    until(page, "document.querySelector('.thanks.on') !== null")
    until(page, "getComputedStyle(document.querySelector('.thanks')).opacity === '1'")
    assert zxingcpp.read_barcodes(Image.open(BytesIO(page.screenshot()))) == []
    until(page, "document.querySelector('.thanks.on') === null")
    serving.hub.set_code(None)
    until(page, "document.querySelector('.idle h1').offsetHeight > 0")
    assert page.inner_text(".idle h1") == "Bộ phận Một cửa Công an xã Kim Liên"
    assert overflowing(page) == []


def test_the_agent_knows_that_it_is_open(serving: Serving, open_page: OpenPage) -> None:
    assert serving.hub.code_page_age_s is None
    open_page("/qr")
    eventually(lambda: serving.hub.code_page_age_s is not None)
    assert serving.hub.page_age_s is None, "it is not the promo screen"
