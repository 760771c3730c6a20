"""A served site for every test that asks for one, and pages that were told what may fail."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.serving import Serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LANDSCAPE = (1920, 1080)
PORTRAIT = (1080, 1920)
OpenPage = Callable[..., "Page"]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path) as serving:
        yield serving


@pytest.fixture
def open_page(browser: "Browser", serving: Serving) -> Iterator[OpenPage]:
    """Opens a path of the site at a size; a script error or a request off loopback fails the test."""
    pages: list[Page] = []
    complaints: list[str] = []

    def opened(path: str = "/screen", size: tuple[int, int] = LANDSCAPE) -> "Page":
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, timezone_id="Europe/Paris")
        pages.append(page)
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("request", lambda r: None if r.url.startswith(serving.url) else complaints.append(f"asked {r.url}"))
        page.goto(serving.url + path)
        page.evaluate("document.fonts.ready.then(() => true)")
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
