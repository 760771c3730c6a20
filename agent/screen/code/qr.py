"""The rating QR as a drawing: one SVG path in module units on its own white card.

A page scales it to a whole number of pixels per module; the white background and the quiet zone are
part of the drawing, so that no theme can take the contrast away. Error correction M: at equal camera
pixels per module it decodes as well as Q and keeps the code small. Text of capitals and digits only
(`HTTPS://…/R/7K3M9QX2`) packs into 5.5 bits a character, which saves a version: the encoder sees it
by itself, `is_compact` tells those who make the address.
"""

import re
from functools import lru_cache
from itertools import groupby

QUIET_ZONE = 4
"""Modules of white around the code (ISO/IEC 18004)."""
_COMPACT = re.compile(r"[0-9A-Z $%*+\-./:]+")
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_SIGNED = re.compile(r"/[A-Z2-7]{29}$")
"""The end of an address that carries a token."""


def is_compact(text: str) -> bool:
    """Whether *text* has only the 45 characters of the QR alphanumeric mode."""
    return _COMPACT.fullmatch(text) is not None


def printed(text: str) -> str:
    """The address as it stands under the code: without what a browser adds by itself.

    Nobody types a token before it is over, so of its address only the host is left: to compare with what the phone
    shows, which a code that somebody stuck over ours cannot imitate.
    """
    bare = _SCHEME.sub("", text)
    return bare.partition("/")[0] if _SIGNED.search(bare) else bare


def matrix(text: str) -> list[list[bool]]:
    """The modules of the code for *text*, quiet zone included, by rows; True is dark.

    Raises:
        ValueError: *text* is empty or longer than any QR holds.
    """
    # Imported here: it pulls in Pillow, and the keypad comes first at start-up.
    from qrcode.constants import ERROR_CORRECT_M  # noqa: PLC0415
    from qrcode.exceptions import DataOverflowError  # noqa: PLC0415
    from qrcode.main import QRCode  # noqa: PLC0415

    if not text:
        raise ValueError("a QR needs a text")
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    try:
        code.make()
    except DataOverflowError as error:
        raise ValueError(f"{len(text)} characters do not fit into a QR code") from error
    return code.get_matrix()


@lru_cache(maxsize=8)
def rating_qr(text: str) -> str:
    """*text* as an SVG whose view box counts modules, quiet zone included.

    Raises:
        ValueError: *text* is empty or longer than any QR holds.
    """
    rows = matrix(text)
    size = len(rows)
    path = "".join(_runs(y, row) for y, row in enumerate(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path fill="#000" d="{path}"/></svg>'
    )


def _runs(y: int, row: list[bool]) -> str:
    """The dark stretches of one row, as closed boxes one module high."""
    boxes, x = "", 0
    for is_dark, modules in groupby(row):
        length = len(list(modules))
        if is_dark:
            boxes += f"M{x} {y}h{length}v1h-{length}z"
        x += length
    return boxes
