"""Orders from the province: refused, put off, carried out once, answered always.

An order's id is stored before anything is done; a repeated id gets the stored result, and what a
crash left open is closed as failed at the next start. Retained orders are refused: a broker would
repeat them for ever. The service runs the orders one after another on its own thread, so a slow
snapshot delays other orders and nothing else.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from agent.clock import Clock
from agent.errors import CounterAgentError
from agent.handover import Handover
from agent.service import Service
from agent.uplink.bulk import PART_BYTES, Bulk
from agent.uplink.payload import Message, Order, Result
from agent.uplink.topics import Topics

log = logging.getLogger(__name__)

TICK_S = 0.5
JOURNAL_RETRY_S = 5.0
WAITING = 32
"""Orders waiting at once; a further one is rejected, never silently dropped."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command answers: the result's own keys, and bytes for `up/bulk`."""

    answer: Mapping[str, Any]
    bulk: Bulk | None = None


@dataclass(frozen=True, slots=True)
class Underway:
    """What a command answers that goes on: `Asked.finish` tells what it came to."""


class Asked(dict[str, Any]):
    """An order's arguments, and which order it is, for those who must account for it."""

    def __init__(
        self,
        arguments: Mapping[str, Any],
        *,
        order: str,
        is_broadcast: bool,
        finish: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """*finish* is called once, from any thread, with the answer of a command that was underway."""
        super().__init__(arguments)
        self.order = order
        self.is_broadcast = is_broadcast
        self.finish = finish


Action = Callable[[Asked], Done | Underway]
"""Carries out one command with its arguments; raises `CounterAgentError` to fail it with that reason."""


class Journal(Protocol):
    """Where orders are remembered: the outbox."""

    def begin_command(self, command_id: str, name: str) -> bytes | None: ...
    def finish_command(self, command_id: str, result: bytes) -> None: ...
    def open_commands(self) -> list[tuple[str, str]]: ...


Say = Callable[[Message], None]
"""Publishes a message as soon as the link allows; callable from any thread."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An order as the uplink received it."""

    name: str
    id: str
    payload: bytes
    is_retained: bool
    is_broadcast: bool
    reply_to: str | None = None
    """A caller's response topic below this counter's own `up/` (MQTT 5), beside the usual result topic."""
    correlation: bytes | None = None


Orders = Handover[Incoming]
"""Orders on their way to the service; for whom there is no place is rejected by whoever offers it."""


class CommandService(Service):
    """Carries out the province's orders."""

    name = "commands"
    patience_s = 120.0

    def __init__(
        self,
        *,
        orders: Orders,
        topics: Topics,
        journal: Journal,
        clock: Clock,
        say: Say,
        handlers: Mapping[str, Action],
        largest_bytes: Callable[[], int] = lambda: 2 * PART_BYTES,
    ) -> None:
        """*largest_bytes*: the largest packet that the broker takes now."""
        super().__init__()
        self._orders = orders
        self._topics = topics
        self._journal = journal
        self._clock = clock
        self._say = say
        self._handlers = handlers
        self._largest_bytes = largest_bytes
        self._postponed: list[tuple[float, Incoming, Order]] = []

    def _take_in(self, incoming: Incoming) -> None:
        """Refuse an order at once, or note when it is due."""
        if incoming.is_retained:
            self._refuse(incoming, "a retained order is never carried out; publish it without the retain flag")
            return
        if incoming.name not in self._handlers:
            known = ", ".join(sorted(self._handlers))
            self._refuse(incoming, f'no command "{incoming.name}"; known: {known}')
            return
        try:
            order = Order.model_validate_json(incoming.payload)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "payload"
            self._refuse(incoming, f"{where}: {first['msg']}")
            return
        if order.expires.tzinfo is None:
            self._refuse(incoming, "expires: a time needs its zone, as in 2026-09-02T00:00:00+07:00")
            return
        delay_s = random.uniform(0, order.spread_s) if incoming.is_broadcast else 0.0  # noqa: S311 - a spread, not a secret
        self._postponed.append((self._clock.monotonic() + delay_s, incoming, order))

    def _refuse(self, incoming: Incoming, reason: str) -> None:
        log.warning("refused the order %s/%s: %s", incoming.name, incoming.id, reason)
        self._tell(incoming, Result(status="rejected", reason=reason).encode())

    def _tell(self, incoming: Incoming, result: bytes) -> None:
        self._say(Message(self._topics.result(incoming.name, incoming.id), result))
        if incoming.reply_to is not None:
            self._say(Message(incoming.reply_to, result, correlation=incoming.correlation))

    def run(self, stop: threading.Event) -> None:
        close_at_s: float | None = self._clock.monotonic()
        while not stop.is_set():
            self.progress.beat()
            if close_at_s is not None and close_at_s <= self._clock.monotonic():
                close_at_s = self._close_what_was_left_open()
            if (incoming := self._orders.take(TICK_S)) is not None:
                self._take_in(incoming)
            now_s = self._clock.monotonic()
            for entry in [entry for entry in self._postponed if entry[0] <= now_s]:
                self._postponed.remove(entry)
                self.progress.beat()
                self._carry_out(entry[1], entry[2])

    def wake(self) -> None:
        self._orders.wake()

    def _close_what_was_left_open(self) -> float | None:
        """When to try again, if the journal cannot be read: whoever looks after the outbox says what is wrong."""
        try:
            open_commands = self._journal.open_commands()
        except CounterAgentError:
            return self._clock.monotonic() + JOURNAL_RETRY_S
        for command_id, name in open_commands:
            left = Incoming(name, command_id, b"", is_retained=False, is_broadcast=False)
            self._finish(left, Result(status="failed", reason="the agent stopped while carrying this out"))
        return None

    def _carry_out(self, incoming: Incoming, order: Order) -> None:
        try:
            known = self._journal.begin_command(incoming.id, incoming.name)
        except CounterAgentError as error:
            self._refuse(incoming, f"an order that cannot be remembered is not carried out: {error}")
            return
        if known is not None:
            if known:
                self._tell(incoming, known)
            return
        if self._clock.quality().is_trusted and order.expires < self._clock.now():
            self._finish(incoming, Result(status="expired"))
            return
        self._tell(incoming, Result(status="running").encode())
        result = self._act(incoming, order)
        if result is not None:
            self._finish(incoming, result)

    def _act(self, incoming: Incoming, order: Order) -> Result | None:
        """What came of it; None: it goes on, and `Asked.finish` will tell."""
        began = time.monotonic()
        asked = Asked(
            order.arguments,
            order=incoming.id,
            is_broadcast=incoming.is_broadcast,
            finish=lambda answer: self._finish(incoming, _done(answer, began)),
        )
        try:
            done = self._handlers[incoming.name](asked)
        except CounterAgentError as error:
            return Result(status="failed", reason=str(error))
        except (ValueError, TypeError, LookupError) as error:
            return Result(status="failed", reason=f"wrong arguments: {error}")
        except Exception as error:
            log.exception("the order %s/%s failed", incoming.name, incoming.id)
            return Result(status="failed", reason=f"{type(error).__name__}: {error}")
        if isinstance(done, Underway):
            return None
        for message in self._parts(incoming, done):
            self._say(message)
        return _done(done.answer, began)

    def _parts(self, incoming: Incoming, done: Done) -> list[Message]:
        """What is handed over beside the result."""
        if done.bulk is None:
            return []
        return done.bulk.messages(self._topics, incoming.id, largest_bytes=self._largest_bytes())

    def _finish(self, incoming: Incoming, result: Result) -> None:
        try:
            self._journal.finish_command(incoming.id, result.encode())
        except CounterAgentError as error:
            log.warning("the result of %s/%s is told and not kept: %s", incoming.name, incoming.id, error)
        self._tell(incoming, result.encode())


def _done(answer: Mapping[str, Any], began: float) -> Result:
    """The result of what began at *began* (`time.monotonic()`) and came to *answer*."""
    return Result(status="done", took_ms=round((time.monotonic() - began) * 1000), **answer)
