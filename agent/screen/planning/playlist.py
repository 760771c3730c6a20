"""The playlist: what might play, when it may, and in which turn. Pure.

Entries come from the settings, from the watched folder where the settings name nothing, and from the province. In
one *round* each entry has as many turns as its weight, spread over the round like this: the round is cut into as
many equal parts as the weight says, and each turn falls into a part of its own. Of those whose next part has begun,
the one whose part ends first has the turn; of several, one that did not just have it, and then the first in the list.
That is proportionate fairness (S. Baruah, N. Cohen, C. G. Plaxton, D. Varvel, Proportionate progress, Algorithmica
15, 1996, 600-625), where the earliest deadline always keeps every part: at no moment is an entry a whole turn ahead
of its share or behind it. The same entries give the same round, and entries of one weight play as they stand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from math import gcd
from typing import Any, Literal, NamedTuple

from agent.rating.figures.opening import opening, whole_day
from agent.screen.media.medium import Medium, Offer, shown_name
from agent.screen.scene import Layout, Notice
from agent.settings.playlist import PlaylistItem

SECONDS = 12.0
"""How long a picture stands."""
Origin = Literal["folder", "settings", "province"]


class Reason(NamedTuple):
    """Why something does not play: a message under `screen.out`, and its values."""

    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """When an entry may play."""

    first: date | None = None
    last: date | None = None
    """The last day, included."""
    weekdays: frozenset[int] = frozenset()
    """Monday is 0; none: every day."""
    hours: tuple[str, ...] = ()
    """Spans `HH:MM-HH:MM` of a day; none: all day."""

    @property
    def is_always(self) -> bool:
        """Whether no clock is needed to know that it is open."""
        return self == ALWAYS

    def shut(self, moment: datetime, zone: tzinfo) -> Reason | None:
        """Why it is shut at *moment*; None: it is open."""
        day = moment.astimezone(zone).date()
        if self.first is not None and day < self.first:
            return Reason("not_yet", {"date": self.first})
        if self.last is not None and day > self.last:
            return Reason("over", {"date": self.last})
        if self.weekdays and day.weekday() not in self.weekdays:
            return Reason("other_day", {"days": tuple(sorted(self.weekdays))})
        if self.hours and not any(start <= moment < end for start, end in opening(day, zone, self._hours)):
            return Reason("other_hours", {"hours": self.hours})
        return None

    def changes_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The next moment, in UTC, up to which it certainly stays as it is at *moment*; None: for ever."""
        day = moment.astimezone(zone).date()
        if self.is_always or (self.last is not None and day > self.last):
            return None
        if self.first is not None and day < self.first:
            return whole_day(self.first, zone).start
        edges = [edge for span in opening(day, zone, self._hours) for edge in span if edge > moment]
        return min([*edges, whole_day(day, zone).end])

    def _hours(self, _: datetime) -> list[tuple[str, str]]:
        return [(span[:5], span[6:]) for span in self.hours]


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that may play: a file, which is several media if it has pages, or a notice."""

    name: str
    media: tuple[Medium, ...] = ()
    notice: Notice | None = None
    seconds: float | None = None
    """How long each of it stands; None: as is right for what it is."""
    layout: Layout = "stage"
    window: Window = ALWAYS
    weight: int = 1
    origin: Origin = "settings"
    fault: Reason | None = None
    """Why there is nothing to show of it."""


@dataclass(frozen=True, slots=True)
class Playlist:
    """What might play, in order, and what lies in the folder unasked."""

    entries: tuple[Entry, ...] = ()
    unlisted: tuple[str, ...] = ()


def listed(items: Sequence[PlaylistItem] | None, offer: Offer) -> Playlist:
    """The playlist of the settings over what the folder holds; without one, every file in the order of its name."""
    files: dict[str, list[Medium]] = {}
    for medium in offer.media:
        files.setdefault(medium.name, []).append(medium)
    if items is None:
        return Playlist(tuple(Entry(name, tuple(media), origin="folder") for name, media in files.items()))
    refused = {refusal.name: Reason("refused", {"refusal": refusal}) for refusal in offer.refusals}
    absent = Reason("settling" if offer.is_settling else "missing", {})
    named = {shown_name(item.file) for item in items if item.file is not None}
    return Playlist(
        tuple(_entry(item, files, refused, absent) for item in items),
        tuple(name for name in files if name not in named),
    )


def _entry(
    item: PlaylistItem, files: Mapping[str, Sequence[Medium]], refused: Mapping[str, Reason], absent: Reason
) -> Entry:
    file = shown_name(item.file) if item.file is not None else None
    media = tuple(files.get(file, ())) if file is not None else ()
    notice = Notice(item.notice.title, item.notice.lines) if item.notice is not None else None
    name = file if file is not None else notice.title if notice is not None else ""
    return Entry(
        name=name,
        media=media,
        notice=notice,
        seconds=item.seconds,
        layout=item.layout,
        window=Window(item.first, item.until, item.weekdays, item.hours),
        weight=item.weight,
        fault=None if media or notice is not None else refused.get(name, absent),
    )


def turns(weights: Sequence[int]) -> list[int]:
    """One round: who has his turn, by his place in *weights*, each as often as his weight, in lowest terms, says."""
    shared = gcd(*weights)
    shares = [weight // shared for weight in weights]
    length = sum(shares)
    had = [0] * len(shares)
    order: list[int] = []
    for turn in range(length):
        begun = [index for index, share in enumerate(shares) if had[index] * length // share <= turn]
        last = order[-1] if order else -1
        chosen = min(begun, key=lambda index: (-(-(had[index] + 1) * length // shares[index]), index == last, index))
        had[chosen] += 1
        order.append(chosen)
    return order
