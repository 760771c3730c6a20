"""Which letters the screen's font has. A character it lacks would be drawn by some other font, or as an empty box.

Be Vietnam Pro has every Vietnamese letter and the đồng sign, but no arrows, ticks or telephones; its cmap table is
read from the file itself (OpenType 1.9, "cmap", formats 4 and 12), once.
"""

import struct
import unicodedata
from functools import cache
from importlib.resources import files

WEIGHTS = {400: "Regular", 600: "SemiBold", 700: "Bold"}
"""The weights the pages use, and the names of their files."""


def missing(text: str) -> list[str]:
    """The characters of *text*, composed, that the font cannot draw; each once, in their order."""
    return [each for each in dict.fromkeys(unicodedata.normalize("NFC", text)) if ord(each) not in characters(400)]


def named(character: str) -> str:
    """*character* as a person can find it: itself where that helps, and its number."""
    number = f"U+{ord(character):04X}"
    return f"{character} ({number})" if character.isprintable() and not character.isspace() else number


@cache
def characters(weight: int) -> frozenset[int]:
    """The code points that the font has in this weight."""
    font = (files("fontpkg_be_vietnam_pro") / "files" / f"BeVietnamPro-{WEIGHTS[weight]}.ttf").read_bytes()
    (tables,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * index) for index in range(tables))
    cmap = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    found: set[int] = set()
    for index in range(count):
        platform, _, offset = struct.unpack_from(">HHI", font, cmap + 4 + 8 * index)
        (form,) = struct.unpack_from(">H", font, cmap + offset)
        if platform in (0, 3) and form in _FORMS:
            found |= _FORMS[form](font, cmap + offset)
    return frozenset(found)


def _segments(font: bytes, at: int) -> set[int]:
    """Format 4: stretches of the basic plane; one with a table of glyphs may have holes."""
    (double,) = struct.unpack_from(">H", font, at + 6)
    ends, starts = at + 14, at + 16 + double
    found = set()
    for place in range(0, double, 2):
        (end,) = struct.unpack_from(">H", font, ends + place)
        (start,) = struct.unpack_from(">H", font, starts + place)
        (delta,) = struct.unpack_from(">H", font, starts + double + place)
        here = starts + 2 * double + place
        (into,) = struct.unpack_from(">H", font, here)
        for code in range(start, min(end, 0xFFFE) + 1):
            if into:
                (glyph,) = struct.unpack_from(">H", font, here + into + 2 * (code - start))
            else:
                glyph = code
            if glyph and (glyph + delta) & 0xFFFF:
                found.add(code)
    return found


def _groups(font: bytes, at: int) -> set[int]:
    """Format 12: stretches of all of Unicode."""
    (count,) = struct.unpack_from(">I", font, at + 12)
    found: set[int] = set()
    for index in range(count):
        start, end, _ = struct.unpack_from(">III", font, at + 16 + 12 * index)
        found.update(range(start, end + 1))
    return found


_FORMS = {4: _segments, 12: _groups}
