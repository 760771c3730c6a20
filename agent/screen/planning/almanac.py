"""The almanac: which days Vietnam has off, and which days off are worked in the place of others.

The days stand in `almanac.json`, written by `make almanac` from the library `holidays`: the law, lunar Tết and the
death day of the Hùng kings by the Vietnamese lunar calendar, the day off after a holiday at a weekend, and the swaps
that the government decrees for a year (a Saturday worked for a Monday between two days off). A later year than the
last one that the library knows a decree for is reckoned by the law alone, and `is_decreed` says so: swaps of that year
are decreed at its end, and belong into the settings or the next version. The library itself would cost a box 17 MB of
memory and a quarter of a second at every start, for days that are known beforehand. Any thread.
"""

import json
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

FIRST_YEAR, LAST_YEAR = 2025, 2060
"""What the file tells; beyond it no day is off."""
FILE = "almanac.json"


@dataclass(frozen=True, slots=True)
class Almanac:
    """One year."""

    off: dict[date, str] = field(default_factory=dict)
    """The days off, each with its name."""
    worked: frozenset[date] = frozenset()
    """Days of a weekend that are worked in the place of others."""
    is_decreed: bool = False
    """Whether what was decreed for this year, or a later one, is known."""


@lru_cache(maxsize=16)
def vietnam(year: int, language: str = "vi") -> Almanac:
    """The year's public holidays, their names in *language* (any but `vi` is English)."""
    known = _file()
    told = known["years"].get(str(year))
    if told is None:
        return Almanac()
    at = 0 if language == "vi" else 1
    return Almanac(
        off={date.fromisoformat(f"{year}-{day}"): names[at] for day, names in told["off"].items()},
        worked=frozenset(date.fromisoformat(f"{year}-{day}") for day in told["worked"]),
        is_decreed=year <= known["decreed"],
    )


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(Path(__file__).with_name(FILE).read_text(encoding="utf-8"))
    return known
