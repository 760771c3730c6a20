"""Writes the almanac (`make almanac`): Vietnam's days off as the library `holidays` knows them, year by year."""

import json
from datetime import date
from typing import Any

from holidays import country_holidays

from agent.screen.planning.almanac import FIRST_YEAR, LAST_YEAR

LANGUAGES = ("vi", "en_US")


def almanac() -> dict[str, Any]:
    """What belongs into `almanac.json`."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    told: dict[str, Any] = {}
    decreed = 0
    for year in years:
        found, other = (country_holidays("VN", years=year, language=language) for language in LANGUAGES)
        decreed = max(*found.special_public_holidays, decreed)
        told[str(year)] = {
            "off": {short(day): [found[day], other[day]] for day in sorted(found) if day.year == year},
            "worked": [short(day) for day in sorted(found.weekend_workdays) if day.year == year],
        }
    return {"decreed": decreed, "years": told}


def short(day: date) -> str:
    return f"{day:%m-%d}"


def written(told: dict[str, Any]) -> str:
    """*told* as JSON with a line for each day, so that a change shows which."""
    years = []
    for year, days in told["years"].items():
        off = ",\n".join(f'  "{day}": {json.dumps(names, ensure_ascii=False)}' for day, names in days["off"].items())
        years.append(f'"{year}": {{"worked": {json.dumps(days["worked"])}, "off": {{\n{off}}}}}')
    return f'{{"decreed": {told["decreed"]}, "years": {{\n' + ",\n".join(years) + "}}\n"


if __name__ == "__main__":
    print(written(almanac()), end="")
