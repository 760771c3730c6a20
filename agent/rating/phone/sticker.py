"""The sticker's mark: what a printed QR carries in a token's place, always the same. Pure.

A sticker can be photographed, copied and sent around, so a mark is no proof of anything: it only says which
counter is meant. What comes through it is a channel of its own (`qr_static`) and never part of the index.
"""

import base64
import re

from agent.rating.phone.secret import device_of

_MARK = re.compile("S-([A-Z2-7]{5})")


def mark_of(agent: str) -> str:
    """The mark of the counter called *agent*: `S-` and five of A-Z and 2-7."""
    return "S-" + base64.b32encode(device_of(agent)).decode()[:5]


def read_mark(text: str) -> bytes | None:
    """The device that a mark names, whatever its case; None: *text* is no mark."""
    match = _MARK.fullmatch(text.upper().replace("0", "O").replace("1", "I")) if text.isascii() else None
    if match is None:
        return None
    device = base64.b32decode(match[1] + "===")
    return device if base64.b32encode(device).decode()[:5] == match[1] else None


def sticker_address(url: str, agent: str) -> str:
    """What the sticker of the counter called *agent* leads to. A *url* that ends in no slash is somebody's own page."""
    return url + mark_of(agent) if url.endswith("/") else url
