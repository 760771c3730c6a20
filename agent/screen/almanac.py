"""The almanac: which days Vietnam has off, and which days off are worked in the place of others.

The library `holidays` knows the law and what was decreed: lunar Tết and the death day of the Hùng kings by the
Vietnamese lunar calendar, the day off after a holiday at a weekend, and the swaps that the government decrees for
a year (a Saturday worked for a Monday between two days off). A later year than the last one it knows a decree
for is reckoned by the law alone, and `is_decreed` says so: swaps of that year are decreed at its end, and belong
into the settings or the next version. The library is heavy (0.2 s, 17 MB), so it is imported when it is first
asked, and asked once for each year. Any thread.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1976, 2100
"""Beyond these the library's lunar calendar ends: no day is off."""


@dataclass(frozen=True, slots=True)
class Almanac:
    """One year."""

    off: dict[date, str] = field(default_factory=dict)
    """The days off, each with its name."""
    worked: frozenset[date] = frozenset()
    """Days of a weekend that are worked in the place of others."""
    is_decreed: bool = False
    """Whether the library knows what was decreed for this year, or a later one."""


@lru_cache(maxsize=16)
def vietnam(year: int, language: str = "vi") -> Almanac:
    """The year's public holidays, their names in *language* (any but `vi` is English)."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return Almanac()
    from holidays import country_holidays  # noqa: PLC0415 - slow

    found = country_holidays("VN", years=year, language="vi" if language == "vi" else "en_US")
    decreed = found.special_public_holidays
    return Almanac(
        off={day: name for day, name in found.items() if day.year == year},
        worked=frozenset(day for day in found.weekend_workdays if day.year == year),
        is_decreed=year <= max(decreed),
    )
