"""A date in the file: `2027-01-20`, with or without quotes. YAML would make a date of its own of it; here it is text.

In Vietnam people write 20/1/2027: that is understood well enough to say how it is written here.
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from agent.settings.refusal import refuse

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOOSE_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})([ T].*)?")
_SPOKEN = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")


def _date(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        raise refuse("date", seen=str(value))
    if not isinstance(value, str):
        return value
    if _ISO.fullmatch(value):
        if (found := _calendar_day(*value.split("-"))) is not None:
            return found
        raise refuse("date_none", seen=value)
    better = None
    if (loose := _LOOSE_ISO.fullmatch(value.strip())) is not None:
        better = _calendar_day(*loose.groups()[:3])
    elif (spoken := _SPOKEN.fullmatch(value.strip())) is not None:
        day, month, year = spoken.groups()
        better = _calendar_day(year, month, day)
    raise refuse("date_close", seen=value, suggestion=better.isoformat()) if better else refuse("date", seen=value)


def _calendar_day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


Day = Annotated[date, BeforeValidator(_date), Field(json_schema_extra={"pattern": f"^{_ISO.pattern}$"})]
"""A day of the calendar."""
