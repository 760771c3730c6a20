"""Whether a phone can read the rating QR from where its owner stands. Pure: figures, in millimetres.

Two rules, and a code has to keep both:

- It is at least a tenth as wide as the distance, the sign makers' rule (10 cm at one metre), which fits codes of up
  to version 3 and says nothing of finer ones.
- A module is at least 1/335 of the distance. A phone's scanner looks at 1280 pixels that see 65 degrees, so at the
  distance d one pixel sees 2 d tan(32.5 deg) / 1280 = d / 1005. Google's ML Kit, which most Android phones scan with,
  asks for two pixels a module (developers.google.com/ml-kit/vision/barcode-scanning, "Input image guidelines"); a third
  one is for the hand that shakes and the eye that looks from the side.
"""

from dataclasses import dataclass
from typing import Literal

from agent.screen.code.qr import QUIET_ZONE, is_compact

WIDTH_PER_DISTANCE = 1 / 10
MODULE_PER_DISTANCE = 1 / 335
INCH_MM = 25.4

Orientation = Literal["landscape", "portrait"]
ROOM_PX: dict[Orientation, int] = {"landscape": 432, "portrait": 338}
"""The smallest place of the code on the page, `--room` of `.rail` in screen.css, on a panel of 1920 by 1080 pixels."""
PANEL_PX = (1920**2 + 1080**2) ** 0.5
"""The panel's diagonal."""

_CHARACTERS = (20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366)
_BYTES = (14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251)
"""What the versions 1 to 11 hold at error correction M (ISO/IEC 18004, table 7): capitals and digits, anything."""


@dataclass(frozen=True, slots=True)
class Code:
    """A QR as people see it."""

    modules: int
    """On a side, without the quiet zone."""
    module_mm: float

    @property
    def width_mm(self) -> float:
        return self.modules * self.module_mm

    @property
    def reach_m(self) -> float:
        """How far it can be read from."""
        return min(self.width_mm / WIDTH_PER_DISTANCE, self.module_mm / MODULE_PER_DISTANCE) / 1000

    def needed_at(self, distance_m: float) -> "Code":
        """The smallest code of so many modules that can be read from there."""
        width_mm = max(distance_m * 1000 * WIDTH_PER_DISTANCE, distance_m * 1000 * MODULE_PER_DISTANCE * self.modules)
        return Code(self.modules, width_mm / self.modules)


def modules_of(text: str) -> int:
    """How many modules a side of the code for *text* has at most; one of capitals and digits has exactly so many.

    Raises:
        ValueError: *text* is longer than any address may be.
    """
    for version, limit in enumerate(_CHARACTERS if is_compact(text) else _BYTES, start=1):
        if len(text) <= limit:
            return 17 + 4 * version
    raise ValueError(f"{len(text)} characters make no code that a phone reads")


def on_screen(text: str, orientation: Orientation, diagonal_inch: float, *, share: float = 1) -> Code:
    """The code for *text* where the page draws it smallest: whole pixels of a panel with 1920 by 1080 of them.

    *share*: how much of the panel's width and height the page takes.
    """
    modules = modules_of(text)
    pixels = int(ROOM_PX[orientation] * share) // (modules + 2 * QUIET_ZONE)
    return Code(modules, pixels * diagonal_inch * INCH_MM / PANEL_PX)
