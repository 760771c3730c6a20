"""A free comment before it is kept: what could lead to a person is taken out of it. Pure.

Numbers lead to people (telephones, papers, plates, houses), so no digit of any script survives, nor a
number spelled out digit by digit in Vietnamese or English; nor an e-mail address, a web address, an
`@name`, or the street behind a house number. Each leaves a gap, `…`, so that the sentence around it can
still be read. What is left has composed letters (NFC), single spaces, no control characters and at most
`LONGEST_COMMENT` characters; scrubbing it once more changes nothing. A name alone cannot be told from other
words: the page asks not to write any.
"""

import re
import unicodedata

from agent.rating.record import LONGEST_COMMENT

GAP = "…"

_DIGIT = (
    "không|hông|khong|một|mốt|mot|hai|ba|bốn|bon|tư|tu|năm|lăm|nhăm|nam|lam|sáu|sau|bảy|bẩy|bay|tám|tam|chín|chin"
    "|mười|mươi|muoi|linh|lẻ|zero|oh|one|two|three|four|five|six|seven|eight|nine"
)
_STREET = (
    "đường|duong|phố|pho|ngõ|ngo|ngách|ngach|hẻm|hem|kiệt|tổ|khối|thôn|xóm|ấp|bản|đại lộ|quốc lộ|tỉnh lộ"
    "|street|st|road|rd"
)
_DOMAIN = "com|net|org|info|biz|edu|gov|vn|io|app|xyz|top|club|online|site|shop|store"

_EMAIL = re.compile(r"\S+ (?:@|a còng|\(at\)|\[at\]) \S*|\S*(?:@|\(at\)|\[at\])\S*", re.IGNORECASE)
_WEB = re.compile(
    rf"[a-z]\w*://\S*|\bwww\.\S*|\b[\w-]+(?:\.[\w-]+)*\.(?:(?:{_DOMAIN})\b|[a-z]+/)(?:[/:?#]?\S*)",
    re.IGNORECASE | re.ASCII,
)
_HOUSE = re.compile(
    r"(?:\b(?:số nhà|so nha|số|so|nhà|nha|sn|no)\b\.? ?)?[0-9]\w*(?: ?[-/] ?\w+)* ?,? ?" + rf"\b(?:{_STREET})\b\.?",
    re.IGNORECASE,
)
_A_DIGIT = rf"(?:\b(?:{_DIGIT})\b|[0-9]+)"
_SPELLED = re.compile(rf"[+(]*{_A_DIGIT}(?:[ ,.()\-]*{_A_DIGIT}){{3,}}", re.IGNORECASE)
"""Four digits in a row are a number that somebody spells out; three are still "hai ba năm": two or three years."""
_NUMBER = re.compile(r"[+(]*\w*[0-9]\w*")
_GAPS = re.compile(rf"{GAP}(?:[ .,:;/()\[\]+*#_\-]*{GAP})+")

_NAME_WORDS = 2
"""So many words behind a house number's street are its name, however they are written; "Lê Lợi", "lê lợi"."""
_LONG_NAME_WORDS = 5
"""So many, while they have capitals: "Nguyễn Thị Minh Khai"."""


def scrub(comment: str) -> str:
    """*comment* without what leads to a person; empty when nothing else was in it."""
    text = "".join(c if not unicodedata.category(c).startswith("C") else " " if c.isspace() else "" for c in comment)
    text = _plain_digits(unicodedata.normalize("NFC", " ".join(text.split())))[:LONGEST_COMMENT]
    text = _EMAIL.sub(GAP, text)
    text = _WEB.sub(GAP, text)
    text = _without_houses(text)
    text = _SPELLED.sub(GAP, text)
    text = _NUMBER.sub(GAP, text)
    text = _GAPS.sub(GAP, text).strip()
    return text if text.strip(f"{GAP} .,;:") else ""


def _plain_digits(text: str) -> str:
    """Every figure of every script, circled or raised or fullwidth, as `0`, without the marks set upon it."""
    plain: list[str] = []
    for character in text:
        if character.isnumeric():
            plain.append("0")
        elif not (plain and plain[-1] == "0" and unicodedata.category(character).startswith("M")):
            plain.append(character)
    return "".join(plain)


def _without_houses(text: str) -> str:
    """*text* without house numbers and the names of the streets behind them."""
    kept, at = [], 0
    for house in _HOUSE.finditer(text):
        if house.start() < at:
            continue
        kept += [text[at : house.start()], GAP]
        at = house.end() + len(_street_name(text[house.end() :]))
    return "".join([*kept, text[at:]])


def _street_name(rest: str) -> str:
    """How far the name of a street goes into what follows the word "street"."""
    name = ""
    for number, word in enumerate(re.findall(r" [^\W\d_]+", rest)[:_LONG_NAME_WORDS]):
        if not rest.startswith(name + word) or (number >= _NAME_WORDS and not word[1].isupper()):
            break
        name += word
    return name
