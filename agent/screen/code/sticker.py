"""The sticker: the printed rating QR for the counter, A4 to A6, as PDF or PNG.

One drawing for every size: it is made in 210ths of the paper's width, which is a millimetre on A4, at 300 dots an
inch, in few colours, and written without loss, so that every module of the code has sharp edges. Nothing stands
closer to the edge than an office printer reaches. What it leads to is the static channel, and the sticker says so.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.language import Language
from agent.screen.code.legible import INCH_MM, Code
from agent.screen.code.qr import QUIET_ZONE, matrix, printed
from agent.screen.code.sheet import Sheet, Style, Words

if TYPE_CHECKING:
    from PIL import Image

DPI = 300
"""Dots an inch."""
PAPERS = {"A4": (210, 297), "A5": (148, 210), "A6": (105, 148)}
"""Width and height in millimetres (ISO 216)."""
CODE_ROOM = 124
"""Room for the code with its quiet zone, in 210ths of the width."""
CODE_AT = 143.5
"""The height of its middle."""
COLOURS = 64

NAVY, INK, SOFT, ACCENT = "#0a2a5e", "#10203c", "#4f6080", "#ffcf33"
WHITE, PALE, FAINT = "#ffffff", "#eef2fa", "#c7d6f2"


@dataclass(frozen=True, slots=True)
class Sticker:
    """What stands on it. *first* is the language of the large words, *second* of the small ones under them."""

    address: str
    unit: str
    number: int
    hotlines: tuple[str, ...]
    first: Language
    second: Language


def code_on(address: str, paper: str) -> Code:
    """The code for *address* as it is printed."""
    modules = len(matrix(address))
    return Code(modules - 2 * QUIET_ZONE, _module_px(modules, _size_px(paper)[0]) * INCH_MM / DPI)


def draw(sticker: Sticker, paper: str) -> "Image.Image":
    """The sticker as an image of few colours."""
    from PIL import Image  # noqa: PLC0415 - only who prints needs it

    page = Sheet(_size_px(paper), WHITE, units=210)
    _header(page, sticker)
    _question(page, sticker)
    _code(page, sticker)
    _steps(page, sticker)
    _footer(page, sticker)
    return page.image.quantize(COLOURS, dither=Image.Dither.NONE)


def _size_px(paper: str) -> tuple[int, int]:
    width, height = (round(millimetres / INCH_MM * DPI) for millimetres in PAPERS[paper])
    return width, height


def _module_px(modules: int, width_px: int) -> int:
    return int(CODE_ROOM * width_px / 210) // modules


def _header(page: Sheet, sticker: Sticker) -> None:
    page.box((8, 8, 202, 46), NAVY, radius=6)
    page.box((8, 38, 202, 46), NAVY)
    page.box((8, 46, 202, 48), ACCENT)
    label = Words((sticker.first.text("screen.counter", number=sticker.number),), "Bold", 9, NAVY)
    width = page.width_of(label) + 12
    page.box((196 - width, 18, 196, 36), WHITE, radius=9)
    page.write(196 - width / 2, 27, label)
    style = Style("Bold", (11, 10, 9, 8, 7, 6.2, 5.4, 4.6, 3.8), WHITE)
    page.write(18, 27, page.fitted(sticker.unit, style, 168 - width, most_lines=3), anchor="l")


def _question(page: Sheet, sticker: Sticker) -> None:
    question = page.fitted(sticker.first.text("screen.question"), Style("ExtraBold", (14.5, 13, 11, 9), NAVY), 190)
    page.write(105, 60.5, question)
    page.write(105, 72.6, Words((sticker.second.text("screen.question"),), "Medium", 6, SOFT))


def _code(page: Sheet, sticker: Sticker) -> None:
    rows = matrix(sticker.address)
    module = _module_px(len(rows), page.image.width)
    side = module * len(rows)
    left, top = (page.image.width - side) // 2, round(CODE_AT * page.unit) - side // 2
    half = side / page.unit / 2 + 2.8  # the view finder leaves the quiet zone white
    for right, down in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        _corner(page, 105 + right * half, CODE_AT + down * half, (-right, -down))
    page.code(rows, (left, top), module)
    page.write(105, 215, page.fitted(printed(sticker.address), Style("SemiBold", (5.4, 5, 4.4, 3.8, 3.2), INK), 190))


def _corner(page: Sheet, x: float, y: float, inwards: tuple[int, int]) -> None:
    """An angle whose outer corner is at x, y."""
    for width, height in ((16, 2.4), (2.4, 16)):
        across, along = sorted((x, x + inwards[0] * width)), sorted((y, y + inwards[1] * height))
        page.box((across[0], along[0], across[1], along[1]), NAVY, radius=1.2)


def _steps(page: Sheet, sticker: Sticker) -> None:
    for number in (1, 2, 3):
        left = 8 + (number - 1) * 66
        page.box((left, 222, left + 62, 252), PALE, radius=5)
        page.box((left + 4, 231, left + 16, 243), NAVY, radius=6)
        page.write(left + 10, 237, Words((str(number),), "Bold", 7.5, WHITE))
        first, second = (words.text(f"sticker.step_{number}") for words in (sticker.first, sticker.second))
        large = page.fitted(first, Style("SemiBold", (5.6, 5.2, 4.8, 4.4), INK), 41, most_lines=2)
        small = page.fitted(second, Style("Regular", (3.9, 3.6, 3.3), SOFT), 41, most_lines=2)
        page.write(left + 19.5, 237, large, small, anchor="l")


def _footer(page: Sheet, sticker: Sticker) -> None:
    bottom = page.height - 8
    page.box((8, 257, 202, bottom), NAVY, radius=6)
    middle, right = (257 + bottom) / 2, 190.0
    if sticker.hotlines:
        shown = sticker.hotlines[:3]
        size = (9.0, 7.2, 4.7)[len(shown) - 1]
        label = Words((sticker.first.text("screen.hotline"),), "SemiBold", 5 if len(shown) < 3 else 4.2, INK)
        fitting = page.fitted(max(shown, key=len), Style("Bold", (size, 6, 5, 4, 3), INK), 90)
        numbers = Words(shown, "Bold", min(size, fitting.size), INK)
        width = max(page.width_of(label), page.width_of(numbers)) + 14
        page.box((196 - width, 260, 196, bottom - 3), ACCENT, radius=5)
        page.write(196 - width / 2, middle, label, numbers)
        right -= width
    large = page.fitted(
        sticker.first.text("sticker.note"), Style("Medium", (4.7, 4.3, 3.9), WHITE), right - 18, most_lines=3
    )
    small = page.fitted(
        sticker.second.text("sticker.note"), Style("Regular", (3.6, 3.3, 3), FAINT), right - 18, most_lines=2
    )
    page.write(18, middle, large, small, anchor="l")
