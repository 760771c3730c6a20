"""A sheet: words and QR codes set on a picture, for what is printed and for displays without a browser.

Drawn by Pillow in Be Vietnam Pro. Words are set in the largest of some sizes that fits, and broken into lines as even
as they can be.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont


@lru_cache(maxsize=64)
def _font(weight: str, size_px: int) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont  # noqa: PLC0415

    file = files("fontpkg_be_vietnam_pro") / "files" / f"BeVietnamPro-{weight}.ttf"
    return ImageFont.truetype(str(file), size_px)


class Sheet:
    """A sheet that is drawn on in units of its own: so many of them are its width."""

    def __init__(self, size_px: tuple[int, int], colour: str, *, units: float) -> None:
        from PIL import Image, ImageDraw  # noqa: PLC0415 - slow; only who draws needs it

        self.unit = size_px[0] / units
        """Pixels of one unit."""
        self.image = Image.new("RGB", size_px, colour)
        self.pen: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)
        self.height = size_px[1] / self.unit

    def box(self, corners: tuple[float, float, float, float], colour: str, *, radius: float = 0) -> None:
        left, top, right, bottom = (round(each * self.unit) for each in corners)
        self.pen.rounded_rectangle((left, top, right, bottom), round(radius * self.unit), fill=colour)

    def font(self, weight: str, size: float) -> "ImageFont.FreeTypeFont":
        return _font(weight, round(size * self.unit))

    def width_of(self, words: "Words") -> float:
        font = self.font(words.weight, words.size)
        return max(font.getlength(line) for line in words.lines) / self.unit

    def write(self, x: float, y: float, *blocks: "Words", anchor: str = "m") -> None:
        """*blocks* under each other around the height *y*; *x* is their middle, or their left end (anchor `l`)."""
        top = y - (sum(block.height for block in blocks) + _GAP * (len(blocks) - 1)) / 2
        for block in blocks:
            font = self.font(block.weight, block.size)
            for line in block.lines:
                middle = round(x * self.unit), round((top + block.size * _LEADING / 2) * self.unit)
                self.pen.text(middle, line, font=font, fill=block.colour, anchor=f"{anchor}m")
                top += block.size * _LEADING
            top += _GAP

    def code(self, rows: Sequence[Sequence[bool]], corner_px: tuple[int, int], module_px: int) -> None:
        """A QR code's dark modules, whole pixels each, from its upper left corner on."""
        for y, row in enumerate(rows):
            for x, is_dark in enumerate(row):
                if is_dark:
                    left, top = corner_px[0] + x * module_px, corner_px[1] + y * module_px
                    self.pen.rectangle((left, top, left + module_px - 1, top + module_px - 1), fill="black")

    def fitted(self, text: str, style: "Style", width: float, *, most_lines: int = 1) -> "Words":
        """*text* in the largest of the style's sizes in which it fits into *width* and so many lines."""
        words = Words((text,), style.weight, style.sizes[-1], style.colour)
        for size in style.sizes:
            font = self.font(style.weight, size)
            lines = wrapped(text, lambda line, font=font: font.getlength(line) <= width * self.unit)  # type: ignore[misc]
            words = Words(tuple(lines), style.weight, size, style.colour)
            if len(lines) <= most_lines:
                break
        return words


@dataclass(frozen=True, slots=True)
class Style:
    """How words are set: the largest of the sizes that fits."""

    weight: str
    sizes: tuple[float, ...]
    colour: str


@dataclass(frozen=True, slots=True)
class Words:
    """Words that are set."""

    lines: tuple[str, ...]
    weight: str
    size: float
    colour: str

    @property
    def height(self) -> float:
        return len(self.lines) * self.size * _LEADING


_LEADING = 1.3
"""Height of a line, for a size of 1."""
_GAP = 1.2
"""Between two blocks."""


def wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    """*text* in lines that fit, as even as they can be; a word that is too long for a line is broken."""
    words = [part for word in unicodedata.normalize("NFC", text).split() for part in _broken(word, fits)]
    lines = _filled(words, fits)
    shortest = len(" ".join(lines)) // max(len(lines), 1)
    for limit in range(shortest, max(map(len, lines), default=0)):  # the narrowest lines that are no more of them
        even = _filled(words, lambda line, limit=limit: fits(line) and len(line) <= limit)  # type: ignore[misc]
        if len(even) == len(lines):
            return even
    return lines


def _filled(words: list[str], fits: Callable[[str], bool]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _broken(word: str, fits: Callable[[str], bool]) -> list[str]:
    parts = [word]
    while len(parts[-1]) > 1 and not fits(parts[-1]):
        part = parts[-1]
        length = max(1, bisect_left(range(1, len(part)), 1, key=lambda n, part=part: not fits(part[:n])))  # type: ignore[misc]
        parts[-1:] = [part[:length], part[length:]]
    return parts
