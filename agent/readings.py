"""When things really happened: what a counter's clock said, corrected by what it learned later. Pure.

An event of an unsure clock says in `booted` when its boot began by that clock, so `time - booted` after the
boot's beginning it happened. A `clock` event says where a trusted clock puts that beginning: a reading.
`agent.timekeeper` tells the counter's side; the counter's own figures and the province both correct by this rule.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.clock import ClockQuality

YEARS = range(1969, 2500)
"""Times outside are no clock's, and leave no room to calculate with."""
JUST = timedelta(milliseconds=1)
"""What a clock said before a step holds just before it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A trusted clock's word on when a boot began."""

    at: datetime
    since: datetime
    """When the boot began by the clock that said `at`."""
    clock: ClockQuality
    booted: datetime
    """When the boot truly began."""

    @property
    def age(self) -> timedelta:
        """How long after the boot's beginning this was told."""
        return self.at - self.since


def right_time(time: datetime, booted: datetime, clock: str, readings: Iterable[Reading]) -> datetime | None:
    """*time*, said by a *clock* that put the boot's beginning at *booted*, as *readings* of that boot correct it.

    The first reading after the event counts, else the last before it: a crystal drifts. The network's word
    goes before a hardware clock's, and only the network corrects that. None: no reading tells better.
    """
    usable = [each for each in readings if each.clock is ClockQuality.NTP or clock != ClockQuality.RTC]
    if not usable:
        return None
    age = time - booted
    nearest = min(usable, key=lambda each: (each.clock is not ClockQuality.NTP, each.age < age, abs(each.age - age)))
    return (nearest.booted + age).astimezone(nearest.at.tzinfo)


def readings_in(event: Mapping[str, Any]) -> Iterator[Reading]:
    """What a `clock` event tells of its boot; nothing if it makes no sense."""
    at, since, data = moment(event.get("time")), moment(event.get("booted")), event.get("data")
    if at is None or since is None or not isinstance(data, dict):
        return
    for side, said_at in (("from", at - JUST), ("to", at)):
        said = data.get(side)
        if isinstance(said, dict) and said.get("clock") in (ClockQuality.NTP, ClockQuality.RTC):
            booted = moment(said.get("booted"))
            if booted is not None:
                yield Reading(said_at, since, ClockQuality(said["clock"]), booted)


def moment(text: object) -> datetime | None:
    """An aware moment as an event writes it; None when it is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None and found.year in YEARS else None
