"""What events say of the box itself: their `data`, as models. A rating's stands in `agent.rating.record`.

Whoever tells writes it with these models, and the published schemas are generated from them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from agent.alive import Ending
from agent.clock import ClockQuality, Moment
from agent.event import Lane, stamp

Stamp = Annotated[
    datetime, PlainSerializer(stamp, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""Written in UTC, to the millisecond."""


class EventData(BaseModel):
    """The `data` of an event."""

    model_config = ConfigDict(defer_build=True, frozen=True)  # a start that built every model would take a tenth longer

    def payload(self) -> dict[str, Any]:
        """What goes into the event, keys always in this order, nothing that is not said."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class OutboxReplaced(EventData):
    """An `alert`: the database was damaged, restored from an old copy, or gone, and a new epoch began."""

    code: Literal["OUTBOX_REPLACED"] = "OUTBOX_REPLACED"
    reason: str
    old_epoch: str
    """Empty when it could not be read any more."""
    last_seen: dict[Lane, int]
    """The highest number that could be read of each lane; 0: none."""
    salvaged: dict[Lane, int]
    """How many unconfirmed events of each lane are sent on as they were."""
    ballots: int = 0
    """How many votes of the ballot box were carried over into the new one."""
    kept_as: str
    """The name of the old file, beside the new one; empty when there is none."""


class EventsDropped(EventData):
    """A `gap`: events that will never arrive, declared before they are dropped."""

    lane: Lane
    epoch: str
    ranges: list[tuple[int, int]]
    """First and last number of each run that is dropped."""
    count: int
    reason: Literal["quota"]


class ClockReading(EventData):
    """How far a clock was to be believed, and when this boot began by it."""

    clock: ClockQuality
    booted: Stamp

    @classmethod
    def of(cls, moment: Moment) -> "ClockReading":
        return cls(clock=moment.quality, booted=moment.booted)


class ClockSet(EventData):
    """The clock was set by more than 2 s (`jump`), or became trustworthy (`trusted`), set or not."""

    kind: Literal["jump", "trusted"]
    boot: str
    offset_s: float
    """How far `booted` moved; positive when the clock went forward."""
    from_: ClockReading = Field(serialization_alias="from")
    to: ClockReading


class LastAlive(EventData):
    """When the agent was last alive before this life, and how that life ended."""

    ending: Ending
    boot: str
    at: Stamp
    """Within a minute before the end, by the clock of that boot."""
    clock: ClockQuality
    booted: Stamp


class ClockStart(EventData):
    """The life before ended without a word, or the clock is before the last time this box saw."""

    kind: Literal["start"] = "start"
    boot: str
    to: ClockReading
    last: LastAlive
    floor: Stamp | None = None
    """The last time this box saw, when the clock is before it."""
