"""The changing code on the glass: scanned off screenshots of the real page by a decoder that did not draw it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.rating.phone.gate import Gate
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import read
from agent.screen.code.legible import INCH_MM, PANEL_PX, Orientation, modules_of, on_screen
from agent.screen.code.qr import rating_qr
from agent.screen.hub import RatingCode
from agent.settings.model import Qr
from tests.screen.pictures import plain
from tests.web.conftest import LANDSCAPE, PORTRAIT, OpenPage
from tests.web.looking import codes, overflowing, seen, settled, until
from tests.web.serving import Serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

URL = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/"
KEYS = QrKeys.from_secret(b"k" * 32, agent="na-0123")
SIZES: list[tuple[Orientation, tuple[int, int]]] = [("landscape", LANDSCAPE), ("portrait", PORTRAIT)]


@pytest.fixture
def show(serving: Serving, tmp_path: Path) -> Callable[[], str]:
    """Puts on the screen what the gate says now, and gives it."""
    file = tmp_path / "qr.key"
    file.write_bytes(b"k" * 32)
    file.chmod(0o600)
    settings = Qr.model_validate({"mode": "portal", "url": URL, "secret_file": file})
    gate = Gate(settings, "na-0123", clock=serving.clock, health=serving.health)

    def shown() -> str:
        address = gate.address()
        assert address is not None
        serving.hub.set_code(RatingCode(address, gate.lasts_s))
        return address

    return shown


def scanned(page: "Page") -> str:
    settled(page)
    (text,) = codes(seen(page))
    return text


def drawn(page: "Page", address: str) -> None:
    until(page, f"document.querySelector('.code svg')?.outerHTML.includes({rating_qr(address)[-60:-8]!r})")


@pytest.mark.parametrize("mode", ["play", "idle"])
def test_the_token_on_the_glass_is_read_by_a_phone_and_verified_by_the_portal(
    serving: Serving, open_page: OpenPage, show: Callable[[], str], mode: str
) -> None:
    address = show()
    if mode == "play":
        serving.hub.set_playlist([serving.picture(plain((200, 70, 70), (1440, 810)))])
    page = open_page()
    until(page, f"document.body.dataset.mode === '{mode}'")
    for _, (width, height) in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        text = scanned(page)
        assert text == address
        token = read(text.removeprefix(URL), {KEYS.device: KEYS}.get, now=serving.clock.now().timestamp())
        assert token.device == KEYS.device
        assert overflowing(page) == []
        assert "DANHGIA.NGHEAN.EXAMPLE" in {text.strip() for text in page.locator(".address").all_inner_texts()}


def test_the_next_token_takes_its_place_on_the_page_by_itself(
    serving: Serving, open_page: OpenPage, show: Callable[[], str]
) -> None:
    first = show()
    page = open_page()
    assert scanned(page) == first
    serving.clock.advance(60)
    second = show()
    drawn(page, second)
    assert scanned(page) == second != first


def test_a_page_that_lost_its_agent_takes_a_code_down_when_it_leads_nowhere_any_more(
    serving: Serving, open_page: OpenPage, show: Callable[[], str]
) -> None:
    show()
    page = open_page()
    page.clock.install()
    page.reload()
    until(page, "document.querySelector('.code svg') !== null")
    serving.stop()
    page.clock.fast_forward(89_000)
    assert page.evaluate("document.querySelector('.code svg') !== null")
    page.clock.fast_forward(2_000)
    until(page, "document.body.classList.contains('no-code') && document.querySelector('.code svg') === null")
    serving.start_again()
    show()
    page.clock.fast_forward(10_000)
    until(page, "document.querySelector('.code svg') !== null")


@pytest.mark.parametrize(("orientation", "size"), SIZES)
def test_the_check_counts_with_the_smallest_code_that_the_page_draws(
    serving: Serving, open_page: OpenPage, show: Callable[[], str], orientation: Orientation, size: tuple[int, int]
) -> None:
    address = show()
    serving.hub.set_playlist([serving.picture(plain((70, 190, 80), (1440, 810)))])
    page = open_page(size=size)
    until(page, "document.body.dataset.mode === 'play'")
    settled(page)
    width_px = page.evaluate("document.querySelector('.rail .code svg').getBoundingClientRect().width")
    inch_mm = 43 * INCH_MM / PANEL_PX
    code = on_screen(address, orientation, 43)
    assert code.modules == modules_of(address) == 33
    assert width_px * inch_mm == pytest.approx((code.modules + 8) * code.module_mm)
