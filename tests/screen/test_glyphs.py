"""What the screen's font can draw, read from the font itself and held against what Pillow draws with it."""

import unicodedata
from importlib.resources import files

import pytest
from PIL import ImageFont

from agent.language import language, languages
from agent.screen.glyphs import WEIGHTS, characters, missing, named

VOWELS = "aăâeêioôơuưy"
TONES = ["", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"]
LETTERS = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES] + ["đ"]


@pytest.mark.parametrize("weight", WEIGHTS)
def test_every_vietnamese_letter_and_the_dong_can_be_drawn_in_every_weight(weight: int) -> None:
    assert len(LETTERS) * 2 == 146
    wanted = "".join(LETTERS) + "".join(LETTERS).upper() + "₫ –…“”0123456789%()/:.,!?-+"
    assert {ord(each) for each in wanted} <= characters(weight)
    assert characters(weight) == characters(400)


def test_decomposed_text_is_judged_composed() -> None:
    assert missing(unicodedata.normalize("NFD", "Xã Mường Quàng Ẳng Đỏ")) == []


def test_what_the_font_lacks_is_named_once() -> None:
    assert missing("☎ 0238 → ☎ 😀") == ["☎", "→", "😀"]
    assert [named(each) for each in "☎\n"] == ["☎ (U+260E)", "U+000A"]


def test_it_says_what_the_font_really_draws() -> None:
    """A character the font lacks is drawn by Pillow as the box that stands for a lacking one."""
    file = files("fontpkg_be_vietnam_pro") / "files" / "BeVietnamPro-Regular.ttf"
    font = ImageFont.truetype(str(file), 40, layout_engine=ImageFont.Layout.BASIC)  # the other one composes letters
    box = bytes(font.getmask("\uffff"))
    for code in range(0x21, 0x2700):
        is_drawn = chr(code).isprintable() and bytes(font.getmask(chr(code))) != box
        if is_drawn and not unicodedata.combining(chr(code)):
            assert code in characters(400), f"U+{code:04X}"
    for code in (0x260E, 0x2192, 0x2713, 0x2605):
        assert bytes(font.getmask(chr(code))) == box
        assert code not in characters(400)


def test_every_word_of_the_pages_can_be_drawn() -> None:
    for code in languages():
        words = language(code)
        for key in words.keys():  # noqa: SIM118 - no dict
            if key.startswith("screen.") and not key.startswith("screen.remedy."):  # those are for technicians
                assert missing(words.template(key)) == [], key
