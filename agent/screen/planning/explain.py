"""What the screen would show at a minute, explained to a technician: `counter-agent plan --at`.

It reads the settings and the names in the folder, and touches nothing. Whether a file can be shown at all is the
agent's to find out: that is on the status page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.language import Language, language
from agent.screen.content.sets import Sets
from agent.screen.media.folder import names_in
from agent.screen.media.medium import Medium, Offer
from agent.screen.media.store import MediaStore
from agent.screen.planning.calendar import Office
from agent.screen.planning.emergency import Alarm, read_alarm
from agent.screen.planning.plan import Plan, plan
from agent.screen.planning.playlist import Playlist, Reason, listed, turns
from agent.settings.hours import DAYS
from agent.settings.model import Settings

LONGEST_ROUND = 40
"""Turns; a longer round is not written out."""
MOST_STEPS = 50
"""So many minutes at which something might change are looked at for one at which it does."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The plan of a minute, and what it is made of."""

    settings: Settings
    at: datetime
    plan: Plan
    office: Office
    changes_at: datetime | None
    """When the screen is another one; None: not in sight."""
    is_folder_there: bool
    is_trusted: bool

    @property
    def words(self) -> Language:
        return language(self.settings.counter.language)

    @property
    def is_decreed(self) -> bool:
        return self.settings.counter.calendar.is_decreed(self.at.year)

    def payload(self) -> dict[str, Any]:
        """For programs."""
        office = self.office
        return {
            "at": self.at.isoformat(),
            "clock_trusted": self.is_trusted,
            "office": {"open": office.is_open, "until": _iso(office.until), "day_off": office.day_off},
            "holidays_decreed": self.is_decreed,
            "mode": self.plan.mode,
            "round": [item.name for item in self.plan.items],
            "playing": [
                {"name": entry.name, "weight": entry.weight, "layout": entry.layout, "origin": entry.origin}
                for entry in self.plan.playing
            ],
            "out": [
                {"name": out.name, "reason": out.reason.code, "text": self._why(out.reason)} for out in self.plan.out
            ],
            "changes_at": _iso(self.changes_at),
        }

    def text(self) -> str:
        """For people."""
        return "\n".join([*self._heading(), *self._playing(), *self._out(), *self._notes()])

    def _heading(self) -> list[str]:
        office = self.office
        state = "open" if office.is_open else "closed" if office.day_off is None else "holiday"
        until = self._moment(office.until) if office.until is not None else self._say("far")
        lines = [
            self._say("at", moment=self._moment(self.at), zone=self.settings.counter.timezone),
            self._say(f"office.{state}", until=until, name=office.day_off or self._say("own_day")),
            self._say(f"mode.{self.plan.mode}"),
        ]
        if not self.is_trusted:
            lines[1:2] = [self._say("unsure")]
        if self.changes_at is not None:
            lines.append(self._say("changes", moment=self._moment(self.changes_at)))
        return lines

    def _playing(self) -> list[str]:
        if not self.plan.playing:
            return [self._say("nothing")]
        playing = self.plan.playing
        order = turns([entry.weight for entry in playing])
        lines = [self._say("playing" if self.plan.mode == "play" else "ready")]
        for number, entry in enumerate(playing):
            count = order.count(number)
            times = self._say("times", count=count) if count > 1 else ""
            layout = self._say("full") if entry.layout == "full" else ""
            lines.append(f"  {number + 1}. {entry.name}{times}{layout}")
        if len(playing) < len(order) <= LONGEST_ROUND:
            lines.append(self._say("round", names=" → ".join(playing[turn].name for turn in order)))
        return lines

    def _out(self) -> list[str]:
        lines = [f"  - {out.name}: {self._why(out.reason)}" for out in self.plan.out]
        return [self._say("out"), *lines] if lines else []

    def _notes(self) -> list[str]:
        notes = []
        if not self.is_folder_there:
            notes.append(self._say("no_folder", path=self.settings.screen.media))
        if not self.is_decreed:
            notes.append(self._say("undecreed", year=self.at.year))
        return notes

    def _why(self, reason: Reason) -> str:
        return self.words.text(f"plan.why.{reason.code}", **self._spelled(reason.values))

    def _spelled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        spelled: dict[str, Any] = {}
        for name, value in values.items():
            match name:
                case "date":
                    spelled[name] = f"{value:%d/%m/%Y}"
                case "days":
                    spelled[name] = ", ".join(self.words.text(f"hours.{DAYS[day]}") for day in value)
                case "hours":
                    spelled[name] = ", ".join(span.replace("-", "–") for span in value)
                case _:
                    spelled[name] = value
        return spelled

    def _moment(self, moment: datetime) -> str:
        day = self.words.text(f"hours.{DAYS[moment.weekday()]}")
        return f"{moment:%H:%M}, {day} {moment:%d/%m/%Y}"

    def _say(self, key: str, **values: Any) -> str:
        return self.words.text(f"plan.{key}", **values)


def explain(settings: Settings, at: datetime, *, now: datetime, is_trusted: bool = True) -> Explanation:
    """What the screen would show at *at*, which is in the counter's zone, as far as is known *now*."""
    alarm = read_alarm(settings.outbox.path.with_name("emergency.json"))
    try:
        names, is_folder_there = names_in(settings.screen.media), True
    except OSError:
        names, is_folder_there = [], False
    offer = Offer(tuple(Medium(name, name, "image", 0, 0, 0) for name in names), (), is_settling=False)
    playlists = [listed(settings.screen.playlist, offer), *_from_the_province(settings)]
    calendar = settings.counter.calendar

    def made(moment: datetime) -> Plan:
        return plan(
            playlists,
            moment,
            calendar=calendar,
            outside=settings.screen.outside_hours,
            is_trusted=is_trusted,
            is_emergency=_is_on(alarm, moment, now),
        )

    found = made(at)
    changes_at: datetime | None = None
    until = found.until
    for _ in range(MOST_STEPS):
        if until is None:
            break
        later = made(until)
        if later.mode != found.mode or (found.mode == "play" and later.items != found.items):
            changes_at = until
            break
        until = later.until
    return Explanation(settings, at, found, calendar.office(at), changes_at, is_folder_there, is_trusted)


def _from_the_province(settings: Settings) -> list[Playlist]:
    """What the province's set has to play, if it has a say."""
    if settings.screen.content is None:
        return []
    state = settings.outbox.path.parent
    return [Playlist(Sets(state / "content", MediaStore(state / "screen")).entries())]


def _is_on(alarm: Alarm | None, moment: datetime, now: datetime) -> bool:
    return alarm is not None and alarm.ends is not None and now <= moment < alarm.ends


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
