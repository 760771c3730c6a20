"""`counter.holidays` as the file says it: the public holidays of Vietnam, days of one's own, both, or none.

holidays: vn
holidays: none
holidays:
  - vn
  - 2027-03-09
  - {date: 2027-02-04, name: Chiều giáp Tết, hours: ["07:00-11:30"]}

A day of one's own goes before a public one: with `hours` the counter is open in them, whatever else is said of
that day; without, it is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from agent.settings.as_in_file import AsInTheFile
from agent.settings.dates import Day
from agent.settings.hours import Spans
from agent.settings.refusal import refuse
from agent.settings.words import Text

VIETNAM, NONE = "vn", "none"
MOST_DAYS = 400


class OwnDay(BaseModel):
    """A day that is unlike its weekday at this counter."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    date: Day = Field(description="The day, as 2027-01-20.")
    name: Text = Field(default="", description="Why, as citizens read it.")
    hours: Spans = Field(default=(), description="Opening hours of that day; closed all day unless they are there.")


@dataclass(frozen=True, slots=True)
class Holidays:
    """Which days are unlike their weekday."""

    is_vietnamese: bool = True
    """Whether the public holidays of Vietnam are kept, with the days that are worked in their place."""
    own: tuple[OwnDay, ...] = ()

    def of(self, day: date) -> OwnDay | None:
        """What the counter itself says of *day*."""
        return next((own for own in self.own if own.date == day), None)


def _named(name: str) -> str:
    if name in (VIETNAM, NONE):
        return name
    close = get_close_matches(name[:64].lower(), [VIETNAM, NONE], n=1, cutoff=0.5)
    if name.lower() in ("vietnam", "viet nam", "việt nam", "vn-40"):
        close = [VIETNAM]
    better = f"[{name}]" if name[:1].isdigit() else close[0] if close else VIETNAM
    raise refuse("holidays", seen=name, suggestion=better)


def _form(value: object) -> str:
    if isinstance(value, Mapping | OwnDay):
        return "[day]"
    return "[vn]" if value == VIETNAM else "[date]"


_Item = Annotated[
    Annotated[str, Field(json_schema_extra={"const": VIETNAM}), Tag("[vn]")]
    | Annotated[Day, Tag("[date]")]
    | Annotated[OwnDay, Tag("[day]")],
    Discriminator(_form),
]


def _listed(items: tuple[str | date | OwnDay, ...]) -> Holidays:
    own: dict[date, OwnDay] = {}
    for index, item in enumerate(items):
        if isinstance(item, str):
            continue
        day = OwnDay(date=item) if isinstance(item, date) else item
        if day.date in own:
            raise refuse("holidays_twice", at=[index], seen=day.date.isoformat())
        own[day.date] = day
    return Holidays(is_vietnamese=VIETNAM in items, own=tuple(own[key] for key in sorted(own)))


def _by_name(name: str) -> Holidays:
    return Holidays(is_vietnamese=_named(name) == VIETNAM)


def spell(holidays: Holidays) -> Any:
    """*holidays* as the file would say it."""
    days = [own.model_dump(mode="json", exclude_defaults=True) for own in holidays.own]
    listed = [day["date"] if len(day) == 1 else day for day in days]
    if listed:
        return [*([VIETNAM] if holidays.is_vietnamese else []), *listed]
    return VIETNAM if holidays.is_vietnamese else NONE


def _whole_form(value: object) -> str:
    if isinstance(value, Holidays):
        return "[holidays]"
    return "[days]" if isinstance(value, list | tuple) else "[name]"


_Forms = Annotated[
    Annotated[str, AfterValidator(_by_name), Field(json_schema_extra={"enum": [VIETNAM, NONE]}), Tag("[name]")]
    | Annotated[tuple[_Item, ...], Field(max_length=MOST_DAYS), AfterValidator(_listed), Tag("[days]")],
    Discriminator(_whole_form),
]


HolidaysField = Annotated[Holidays, AsInTheFile(Holidays, _Forms, spell=spell, made_of=OwnDay)]
