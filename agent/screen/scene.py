"""What can stand on the screen, as values: the words between those who decide and the page that draws. Pure.

Every text in them is composed (NFC) when it is made: screens draw NFC well and NFD by luck.
"""

import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "video", "notice"]
Layout = Literal["stage", "full"]

TITLE_CHARACTERS = 60
LINE_CHARACTERS = 80
MOST_LINES = 4
"""The longest notice or closed slide that the page can draw in letters of at least 32 px in both orientations."""
EMERGENCY_CHARACTERS = 120
EMERGENCY_LINES = 2
"""So much, title included, in so many lines, an emergency can say in letters of 96 px; with more they get smaller."""
FOOTER_CHARACTERS = 90
"""The longest line of the footer."""


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Who sits here: what stands on the screen whatever is playing."""

    unit: str
    number: int
    hotlines: tuple[str, ...] = ()
    hours: str = ""
    """Opening hours as people read them; empty: not said."""
    footer: tuple[str, ...] = ()
    """Short lines that take turns in the footer."""
    language: str = "vi"
    zone: str = "Asia/Ho_Chi_Minh"
    camera: Literal["", "pixelated", "masked", "plain"] = ""
    """The most that a camera here lets out of the box, which citizens are told; empty: there is no camera."""

    def __post_init__(self) -> None:
        _compose(self, "unit", "hours", "hotlines", "footer")


@dataclass(frozen=True, slots=True)
class Notice:
    """A message in words, drawn in the branded template."""

    title: str
    lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _compose(self, "title", "lines")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to play. `id` is the content's hash, so a changed file, or another wording, is another item."""

    id: str
    url: str = ""
    """Where the page fetches it; empty for a notice."""
    seconds: float = 12.0
    """How long it stands. A film stands for as long as it is; this counts where its file does not say."""
    layout: Layout = "stage"
    kind: Kind = "image"
    bytes: int = 0
    """Size over the wire: the page bounds its memory with it."""
    notice: Notice | None = None
    name: str = ""
    """As technicians know it; not drawn."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The counter is closed: stands in the place of what plays."""

    title: str
    lines: tuple[str, ...] = ()
    """When it opens again, and the like."""

    def __post_init__(self) -> None:
        _compose(self, "title", "lines")


@dataclass(frozen=True, slots=True)
class Emergency:
    """Over everything, and gone by itself at its end even when nobody takes it down.

    As short as `EMERGENCY_CHARACTERS` and `EMERGENCY_LINES` say, or it is drawn smaller than it should be.
    """

    title: str
    lines: tuple[str, ...]
    until: str
    """Its end as people read it; empty while the clock cannot be believed."""
    ends_at_monotonic: float

    def __post_init__(self) -> None:
        _compose(self, "title", "lines", "until")


@dataclass(frozen=True, slots=True)
class RatingCode:
    """The rating QR."""

    address: str
    """What it says to a phone."""
    lasts_s: float | None = None
    """How long after it was set it still leads somewhere; None: for ever."""


@dataclass(frozen=True, slots=True)
class Banner:
    """What stands across the screen while ratings are not counted: never hidden, and gone by itself at its end."""

    kind: Literal["training", "inspection"]
    until: str
    """The time of day at which it ends, as people read it; empty while the clock cannot be believed."""
    ends_at_monotonic: float


def _compose(value: object, *names: str) -> None:
    """Put the diacritics of these fields together, while *value* is being made."""
    for name in names:
        text = getattr(value, name)
        composed = _nfc(text) if isinstance(text, str) else tuple(map(_nfc, text))
        object.__setattr__(value, name, composed)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
