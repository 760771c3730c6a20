"""Health: what each component says of itself, and what a person should do about it.

Any service reports conditions from its own thread; listeners (the uplink, the status page)
are told only when a condition changed, on the reporting thread, and must only enqueue.
A condition is a code; its words live in `agent/messages/<language>.yaml` under
`health.<CODE>` as `message` and `hint`.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from agent.clock import Clock
from agent.language import Language

AGENT_EVERY_S = 60
OTHERS_EVERY_S = 600
"""Seconds between two publications of an unchanged condition: the freshness a reader may expect. One
component tells that the box is alive; ten of them every minute would cost a mobile link 100 MB a month."""


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    OFF = "off"


@dataclass(frozen=True)
class Condition:
    """How a component is: a status, a code with its words in the message files, and the words' values."""

    status: Status
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


OK = Condition(Status.OK, "OK")


@dataclass(frozen=True)
class Report:
    """A condition and since when it holds."""

    component: str
    condition: Condition
    since: datetime

    @property
    def every_s(self) -> int:
        return AGENT_EVERY_S if self.component == "agent" else OTHERS_EVERY_S

    def words(self, language: Language) -> tuple[str, str]:
        """What is wrong and what to do, in *language*."""
        code, values = self.condition.code, self.condition.values
        return language.text(f"health.{code}.message", **values), language.text(f"health.{code}.hint", **values)


class Health:
    """The board on which every component writes its present condition."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._reports: dict[str, Report] = {}
        self._listeners: list[Callable[[Report], None]] = []

    def report(self, component: str, condition: Condition) -> None:
        """Write *component*'s condition; `since` moves only when the status or the code does."""
        with self._lock:
            before = self._reports.get(component)
            if before is not None and before.condition == condition:
                return
            same = before is not None and (before.condition.status, before.condition.code) == (
                condition.status,
                condition.code,
            )
            since = before.since if before is not None and same else self._clock.now()
            report = self._reports[component] = Report(component, condition, since)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(report)

    def forget(self, component: str) -> None:
        """Take a component off the board: it is no longer configured."""
        with self._lock:
            self._reports.pop(component, None)

    def reports(self) -> list[Report]:
        """Every component's present report, by name."""
        with self._lock:
            return [self._reports[name] for name in sorted(self._reports)]

    def listen(self, listener: Callable[[Report], None]) -> None:
        """Call *listener* on every change from now on, on the reporting thread."""
        with self._lock:
            self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Report], None]) -> None:
        """Stop calling *listener*."""
        with self._lock:
            self._listeners.remove(listener)
