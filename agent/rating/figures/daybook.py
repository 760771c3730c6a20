"""The daybook: what a counter's events say of its days. Pure; the same for the daily summary and for an export.

Events go in as they stand in their lanes, each lane in its order; lanes may follow each other in any order, for
times are put right only when the book is read (`agent.readings`). A rating and its corrections are one ballot: in the
day of the rating, at the level that stands in the end. An event that came out of the ballot box carries both values
itself; without a box a correction is an event of its own that names the one it stands in for. Both count alike.
Two events with one nonce are one vote, or one visit, as after a database was restored from an old copy.

What is not understood is left out of the figures and harms nothing: a book may hold events of older versions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from agent.clock import ClockQuality
from agent.event import EventType, Lane, chain_hash
from agent.rating.figures.opening import day_of
from agent.rating.figures.outages import Outage, OutageCause
from agent.readings import Reading, moment, readings_in, right_time

RATING, VISIT, CLOCK, ALERT, METRIC, SUMMARY = (
    kind.full_name
    for kind in (
        EventType.RATING,
        EventType.VISIT,
        EventType.CLOCK,
        EventType.ALERT,
        EventType.METRIC,
        EventType.SUMMARY,
    )
)
UNINDEXED = "qr_static"
"""A sticker can be photographed and used from anywhere: a channel of its own, never in the index."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A place in a lane, and the hash of the event there."""

    epoch: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Said:
    """When something happened, as its event says it."""

    time: datetime
    booted: datetime | None
    clock: str
    boot: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Said | None":
        time = moment(event.get("time"))
        if time is None:
            return None
        return cls(time, moment(event.get("booted")), str(event.get("clock")), str(event.get("boot")))


@dataclass(slots=True)
class Ballot:
    """One citizen's rating, with what became of it."""

    id: str
    said: Said
    place: tuple[str, int]
    """Epoch and number in lane `record`."""
    level: int
    first: int
    """The level of the first press."""
    is_valid: bool
    flags: tuple[str, ...]
    channel: str
    scale: str
    scale_hash: str
    keymap: str
    reasons: tuple[str, ...]
    comment: str
    is_burst: bool
    counter: int
    commune: str

    @property
    def is_counted(self) -> bool:
        """Whether it is in the index."""
        return self.is_valid and self.channel != UNINDEXED


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody's visit to the counter, as a camera saw it."""

    said: Said
    place: tuple[str, int]
    camera: str
    length_s: int
    is_begin_seen: bool
    is_end_seen: bool


@dataclass(slots=True)
class Daybook:
    """Filled by `take`, read by day."""

    zone: tzinfo
    ballots: list[Ballot] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    summaries: dict[date, Mapping[str, Any]] = field(default_factory=dict)
    """The data of `summary` events, by their date."""
    transactions: dict[date, int] = field(default_factory=dict)
    """People served, as they were fed; the last word of a day counts."""
    head: Stand | None = None
    """The last event of lane `record`."""
    places: list[tuple[str, int]] = field(default_factory=list)
    """Epoch and number of every event of lane `record`."""
    _readings: dict[str, list[Reading]] = field(default_factory=dict)
    _steps: list[Said] = field(default_factory=list)
    _lows: list[Said] = field(default_factory=list)
    _outages: list[tuple[Said, Outage]] = field(default_factory=list)
    _by_id: dict[str, Ballot] = field(default_factory=dict)
    _nonces: set[str | None] = field(default_factory=set)

    def take(self, event: Mapping[str, Any], body: bytes) -> None:
        """Enter *event*, whose bytes are *body*."""
        data, said, kind = event.get("data"), Said.of(event), event.get("type")
        if not isinstance(data, dict) or said is None:
            return
        try:
            if event["lane"] == Lane.RECORD:
                self.head = Stand(str(event["epoch"]), int(event["seq"]), chain_hash(body))
                self.places.append((self.head.epoch, self.head.seq))
            if kind == RATING:
                self._take_rating(event, said, data)
            elif kind == VISIT:
                self._take_visit(event, said, data)
            elif kind == CLOCK:
                self._readings.setdefault(said.boot, []).extend(readings_in(event))
                if data.get("kind") == "jump":
                    self._steps.append(said)
            elif kind == ALERT:
                self._take_alert(said, data)
            elif kind == SUMMARY or data.get("code") == "TRANSACTIONS":
                self._take_day(kind, data)
        except (KeyError, ValueError, TypeError):
            return

    def _take_rating(self, event: Mapping[str, Any], said: Said, data: Mapping[str, Any]) -> None:
        event_id, level = str(event["id"]), int(data["level"])
        corrected = self._by_id.pop(str(data["corrects"]), None) if "corrects" in data else None
        if corrected is not None:
            corrected.level = level
            self._by_id[event_id] = corrected
            return
        nonce = data.get("nonce")
        if nonce is not None and nonce in self._nonces:
            return
        self._nonces.add(nonce)
        ballot = Ballot(
            id=event_id,
            said=said,
            place=(str(event["epoch"]), int(event["seq"])),
            level=level,
            first=int(data.get("first", level)),
            is_valid=data["valid"] is True,
            flags=tuple(map(str, data.get("flags", ()))),
            channel=str(data.get("channel", "keypad")),
            scale=str(data.get("scale", "")),
            scale_hash=str(data.get("scale_hash", "")),
            keymap=str(data.get("keymap") or ""),
            reasons=tuple(map(str, data.get("reasons") or ())),
            comment=str(data.get("comment") or ""),
            is_burst=data.get("burst") is True,
            counter=int(data.get("counter", 1)),
            commune=str(data.get("commune", "")),
        )
        self.ballots.append(ballot)
        self._by_id[event_id] = ballot

    def _take_visit(self, event: Mapping[str, Any], said: Said, data: Mapping[str, Any]) -> None:
        call = Call(
            said=said,
            place=(str(event["epoch"]), int(event["seq"])),
            camera=str(data["camera"]),
            length_s=int(data["length_s"]),
            is_begin_seen=data["is_begin_seen"] is True,
            is_end_seen=data.get("cut") is None,
        )
        nonce = data.get("nonce")
        if nonce is not None and nonce in self._nonces:
            return
        self._nonces.add(nonce)
        self.calls.append(call)

    def _take_alert(self, said: Said, data: Mapping[str, Any]) -> None:
        if data.get("code") == "LOW_RATINGS":
            self._lows.append(said)
        elif data.get("code") == "OUTAGE":
            start, end = moment(data["from"]), moment(data["to"])
            if start is not None and end is not None:
                told = Outage(OutageCause(data["cause"]), str(data["component"]), str(data["reason"]), start, end)
                self._outages.append((said, told))

    def _take_day(self, kind: object, data: Mapping[str, Any]) -> None:
        day = date.fromisoformat(data["date"])
        if kind == SUMMARY:
            self.summaries[day] = data
        elif kind == METRIC:
            self.transactions[day] = int(data["count"])

    # -- reading -----------------------------------------------------------------------------------

    def right(self, said: Said) -> datetime:
        """When it happened, as far as anybody knows by now."""
        right = None
        if said.clock != ClockQuality.NTP and said.booted is not None:
            right = right_time(said.time, said.booted, said.clock, self._readings.get(said.boot, ()))
        return (right or said.time).astimezone(self.zone)

    def day(self, said: Said) -> date:
        """The local date of it."""
        return day_of(self.right(said), self.zone)

    @property
    def outages(self) -> list[Outage]:
        """What `alert` events told, in the order in which it ended; moved with the clock that told it."""
        found = []
        for said, told in self._outages:
            moved = self.right(said) - said.time
            end = told.end + moved if told.end is not None else None
            found.append(replace(told, start=told.start + moved, end=end))
        return found

    def ballots_by_day(self) -> dict[date, list[Ballot]]:
        """Every ballot, in the order of its lane, under the day of its first press."""
        days: dict[date, list[Ballot]] = {}
        for ballot in self.ballots:
            days.setdefault(self.day(ballot.said), []).append(ballot)
        return days

    def steps_on(self, day: date) -> int:
        """How often the clock was set by more than two seconds."""
        return self._count(self._steps, day)

    def lows_on(self, day: date) -> int:
        """How many low-rating alerts there were."""
        return self._count(self._lows, day)

    def _count(self, all_said: Iterable[Said], day: date) -> int:
        return sum(self.day(said) == day for said in all_said)

    def days(self) -> list[date]:
        """The days from the first to the last ballot, visit or outage, those between without any included."""
        known = {*self.ballots_by_day(), *self.summaries, *self.transactions}
        known |= {self.day(call.said) for call in self.calls}
        known |= {day_of(at, self.zone) for each in self.outages for at in (each.start, each.end or each.start)}
        if not known:
            return []
        first, last = min(known), max(known)
        return [first + timedelta(days=step) for step in range((last - first).days + 1)]
