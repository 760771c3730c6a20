"""The card: what a small QR display shows, drawn for whatever size it has.

The code comes first: as large as whole pixels allow, black on its own white card, and the words take what is left,
beside it on a wide display, under it on a tall one, or nothing where there is no room to read them. The thank-you is
one picture, the same for every rating.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

from agent.language import Language
from agent.screen.code.qr import matrix, printed
from agent.screen.code.sheet import Sheet, Style, Words
from drivers.base import Card

NAVY, GREEN, WHITE, PALE, ACCENT = "#0a2a5e", "#0b6b3a", "#ffffff", "#c7d6f2", "#ffcf33"
UNITS = 100
"""The shorter side, in the units of everything below."""
EDGE = 3
LEAST_PX = 11
"""Letters lower than this are no words any more."""
FINE_PX = 4
"""Modules smaller than this take the edge as well."""
LEAST_ROOM = 18
"""A strip beside the code that is narrower than this stays empty."""

Kind = Literal["code", "thanks", "idle"]


@dataclass(frozen=True, slots=True)
class Face:
    """What a display has to say now, whichever it is."""

    kind: Kind
    address: str | None
    """The rating QR's text; None: there is none to scan."""
    words: tuple[str, ...]
    """The headline, and what stands smaller under it."""
    notice: str = ""
    """What has to be known before one rates: that it is not counted now."""

    @property
    def card(self) -> Card:
        """This face as a driver takes it."""
        lines = (self.notice, *self.words) if self.notice else self.words
        return Card(self.address if self.kind == "code" else None, lines, partial(drawn, self))


def rating_face(address: str, texts: Language, notice: str = "") -> Face:
    words = (texts.text("screen.question"), texts.text("screen.instruction"), printed(address))
    return Face("code", address, words, notice)


def thanks_face(texts: Language) -> Face:
    return Face("thanks", None, (texts.text("screen.thanks"), texts.text("screen.noted")))


def idle_face(unit: str, hotlines: tuple[str, ...]) -> Face:
    """There is no code to scan: who sits here, and whom to call."""
    return Face("idle", None, (unit, *hotlines[:2]))


@lru_cache(maxsize=4)
def drawn(face: Face, width_px: int, height_px: int) -> bytes:
    """*face* as rows of red, green and blue bytes."""
    colour = GREEN if face.kind == "thanks" else NAVY
    short = min(width_px, height_px)
    sheet = Sheet((width_px, height_px), colour, units=UNITS * width_px / short)
    width, height = UNITS * width_px / short, UNITS * height_px / short
    if face.kind == "code" and face.address is not None:
        _code(sheet, face, matrix(face.address))
    elif face.kind == "thanks":
        _tick(sheet, width / 2, height * 0.3, min(width, height) * 0.16)
        _set(sheet, face, (0, height * 0.5, width, height))
    else:
        _set(sheet, face, (0, 0, width, height))
    data: bytes = sheet.image.tobytes()
    return data


def _code(sheet: Sheet, face: Face, rows: list[list[bool]]) -> None:
    width_px, height_px = sheet.image.size
    edge_px = round(EDGE * sheet.unit)
    short_px = min(width_px, height_px)
    module_px = (short_px - 2 * edge_px) // len(rows)
    if module_px < FINE_PX:  # every pixel counts; the white around the code is part of it
        module_px = max(1, short_px // len(rows))
    side_px = min(module_px * len(rows), width_px, height_px)
    is_wide = width_px >= height_px
    room_px = (width_px if is_wide else height_px) - side_px - 2 * edge_px
    has_room = room_px >= LEAST_ROOM * sheet.unit
    left, top = edge_px, (height_px - side_px) // 2
    if not is_wide:
        left, top = (width_px - side_px) // 2, edge_px
    if not has_room:
        left, top = (width_px - side_px) // 2, (height_px - side_px) // 2
    card = tuple(at / sheet.unit for at in (left, top, left + side_px - 1, top + side_px - 1))
    sheet.box((card[0], card[1], card[2], card[3]), WHITE)
    sheet.code(rows, (left, top), module_px)
    if has_room and is_wide:
        _set(sheet, face, ((left + side_px) / sheet.unit, 0, width_px / sheet.unit, height_px / sheet.unit))
    elif has_room:
        _set(sheet, face, (0, (top + side_px) / sheet.unit, width_px / sheet.unit, height_px / sheet.unit))


def _set(sheet: Sheet, face: Face, room: tuple[float, float, float, float]) -> None:
    """The words in the middle of *room*, as large as it allows; the less important go first where it is small."""
    left, top, right, bottom = room
    width, height = right - left - 2 * EDGE, bottom - top - 2 * EDGE
    said = [(face.notice, ACCENT, "Bold")] if face.notice else []
    said += [(line, WHITE if at == 0 else PALE, "Bold" if at == 0 else "Medium") for at, line in enumerate(face.words)]
    for count in range(len(said), 0, -1):
        for large in (16, 14, 12, 10.5, 9, 8, 7, 6, 5):
            sizes = [large if at == 0 else large * 0.6 for at in range(count)]
            if min(sizes) * sheet.unit < LEAST_PX:
                break
            blocks = [
                sheet.fitted(line, Style(weight, (size,), colour), width)
                for (line, colour, weight), size in zip(said[:count], sizes, strict=True)
            ]
            is_whole = all(_joined(block) == _plain(line) for block, (line, _, _) in zip(blocks, said, strict=False))
            if is_whole and sum(block.height + 1.2 for block in blocks) <= height:
                sheet.write((left + right) / 2, (top + bottom) / 2, *blocks)
                return


def _joined(block: Words) -> str:
    """The words of *block* as they were before they were set in lines; another text where one had to be broken."""
    return " ".join(block.lines)


def _plain(line: str) -> str:
    return " ".join(unicodedata.normalize("NFC", line).split())


def _tick(sheet: Sheet, x: float, y: float, size: float) -> None:
    points = [(x - size, y), (x - size * 0.3, y + size * 0.7), (x + size, y - size * 0.7)]
    pixels = [(round(across * sheet.unit), round(down * sheet.unit)) for across, down in points]
    sheet.pen.line(pixels, fill=WHITE, width=max(2, round(size * 0.3 * sheet.unit)), joint="curve")
