"""Visits: who came and went becomes visits, and a visit is told when nothing more can be read out of that.

A visit leaves as a rating leaves the ballot box: with the start of its bucket as its time, in the company of others,
all with the start of the first one's bucket. And not before it must be over, whichever minute of its bucket it began
in: when it is told says nothing about that minute. One or two that find no company by midnight are not told at all,
for they would say who was alone.

Pure: the rule of the ballot box is handed in. What was not seen is never made up.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any, Self

from agent.clock import ClockQuality, Moment
from agent.event import EventType, Fact
from agent.surveillance.facts import Cut, VisitData
from agent.surveillance.presence.presence import Turn

LEAST_S = 5.0
"""Who was seen for less has not visited."""

Release = Callable[[Mapping[int, Fact], Moment, str], Sequence[tuple[int, Fact]]]
"""The rule of the ballot box (`agent.rating.box.Release`): what leaves of what is held at a moment in a boot."""
Seal = Callable[[Fact], Fact]
"""Takes everything out of a fact's time that tells more than its bucket."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, and the boot it was in."""

    moment: Moment
    boot: str

    def until(self, end: "Instant") -> timedelta | None:
        """How long from here to *end*; None when nobody knows, across boots."""
        if self.boot == end.boot:
            return end.moment.age - self.moment.age
        return None

    @property
    def note(self) -> dict[str, str]:
        said = self.moment
        return {
            "at": said.at.isoformat(),
            "booted": said.booted.isoformat(),
            "clock": said.quality,
            "boot": self.boot,
        }

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Self:
        at, booted = datetime.fromisoformat(note["at"]), datetime.fromisoformat(note["booted"])
        return cls(Moment(at, ClockQuality(note["clock"]), booted), str(note["boot"]))


@dataclass(slots=True)
class Visits:
    """One camera's visits: the one that goes on, and those that are over and not told. Outlives its service."""

    camera: str
    bucket_min: int = 15
    company: int = 3
    """So many leave together, or more."""
    began: Instant | None = None
    is_begin_seen: bool = False
    waiting: list[Fact] = field(default_factory=list)
    told: tuple[date, int] | None = None
    """The newest day of which visits were told, and how many."""
    is_taken_over: bool = False
    """Whether the life before was asked."""

    def turn(self, turn: Turn, at: Instant, seal: Seal, *, is_seen: bool = True, cut: Cut = "view") -> bool:
        """Somebody came or went *at* an instant; *cut*: why it is unknown who is there. Whether anything changed."""
        if turn is Turn.CAME:
            self.end(at, seal, cut="camera")
            self.began, self.is_begin_seen = at, is_seen
            return True
        return self.end(at, seal, cut=None if turn is Turn.LEFT else cut)

    def end(self, at: Instant, seal: Seal, *, cut: Cut | None) -> bool:
        """The visit that goes on is over *at* an instant. Whether there was one."""
        began, self.began = self.began, None
        if began is None:
            return False
        lasted = began.until(at)
        if lasted is not None and lasted.total_seconds() >= LEAST_S:
            self.waiting.append(self._visit(began, lasted.total_seconds(), seal, cut))
        return True

    def _visit(self, began: Instant, lasted_s: float, seal: Seal, cut: Cut | None) -> Fact:
        data = VisitData(
            camera=self.camera,
            length_s=ceil(lasted_s / 60) * 60 if self.bucket_min else round(lasted_s),
            is_begin_seen=self.is_begin_seen,
            cut=cut,
            bucket_min=self.bucket_min,
            nonce=secrets.token_urlsafe(9),
        )
        fact = replace(Fact.seen(EventType.VISIT, began.moment, data.payload()), boot=began.boot)
        return seal(fact) if self.bucket_min else fact

    def due(self, now: Moment, boot: str, release: Release) -> tuple[list[Fact], list[Fact]]:
        """What is to be told *now* in *boot*, as it is told; and what stays. What is in neither is never told."""
        over = {n: fact for n, fact in enumerate(self.waiting) if _must_be_over(fact, now, boot)}
        plain = {n: replace(fact, data={"bucket_min": fact.data["bucket_min"]}) for n, fact in over.items()}
        leaving = release(plain, now, boot)
        together = Counter((fact.boot, fact.at) for _, fact in leaving)
        told = [
            replace(fact, data=over[n].data)
            for n, fact in leaving
            if together[fact.boot, fact.at] >= self.company or not fact.data["bucket_min"]
        ]
        gone = {n for n, _ in leaving}
        secrets.SystemRandom().shuffle(told)
        return told, [fact for n, fact in enumerate(self.waiting) if n not in gone]

    def note_told(self, facts: Sequence[Fact]) -> None:
        """*facts* of visits are stored: whoever asks may know how many."""
        for fact in facts:
            day = fact.at.date()
            if self.told is None or self.told[0] < day:
                self.told = day, 0
            if self.told[0] == day:
                self.told = day, self.told[1] + 1

    def told_on(self, day: date) -> int:
        """How many visits of *day*, the newest there is, were told; from any thread."""
        told = self.told
        return told[1] if told is not None and told[0] == day else 0

    # -- across lives ------------------------------------------------------------------------------

    @property
    def notes(self) -> dict[str, Any]:
        """What the next life of the agent must know."""
        began = {**self.began.note, "is_seen": self.is_begin_seen} if self.began is not None else None
        told = [self.told[0].isoformat(), self.told[1]] if self.told is not None else None
        return {"began": began, "waiting": [_note(fact) for fact in self.waiting], "told": told}

    def take_over(self, notes: Mapping[str, Any]) -> None:
        """Go on from *notes*.

        Raises:
            KeyError, TypeError, ValueError: they make no sense.
        """
        waiting = [_fact(note) for note in notes["waiting"]]
        told = notes.get("told")
        self.told = (date.fromisoformat(told[0]), int(told[1])) if told is not None else None
        began = notes["began"]
        if began is not None:
            self.began, self.is_begin_seen = Instant.of(began), bool(began["is_seen"])
        self.waiting = waiting


def _must_be_over(fact: Fact, now: Moment, boot: str) -> bool:
    """Whether a visit of this length that began in this bucket has ended, whichever minute it began in."""
    wait = timedelta(minutes=fact.data["bucket_min"], seconds=fact.data["length_s"])
    if not fact.data["bucket_min"]:
        return True
    if fact.boot == boot and fact.booted is not None:
        return now.age >= fact.at + wait - fact.booted
    if fact.clock.is_trusted and now.quality.is_trusted and now.at >= fact.at:
        return now.at >= fact.at + wait
    return now.age >= wait


def _note(fact: Fact) -> dict[str, Any]:
    booted = fact.booted or fact.at
    return {**Instant(Moment(fact.at, fact.clock, booted), fact.boot or "").note, "data": dict(fact.data)}


def _fact(note: Mapping[str, Any]) -> Fact:
    instant = Instant.of(note)
    data = VisitData.model_validate(note["data"]).payload()
    return replace(Fact.seen(EventType.VISIT, instant.moment, data), boot=instant.boot)
