"""Days of a counter as events: what a daybook is filled with."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agent.clock import ClockQuality, Moment
from agent.data import ClockReading, ClockSet
from agent.event import GENESIS, Event, EventType, Fact, Lane
from agent.rating.figures.daybook import Daybook
from agent.rating.figures.summary import Terms
from agent.rating.scale import VN4
from agent.settings.hours import office_hours

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = datetime(2026, 9, 1, tzinfo=ZONE)
"""A Tuesday."""
EPOCH = "01J6X4Q0000000000000000000"
BOOT = "9f2c00000000"
TERMS = Terms(ZONE, office_hours().spans, VN4, inputs=("keypad",), commune="17329")


def at(hour: int, minute: int = 0, second: int = 0, *, days: int = 0) -> datetime:
    return DAY + timedelta(days=days, hours=hour, minutes=minute, seconds=second)


class Week:
    """Events in the order of their lanes, each lane with its numbers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._last = dict.fromkeys(Lane, 0)

    def tell(
        self, kind: EventType, when: datetime, data: dict[str, Any], *, clock: ClockQuality = ClockQuality.NTP
    ) -> Event:
        self._last[kind.lane] += 1
        fact = Fact.seen(kind, Moment(when, clock, when - timedelta(hours=1)), data)
        event = Event("40", "na-0123", EPOCH, kind.lane, self._last[kind.lane], GENESIS, BOOT, fact)
        self.events.append(event)
        return event

    def rate(self, level: int, when: datetime, **more: Any) -> Event:
        data = {
            "level": level,
            "raw": f"3{level}",
            "keymap": "aaaa000000000000",
            "scale": VN4.id,
            "scale_hash": VN4.hash,
            "counter": 1,
            "commune": "17329",
            "channel": "keypad",
            "valid": not more.get("flags"),
            "flags": [],
        }
        clock = more.pop("clock", ClockQuality.NTP)
        return self.tell(EventType.RATING, when, data | more, clock=clock)

    def rates(self, levels: Iterable[int], when: datetime, **more: Any) -> None:
        """So many ratings, a minute apart."""
        for number, level in enumerate(levels):
            self.rate(level, when + timedelta(minutes=number), **more)

    def learn(self, true: datetime, said: datetime) -> None:
        """The network tells that it is *true*, when the clock had *said* so."""
        booted = true - timedelta(hours=1)
        data = ClockSet(
            kind="trusted",
            boot=BOOT,
            offset_s=(true - said).total_seconds(),
            from_=ClockReading(clock=ClockQuality.NONE, booted=said - timedelta(hours=1)),
            to=ClockReading(clock=ClockQuality.NTP, booted=booted),
        )
        fact = Fact.seen(EventType.CLOCK, Moment(true, ClockQuality.NTP, booted), data.payload())
        self._last[Lane.ALERT] += 1
        self.events.append(Event("40", "na-0123", EPOCH, Lane.ALERT, self._last[Lane.ALERT], GENESIS, BOOT, fact))

    @property
    def book(self) -> Daybook:
        book = Daybook(ZONE)
        for lane in Lane:
            for event in self.events:
                if event.lane is lane:
                    body = event.encode()
                    book.take(json.loads(body), body)
        return book
