"""A counter's uplink on a thread, with a real outbox, and the ears and mouths at a real broker."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.event import Event, EventType, Fact
from agent.health import Health, Report
from agent.language import language
from agent.outbox.store import Outbox
from agent.settings.model import Uplink
from agent.uplink.commands import WAITING, Incoming, Orders
from agent.uplink.mailbox import Mailbox
from agent.uplink.service import Birth, UplinkService
from agent.uplink.session import Protocol, Wake
from agent.uplink.topics import Topics
from tests.broker import Broker, OtherBroker
from tests.rating.running import running

EVERY_BROKER = pytest.mark.parametrize(
    ("broker", "protocol"),
    [(Broker, Protocol.MQTT5), (Broker, Protocol.MQTT311), (OtherBroker, Protocol.MQTT311)],
    indirect=["broker"],
    ids=["mosquitto 5", "mosquitto 3.1.1", "amqtt 3.1.1"],
)
"""What holds at Mosquitto over both versions of MQTT also holds at a broker that is not Mosquitto."""


@contextmanager
def waking() -> Iterator[Wake]:
    wake = Wake()
    try:
        yield wake
    finally:
        wake.close()


class Box:
    """What outlives the uplink in a counter; `connected` runs an uplink over it."""

    def __init__(self, folder: Path, agent: str = "na-0123") -> None:
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")))
        self.outbox = Outbox(folder / f"{agent}.db", province="40", agent=agent, clock=self.clock, keep_days=0)
        self.health = Health(self.clock)
        self.codes: list[str] = []
        """What health said of the uplink, in order."""
        self.health.listen(self._hear)
        self.mailbox = Mailbox()
        self.orders = Orders(WAITING)
        self.topics = Topics("40", agent)

    def _hear(self, report: Report) -> None:
        if report.component == "uplink":
            self.codes.append(report.condition.code)

    def press(self, count: int = 1) -> list[Event]:
        facts = [Fact(EventType.RATING, self.clock.now(), self.clock.quality(), {"level": 3}) for _ in range(count)]
        return self.outbox.append(*facts)

    def order(self, *, within_s: float) -> Incoming:
        """The next order that came."""
        order = self.orders.take(within_s)
        assert order is not None
        return order

    @property
    def pending(self) -> int:
        return sum(mark.pending for mark in self.outbox.marks().values())

    def uplink(self, broker: str, **settings: Any) -> UplinkService:
        return UplinkService(
            Uplink.model_validate({"broker": broker, **settings}),
            topics=self.topics,
            outbox=self.outbox,
            health=self.health,
            language=language("vi"),
            clock=self.clock,
            birth=Birth(info=lambda: b'{"name":"Kim Li\xc3\xaan"}', config=lambda: b'{"status":"applied"}'),
            orders=self.orders,
            mailbox=self.mailbox,
        )

    @contextmanager
    def connected(self, broker: str, **settings: Any) -> Iterator[threading.Thread]:
        with running(self.uplink(broker, **settings)) as thread:
            yield thread

    def close(self) -> None:
        self.outbox.close()
        self.mailbox.close()


@contextmanager
def box(folder: Path, agent: str = "na-0123") -> Iterator[Box]:
    with closing(Box(folder, agent)) as made:
        made.outbox.open()
        yield made


def states(messages: Sequence[tuple[str, bytes, bool]], agent: str = "na-0123") -> list[tuple[str, int]]:
    """What `up/state` said, in order, as (state, session)."""
    said = [json.loads(payload) for topic, payload, _ in messages if topic == Topics("40", agent).state and payload]
    return [(state["state"], state["session"]) for state in said]
