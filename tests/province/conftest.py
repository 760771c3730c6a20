"""A province's store on a real file, and events as counters make them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ClockQuality
from agent.event import GENESIS, Event, EventType, Fact, chain_hash
from agent.province.arrival import Arrival, read_event
from agent.province.store import ProvinceStore

AGENT = "na-0123"
EPOCH = "01J6X4Q0000000000000000000"
AT = datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProvinceStore]:
    made = ProvinceStore(tmp_path / "province.db")
    yield made
    made.close()


def chain(count: int, kind: EventType = EventType.RATING, *, agent: str = AGENT, epoch: str = EPOCH) -> list[bytes]:
    """The first *count* events of a lane, as their bytes."""
    bodies: list[bytes] = []
    previous = GENESIS
    for seq in range(1, count + 1):
        fact = Fact(kind, AT, ClockQuality.NTP, {"level": seq % 4, "lời": "cảm ơn"})
        bodies.append(Event("40", agent, epoch, kind.lane, seq, previous, "0123456789ab", fact).encode())
        previous = chain_hash(bodies[-1])
    return bodies


def arrivals(count: int, *, agent: str = AGENT, epoch: str = EPOCH) -> list[Arrival]:
    return [read_event(agent, body) for body in chain(count, agent=agent, epoch=epoch)]
