"""The plan: what plays at a moment, in which turns, and why everything else does not. Pure.

The same entries, calendar, moment and quality of the clock give the same plan. What is true at a moment holds until
`until`: who has the plan of now need not ask again before, unless the clock is set or what might play changes.

- A window of dates, days or hours is only kept by a clock that can be believed; until then only what may always play
  does, and nobody is told that the counter is closed.
- Closed, the items that would play are still named: they lie ready under the closed slide.
- An emergency stands over both. Its end is not the plan's business (`agent.screen.planning.emergency`).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.rating.figures.opening import day_of, whole_day
from agent.screen.media.medium import Medium
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.playlist import SECONDS, Entry, Playlist, Reason, turns
from agent.screen.scene import Item, Notice
from agent.settings.playlist import OutsideHours

READING_S, WORD_S = 3.0, 0.35
"""What a notice takes to be read: to find it, and for each word."""
NEEDS_CLOCK = Reason("clock", {})
UNLISTED = Reason("unlisted", {})


@dataclass(frozen=True, slots=True)
class Out:
    """Something that does not play, and why."""

    name: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """What is on the screen."""

    mode: Literal["play", "closed", "emergency"]
    items: tuple[Item, ...]
    """A round, in order: an entry of weight 2 stands in it twice."""
    playing: tuple[Entry, ...]
    """What the items are made of, in the order in which it is listed."""
    out: tuple[Out, ...]
    until: datetime | None
    """In the counter's zone: before it nothing changes by itself. None: nothing ever does."""


def plan(
    playlists: Iterable[Playlist],
    now: datetime,
    *,
    calendar: Calendar,
    outside: OutsideHours,
    is_trusted: bool,
    is_emergency: bool = False,
) -> Plan:
    """What is on the screen at *now*, which is believed only if it *is_trusted*."""
    playing: list[Entry] = []
    out: list[Out] = []
    changes: list[datetime] = []
    for playlist in playlists:
        for entry in playlist.entries:
            reason = entry.fault or _shut(entry, now, calendar, is_trusted=is_trusted)
            if reason is None:
                playing.append(entry)
            else:
                out.append(Out(entry.name, reason))
            if is_trusted and (change := entry.window.changes_after(now, calendar.zone)) is not None:
                changes.append(change)
        out.extend(Out(name, UNLISTED) for name in playlist.unlisted)
    is_closed = False
    if is_trusted and outside.show == "closed":
        office = calendar.office(now, early=outside.early, late=outside.late)
        is_closed = not office.is_open
        changes.extend([office.until] if office.until is not None else [])
        if is_closed:  # "tomorrow" becomes "today"
            changes.append(whole_day(day_of(now, calendar.zone), calendar.zone).end)
    return Plan(
        mode="emergency" if is_emergency else "closed" if is_closed else "play",
        items=tuple(_round(playing)),
        playing=tuple(playing),
        out=tuple(out),
        until=min(changes).astimezone(calendar.zone) if changes else None,
    )


def _shut(entry: Entry, now: datetime, calendar: Calendar, *, is_trusted: bool) -> Reason | None:
    if is_trusted:
        return entry.window.shut(now, calendar.zone)
    return None if entry.window.is_always else NEEDS_CLOCK


def _round(entries: list[Entry]) -> Iterator[Item]:
    """One item after another, the pages of a document in a row."""
    made = [tuple(_items(entry)) for entry in entries]
    for turn in turns([entry.weight for entry in entries]):
        yield from made[turn]


def _items(entry: Entry) -> Iterator[Item]:
    if entry.notice is not None:
        yield _notice(entry, entry.notice)
    for medium in entry.media:
        yield _shown(entry, medium)


def _notice(entry: Entry, notice: Notice) -> Item:
    words = " ".join((notice.title, *notice.lines))
    seconds = entry.seconds or max(SECONDS, round(READING_S + WORD_S * len(words.split())))
    body = json.dumps([notice.title, *notice.lines], ensure_ascii=False).encode()
    id_ = hashlib.sha256(body).hexdigest()[:32]
    return Item(id=id_, seconds=seconds, layout=entry.layout, kind="notice", notice=notice, name=entry.name)


def _shown(entry: Entry, medium: Medium) -> Item:
    return Item(
        id=medium.id,
        url=f"/media/{medium.id}?{medium.making}",
        seconds=medium.length_s or entry.seconds or SECONDS,
        layout=entry.layout,
        kind=medium.kind,
        bytes=medium.bytes,
        name=entry.name if medium.page is None else f"{entry.name} {medium.page}",
    )
