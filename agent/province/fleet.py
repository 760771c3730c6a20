"""The fleet as its retained topics tell it. Pure: messages in, rows out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from agent.health import Status
from agent.uplink.payload import Payload, State, Watermark
from agent.uplink.topics import Heard

WORST_FIRST = tuple(Status(name) for name in ("failed", "degraded", "off", "ok"))


class Info(Payload):
    """What the table reads of `up/info`."""

    name: str = ""
    counter: int | None = None


class Complaint(Payload):
    """What the table reads of `up/health/<component>`."""

    status: Status
    code: str = ""
    since: str = ""
    message: str = ""
    hint: str = ""


@dataclass
class Counter:
    """One counter, as last heard."""

    agent: str
    state: str = "unknown"
    session: int | None = None
    since: datetime | None = None
    unit: str = ""
    number: int | None = None
    health: dict[str, dict[str, Any]] = field(default_factory=dict)
    pending: int | None = None
    events: int | None = None
    lost: int = 0
    breaks: list[str] = field(default_factory=list)
    """Where its chain is broken in the province's store; empty where no store is looked at."""
    conflicts: list[str] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)
    """How its votes do not add up."""
    """Numbers that came with other bytes than the store has under them; empty where no store is looked at."""
    heard_at: datetime | None = None

    @property
    def worst(self) -> tuple[str, dict[str, Any]] | None:
        """The component that is worst off and its health; None while all that are fitted work."""
        worst = min(self.health.items(), key=lambda item: WORST_FIRST.index(item[1]["status"]), default=None)
        return worst if worst is not None and worst[1]["status"] in (Status.FAILED, Status.DEGRADED) else None

    @property
    def is_well(self) -> bool:
        return self.state == "online" and self.worst is None and not (self.breaks or self.conflicts or self.astray)

    def row(self) -> dict[str, Any]:
        """The counter as JSON."""
        worst = self.worst
        return {
            "agent": self.agent,
            "state": self.state,
            "since": self.since.isoformat() if self.since else None,
            "unit": self.unit,
            "counter": self.number,
            "events": self.events,
            "pending": self.pending,
            "lost": self.lost,
            "breaks": self.breaks,
            "conflicts": self.conflicts,
            "astray": self.astray,
            "worst": {"component": worst[0], **worst[1]} if worst else None,
            "heard_at": self.heard_at.isoformat(timespec="seconds") if self.heard_at else None,
        }


class Fleet:
    """All counters of a province."""

    def __init__(self) -> None:
        self.counters: dict[str, Counter] = {}

    def hear(self, heard: Heard, payload: bytes, *, at: datetime, is_retained: bool) -> None:
        """Take one message in; what cannot be read changes nothing. A counter whose state is emptied has left."""
        if heard.kind == "state" and not payload:
            self.counters.pop(heard.agent, None)
            return
        counter = self.counters.setdefault(heard.agent, Counter(heard.agent))
        if not is_retained:
            counter.heard_at = at
        try:
            match heard.kind, heard.rest:
                case "state", ():
                    self._state(counter, State.model_validate_json(payload))
                case "info", ():
                    info = Info.model_validate_json(payload)
                    counter.unit, counter.number = info.name, info.counter
                case "health", (component,):
                    if payload:
                        counter.health[component] = Complaint.model_validate_json(payload).model_dump(mode="json")
                    else:
                        counter.health.pop(component, None)
                case "watermark", ():
                    lanes = Watermark.model_validate_json(payload).lanes.values()
                    counter.pending = sum(lane.pending for lane in lanes)
                    counter.events = sum(lane.last for lane in lanes)
                    counter.lost = sum(lane.lost for lane in lanes)
        except ValidationError:
            return

    @staticmethod
    def _state(counter: Counter, state: State) -> None:
        """A `lost` of another session than the one last seen online is an old will: ignored."""
        if state.state == "lost" and counter.session is not None and state.session != counter.session:
            return
        counter.state, counter.session = state.state, state.session
        if state.since is not None:
            counter.since = state.since

    def learn_faults(
        self,
        breaks: Mapping[str, list[str]],
        conflicts: Mapping[str, list[str]],
        astray: Mapping[str, list[str]] | None = None,
    ) -> None:
        """Where in the province's store chains are broken, numbers contradicted, and votes astray, by counter."""
        for agent, found in (astray or {}).items():
            self.counters.setdefault(agent, Counter(agent)).astray = found
        for agent, places in breaks.items():
            self.counters.setdefault(agent, Counter(agent)).breaks = places
        for agent, places in conflicts.items():
            self.counters.setdefault(agent, Counter(agent)).conflicts = places

    def rows(self) -> list[Counter]:
        """Those in trouble first, then by name."""
        return sorted(self.counters.values(), key=lambda c: (c.is_well, c.agent))
