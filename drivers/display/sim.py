"""A display without a display (`driver: sim`): it writes what it would show into a picture file, to be looked at.

It also stands for a real one in the tests: `unplug` and `replug` are its cable.
"""

from pathlib import Path
from typing import Any

from pydantic import Field

from drivers.base import Card, Display, DriverFault, DriverNotReady, Identity, Options


class SimDisplayOptions(Options):
    """`driver: sim`."""

    path: Path
    """The picture's file: a PNG, replaced whole at each change."""
    width_px: int = Field(default=480, ge=32, le=4096)
    height_px: int = Field(default=320, ge=32, le=4096)


class SimDisplay(Display):
    """Shows cards in a file."""

    Options = SimDisplayOptions

    def __init__(self, options: SimDisplayOptions) -> None:
        self._options = options
        self._is_open = False
        self.is_plugged = True
        self.shown: list[Card] = []

    def unplug(self) -> None:
        self.is_plugged = False

    def replug(self) -> None:
        self.is_plugged = True

    def open(self) -> None:
        if not self.is_plugged:
            raise DriverNotReady("DISPLAY_MISSING", f"{self._options.path}: unplugged", path=str(self._options.path))
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def show(self, card: Card) -> None:
        self._check()
        from PIL import Image  # noqa: PLC0415

        size = (self._options.width_px, self._options.height_px)
        image: Any = Image.frombytes("RGB", size, card.picture(*size))
        part = self._options.path.with_name(f".{self._options.path.name}.part")
        try:
            image.save(part, "PNG")
            part.replace(self._options.path)
        except OSError as error:
            raise DriverFault("DISPLAY_FAULT", f"{part}: {error.strerror}") from error
        self.shown.append(card)

    def probe(self) -> Identity:
        self._check()
        return Identity(model="sim", where=str(self._options.path))

    def _check(self) -> None:
        if not self._is_open:
            raise DriverNotReady("DISPLAY_MISSING", f"{self._options.path} is not open", path=str(self._options.path))
        if not self.is_plugged:
            self._is_open = False
            raise DriverNotReady("DISPLAY_UNPLUGGED", f"{self._options.path}: unplugged")
