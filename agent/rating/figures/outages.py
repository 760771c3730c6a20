"""Outages: when a part of the counter was gone, why, and what that did to the rating channel. Pure.

An outage is of one part and has one cause. The *channel* is open while a citizen could rate: the box had power, the
agent ran and could store, and a keypad or the QR code was there. So a keypad that was pulled out is an outage
whether or not a QR code stood beside it, and closes the channel only if none did. A lost network or camera never
closes it; they are outages all the same, because they take away who could look.

Only what lasts a minute counts (`LEAST_S`): the alive mark dates a power cut no finer.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from agent.data import EventData, Stamp
from agent.health import Condition, Status
from agent.rating.figures.opening import Span, common, total_s, union

LEAST_S = 60.0


class OutageCause(StrEnum):
    """Why a part was gone."""

    POWER = "power"
    """The box was off: a power cut, or switched off."""
    AGENT = "agent"
    """The box ran and the agent did not: killed, crashed, or stopped."""
    STORAGE = "storage"
    """The agent ran and could store nothing."""
    KEYPAD = "keypad"
    SCREEN = "screen"
    """No QR code was shown: its page no longer answered, or there was no code to show."""
    CAMERA = "camera"
    NETWORK = "network"
    """No connection to the province's broker."""


CLOSING = (OutageCause.POWER, OutageCause.AGENT, OutageCause.STORAGE)
"""Causes that close the channel whatever else is there."""
NO_NEWS = ("STARTING", "UPLINK_CONNECTING")
"""Codes of a part that is about to say how it is."""
DARK = ("SCREEN_PAGE_AWAY", "SCREEN_BROWSER_GONE", "SCREEN_BLACK", "SCREEN_QR_UNREADABLE", "QR_CLOCK")
"""Codes of a screen, and a QR, that cannot be seen though nothing has failed."""
_FAILING = {
    "keypad": OutageCause.KEYPAD,
    "qr": OutageCause.SCREEN,
    "camera": OutageCause.CAMERA,
    "uplink": OutageCause.NETWORK,
    "outbox": OutageCause.STORAGE,
}


def cause_of(component: str, condition: Condition) -> OutageCause | None:
    """What is the matter when *component* is in *condition*; None: it is there."""
    kind = component.partition("-")[0]
    if condition.code in DARK:
        return OutageCause.SCREEN
    if kind == "screen":
        return None
    return _FAILING.get(kind) if condition.status is Status.FAILED else None


@dataclass(frozen=True, slots=True)
class Outage:
    """A part was gone from `start` to `end`."""

    cause: OutageCause
    component: str
    """As in health; `agent` when the agent or the whole box was gone."""
    code: str
    """What health said first, or how the agent's life ended."""
    start: datetime
    end: datetime | None = None
    """None: it still is."""

    def span(self, until: datetime) -> Span:
        """When it was gone, as far as *until*."""
        return Span(self.start, min(self.end or until, until))

    def is_same(self, other: "Outage") -> bool:
        """Whether both tell of the same outage; times that were corrected may differ a little."""
        is_alike = (self.cause, self.component) == (other.cause, other.component)
        return is_alike and abs((self.start - other.start).total_seconds()) < LEAST_S


class OutageData(EventData):
    """An `alert`: a part of the counter was gone for a minute or more, and is back."""

    code: Literal["OUTAGE"] = "OUTAGE"
    cause: OutageCause
    component: str
    """As in `up/health/<component>`; `agent` when the agent or the whole box was gone."""
    reason: str
    """The first code that health told of it; of the agent itself, how its life ended."""
    from_: Stamp = Field(serialization_alias="from", validation_alias="from")
    """For `power` and a killed `agent`: when it was last seen alive, within a minute before the end."""
    to: Stamp
    duration_s: int
    opening_s: int
    """How much of it lay in the counter's opening hours."""

    @classmethod
    def of(cls, outage: Outage, *, until: datetime, opening: Sequence[Span]) -> "OutageData":
        """*outage*, over by *until*; *opening* is when the counter was open meanwhile."""
        span = outage.span(until)
        return cls(
            cause=outage.cause,
            component=outage.component,
            reason=outage.code,
            **{"from": span.start},  # type: ignore[arg-type]
            to=span.end,
            duration_s=round(span.seconds),
            opening_s=round(total_s(common([span], opening))),
        )

    def outage(self) -> Outage:
        return Outage(self.cause, self.component, self.reason, self.from_, self.to)


def within(outages: Iterable[Outage], span: Span) -> list[Outage]:
    """The parts of *outages* that lie in *span*; what is still open lasts to its end."""
    parts = (
        replace(each, start=max(each.start, span.start), end=each.span(span.end).end)
        for each in outages
        if each.start < span.end
    )
    return [part for part in parts if part.end is not None and part.end > part.start]


def closed(outages: Collection[Outage], inputs: Collection[str], until: datetime) -> list[Span]:
    """When the channel was closed: the box was gone, or every one of its *inputs* at once.

    *inputs* are the components through which a citizen rates: keypads, and `qr`, which is gone with the screen too.
    """
    gone = union(each.span(until) for each in outages if each.cause in CLOSING)
    all_gone: list[Span] | None = None
    for component in inputs:
        parts = ("qr", "screen") if component == "qr" else (component,)
        own = union(each.span(until) for each in outages if each.component in parts and each.cause not in CLOSING)
        all_gone = own if all_gone is None else common(all_gone, own)
    return union([*gone, *(all_gone or ())])
