"""What the screen says in the place of the playlist, in words: that the counter is closed, and an emergency. Pure."""

from datetime import datetime

from agent.clock import Moment
from agent.language import Language
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.emergency import Alarm
from agent.screen.scene import Closed, Emergency
from agent.settings.hours import DAYS

UNBROKEN = 16
"""So many characters of the closed slide's title have room on a line of a panel that stands upright."""


def closed_slide(calendar: Calendar, now: datetime, words: Language) -> Closed:
    """What citizens read before a counter that is closed at *now*."""
    local = now.astimezone(calendar.zone)
    office = calendar.office(local)
    was_open = any(span.start <= now for span in calendar.opening(local.date()))
    opens = office.until
    if office.day_off:
        title = words.text("screen.closed.holiday", name=_together(office.day_off))
    elif opens is not None and opens.date() == local.date() and was_open:
        title = words.text("screen.closed.break")
    else:
        title = words.text("screen.closed.title")
    return Closed(title, (_opens(opens, local, words),) if opens is not None else ())


def _together(name: str) -> str:
    """A short name that no line breaks within."""
    return name.replace(" ", "\N{NO-BREAK SPACE}") if len(name) <= UNBROKEN else name


def _opens(opens: datetime, now: datetime, words: Language) -> str:
    away = (opens.date() - now.date()).days
    which = {0: "today", 1: "tomorrow"}.get(away, "later")
    day = words.text(f"hours.{DAYS[opens.weekday()]}")
    return words.text(f"screen.closed.{which}", time=f"{opens:%H:%M}", day=day, date=f"{opens:%d/%m/%Y}")


def takeover(alarm: Alarm, left_s: float, now: Moment, monotonic: float, words: Language) -> Emergency:
    """The emergency as it is drawn, with *left_s* seconds left of it at *monotonic*."""
    until = ""
    if alarm.ends is not None and now.quality.is_trusted:
        ends = alarm.ends.astimezone(now.at.tzinfo)
        until = words.text("screen.moment", time=f"{ends:%H:%M}", date=f"{ends:%d/%m/%Y}")
    return Emergency(alarm.notice.title, alarm.notice.lines, until, monotonic + left_s)
