"""A backlog leaves over a line of 50 ms round trip, and every byte on that line is counted.

The line is `tests.bench.line`, between the sender and its broker; the province confirms beside the broker.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.bench import bridge
from tests.bench.drain import (
    backlog,
    broker,
    counting_province,
    run_module,
    run_the_agent,
    said,
    speed_of,
)
from tests.bench.drainer import Drained
from tests.bench.figures import Row, Size, ratio
from tests.bench.line import Carried, Line
from tests.broker import Broker

RTT_S = 0.05
REACH_SPEED, REACH_BYTES = 30_000, 45
Sent = tuple[Drained, Carried]


def measure(folder: Path, size: Size) -> Iterator[Row]:
    source = backlog(folder, size.backlog)
    few = size.drained_singly // 4
    ours = [_the_agent(folder, source, size.backlog), _the_agent(folder, source, size.backlog)]
    single = [_one_by_one(folder, source, few), _one_by_one(folder, source, few)]
    bridged = _a_bridge(folder, source, size.drained_singly)
    speeds = [speed_of(drained) for drained, _ in ours]
    yield Row(
        f"drain of {size.backlog:,} events over a line of {RTT_S * 1e3:.0f} ms",
        said([drained for drained, _ in ours]),
        f"paho, window 20, one by one {said([drained for drained, _ in single])}",
        ratio(speeds, [speed_of(drained) for drained, _ in single]),
        f"≥ {REACH_SPEED:,}/s",
        max(speeds) >= REACH_SPEED,
    )
    wire = [_wire_bytes(sent) for sent in ours]
    yield Row(
        "wire bytes of a drained event, both directions, IP and TCP headers included",
        f"{max(wire):.1f} B",
        f"Mosquitto bridge {_wire_bytes(bridged):.0f} B",
        ratio(wire, [_wire_bytes(bridged)] * len(wire)),
        f"≤ {REACH_BYTES} B",
        max(wire) <= REACH_BYTES,
    )


def _wire_bytes(sent: Sent) -> float:
    drained, carried = sent
    return carried.wire_bytes / drained.events


def _the_agent(folder: Path, source: Path, count: int) -> Sent:
    here = _room(folder, "agent")
    with broker(here / "broker") as started, counting_province(started.port):
        with Line(started.port, rtt_s=RTT_S) as line:
            drained = run_the_agent(here, source, count, started, line.port)
        return drained, line.carried


def _one_by_one(folder: Path, source: Path, count: int) -> Sent:
    here = _room(folder, "single")
    shutil.copy(source, here / "outbox.db")
    with broker(here / "broker") as started:
        with Line(started.port, rtt_s=RTT_S) as line:
            drained = run_module(started, count, "one_by_one", here / "outbox.db", line.port, count)
        return drained, line.carried


def _a_bridge(folder: Path, source: Path, count: int) -> Sent:
    here = _room(folder, "bridge")
    (here / "far").mkdir()
    far = Broker(here / "far", max_queued_messages=0, options=bridge.QUIET)
    with closing(far):
        with Line(far.port, rtt_s=RTT_S) as line:
            drained = bridge.drain(here / "near", source, count, far=far, address_port=line.port)
        return drained, line.carried


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    return room
