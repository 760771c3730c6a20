"""What a service has to tell whoever stands before the screen, ready in words. The screen only draws it."""

from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "good", "bad", "now"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing and how it is."""

    label: str
    value: str = ""
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A page over the screen, or a strip at its foot."""

    title: str
    ask: str = ""
    """What the reader is asked to do."""
    focus: str = ""
    """The one thing it is about, drawn large."""
    lines: tuple[Line, ...] = ()
    drawing: str = ""
    """A QR code as an SVG."""
    has_rating_code: bool = False
    """The QR code that citizens scan stands in it, as it turns."""
    note: str = ""
    ends_at_monotonic: float = float("inf")
    """It goes by itself then, even if nobody takes it down."""
    is_strip: bool = False
