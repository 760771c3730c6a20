"""A served site for every test that asks for one, and pages that were told what may fail."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import agent.web
from tests.web.serving import Serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PACES = Path(agent.web.__file__).parent / "static" / "screen" / "paces.js"
LANDSCAPE = (1920, 1080)
PORTRAIT = (1080, 1920)
OpenPage = Callable[..., "Page"]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path) as serving:
        yield serving


def hurry(page: "Page", paces: dict[str, int]) -> None:
    """Let the screen wait less long than it does for citizens."""
    text = PACES.read_text(encoding="utf-8")
    for name, milliseconds in paces.items():
        text, count = re.subn(rf"(?m)^  {name}: [0-9_]+,", f"  {name}: {milliseconds},", text)
        assert count == 1, f"paces.js has no {name}"
    page.route("**/screen/paces.js", lambda route: route.fulfill(body=text, content_type="text/javascript"))


@pytest.fixture
def open_page(browser: "Browser", serving: Serving) -> Iterator[OpenPage]:
    """Opens a path of the site at a size, with other *paces* (paces.js) than its own; a script error or a request off
    loopback fails the test."""
    pages: list[Page] = []
    complaints: list[str] = []

    def opened(path: str = "/screen", size: tuple[int, int] = LANDSCAPE, paces: dict[str, int] | None = None) -> "Page":
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, timezone_id="Europe/Paris")
        if paces:
            hurry(page, paces)
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
