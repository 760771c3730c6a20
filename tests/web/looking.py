"""What a test reads off a page: pixels, codes, overflowing text, contrast."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zxingcpp
from PIL import Image

from tests.eventually import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

_HERE = Path(__file__).parent


def until(page: "Page", claim: str, within_s: float = 10.0) -> None:
    """Wait until *claim*, a JavaScript expression, is true on the page (its policy forbids waiting inside it)."""
    eventually(lambda: page.evaluate(claim), within_s, every_s=0.02)


def settled(page: "Page") -> None:
    """Wait until no layer is fading any more."""
    until(page, "document.querySelector('.layer.under, .layer.leaving') === null")
    until(page, "document.getAnimations().every((animation) => animation.playState !== 'running')")


def overflowing(page: "Page") -> list[str]:
    """Complaints about text that leaves its place."""
    complaints: list[str] = page.evaluate((_HERE / "overflowing.js").read_text(encoding="utf-8"))
    return complaints


def contrasts(page: "Page") -> list[dict[str, Any]]:
    """Every text of the page: `text`, `ratio` against its ground, `isLarge`."""
    found: list[dict[str, Any]] = page.evaluate((_HERE / "contrasts.js").read_text(encoding="utf-8"))
    return found


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    red, green, blue = image.crop((x, y, x + 1, y + 1)).tobytes()
    return red, green, blue


def seen(page: "Page", **options: Any) -> Image.Image:
    """The page as pixels."""
    image = Image.open(BytesIO(page.screenshot(**options))).convert("RGB")
    image.load()
    return image


def codes(image: Image.Image) -> list[str]:
    """The texts of the QR codes in *image*, read by another library than the one that drew them."""
    return [code.text for code in zxingcpp.read_barcodes(image)]
