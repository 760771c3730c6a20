"""A display that a browser shows: the page `/qr` of this box, on a second screen.

The page follows the agent by itself, so there is nothing to drive here; whether the page is there is what the agent
hears from it.
"""

from typing import ClassVar

from drivers.base import Card, Display, Identity, Options


class KioskDisplay(Display):
    """`driver: kiosk`."""

    Options = Options
    is_page: ClassVar[bool] = True

    def __init__(self, options: object) -> None:
        """*options*: there are none."""

    def open(self) -> None:
        """Nothing: a browser opens the page."""

    def close(self) -> None:
        """Nothing."""

    def show(self, card: Card) -> None:
        """Nothing: the page shows what the agent's pages show."""

    def probe(self) -> Identity:
        return Identity(where="/qr")
