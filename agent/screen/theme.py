"""The theme: the colours of the unit, its logo, and whether people can read what is written in them. Pure.

Ratios are WCAG 2's: at least 7 for small text, 4.5 for large. A theme that misses one is refused when the
settings are read, in words, and never drawn. High contrast is black, white and yellow, without gradients, and
puts the unit's own colours aside. An emergency and the QR's card have the same colours in every theme.
"""

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SMALL, LARGE = 7.0, 4.5
"""The least ratio for text below and from 32 px, or 24 px bold."""
LIFT = 0.07
"""How much lighter a gradient is where it begins."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as `#rrggbb`."""

    ground: str = "#0a2a5e"
    """Behind everything that plays."""
    band: str = "#071f47"
    """Header and footer."""
    text: str = "#ffffff"
    soft: str = "#c7d6f2"
    """Text that steps back: labels, the date."""
    accent: str = "#ffcf33"
    """The hotline's pill, the line under the header, the greeting."""
    on_accent: str = "#1b1600"
    thanks: str = "#0b6b3a"
    """Behind the thank-you, whose text is white."""
    is_flat: bool = False
    """Without gradients and ornaments."""
    is_safe: bool = False
    """Keeps away from the edges, for a panel that cuts them off."""
    logo: Path | None = None
    """A picture that the page asks for at `/screen/logo`."""

    @property
    def lift(self) -> str:
        """Where a gradient on the ground begins."""
        return self.ground if self.is_flat else lighter(self.ground, LIFT)


COLOURS = ("ground", "band", "text", "soft", "accent", "on_accent", "thanks")
"""The names of a theme's colours."""
HIGH_CONTRAST = Theme(
    ground="#000000",
    band="#000000",
    text="#ffffff",
    soft="#ffffff",
    accent="#ffe600",
    on_accent="#000000",
    thanks="#000000",
    is_flat=True,
)


@dataclass(frozen=True, slots=True)
class Faint:
    """Two colours that stand too close to each other."""

    text: str
    ground: str
    """Their names in the theme."""
    ratio: float
    needed: float


def faint(theme: Theme) -> list[Faint]:
    """Every pair that people could not read."""
    return [Faint(*names, ratio, needed) for names, ratio, needed in _pairs(theme) if ratio < needed]


def _pairs(theme: Theme) -> Iterator[tuple[tuple[str, str], float, float]]:
    for ground in ("ground", "band"):
        hardest = [theme.ground, theme.lift] if ground == "ground" else [theme.band]
        for text, needed in (("text", SMALL), ("soft", SMALL), ("accent", LARGE)):
            if (text, ground) != ("accent", "band"):
                yield (text, ground), min(contrast(getattr(theme, text), each) for each in hardest), needed
    yield ("on_accent", "accent"), contrast(theme.on_accent, theme.accent), SMALL
    yield ("#ffffff", "thanks"), contrast("#ffffff", theme.thanks), LARGE


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lighter(colour: str, by: float) -> str:
    """*colour* with so much more lightness, in its own hue."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    rgb = colorsys.hls_to_rgb(hue, min(1.0, lightness + by), saturation)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue
