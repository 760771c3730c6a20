"""A backlog leaves over loopback: the agent, a Mosquitto bridge, and paho with one event a message, in turns.

The agent removes an event only when the province has confirmed it; the others let go when a broker has it.
CPU is that of the sender and of the broker that receives; the agent's broker also serves the province that confirms.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

from agent.event import Lane, chain_code
from agent.outbox.rows import events
from agent.outbox.store import SWEEP
from tests.bench import bridge
from tests.bench.drainer import LIMIT_S, Drained
from tests.bench.events import PROVINCE, encoded_rating, fill
from tests.bench.figures import NotPossible, Ratio, Row, Size, ratio
from tests.bench.processes import cpu_s
from tests.broker import Broker, mosquitto_program
from tests.story.counter import Province

Figure = Callable[[Drained], float]
REACH_SPEED, REACH_CPU = 2.3, 0.3


def measure(folder: Path, size: Size) -> Iterator[Row]:
    source = backlog(folder, size.backlog)
    ours, bridged, single = [], [], []
    for number in range(min(3, size.rounds)):
        here = folder / str(number)
        here.mkdir()
        ours.append(by_the_agent(here, source, size.backlog))
        bridged.append(by_a_bridge(here, source, size.backlog))
        single.append(one_by_one(here, source, size.drained_singly))
        shutil.rmtree(here)
    speed = _ratio(ours, bridged, speed_of)
    yield Row(
        f"drain of {size.backlog:,} events on loopback, confirmed by the province and removed",
        said(ours),
        f"Mosquitto bridge {said(bridged)}",
        speed,
        f"≥ {REACH_SPEED}",
        speed.middle >= REACH_SPEED,
    )
    cpu = _ratio(ours, bridged, cpu_of)
    yield Row(
        "CPU of that drain, sender and broker, for 10,000 events",
        _cpu_said(ours),
        f"Mosquitto bridge {_cpu_said(bridged)}",
        cpu,
        f"≤ {REACH_CPU}",
        cpu.middle <= REACH_CPU,
    )
    yield Row("— of it, hashing every event once, which checks the chain as it leaves", f"{_hashing_s():.3f} s")
    yield Row("— of it, reading the rows, each inflated and held against its checksum", f"{_reading_s(source):.3f} s")
    yield Row("— against paho, window 20, one by one: speed", said(ours), said(single), _ratio(ours, single, speed_of))
    yield Row("— the same: CPU for 10,000 events", _cpu_said(ours), _cpu_said(single), _ratio(ours, single, cpu_of))
    stored = with_the_receiver(folder, source, size.drained_singly)
    yield Row(
        f"— of {size.drained_singly:,}, with the province's own receiver, which stores each on the same cores",
        said([stored]),
    )


def _hashing_s() -> float:
    """CPU seconds that SHA-256 takes for 10,000 events on this machine: no drain that checks its chain takes less."""
    body = encoded_rating()
    began_s = time.process_time()
    for _ in range(10_000):
        chain_code(body)
    return time.process_time() - began_s


def _reading_s(source: Path) -> float:
    """The same for getting 10,000 events out of their rows."""
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        began_s = time.process_time()
        found = sum(1 for _ in islice(events(db, Lane.RECORD), 10_000))
        return (time.process_time() - began_s) / found * 10_000


def backlog(folder: Path, count: int) -> Path:
    """An outbox that holds so many events."""
    if mosquitto_program() is None:
        raise NotPossible("mosquitto is not installed")
    path = folder / "source.db"
    fill(path, count)
    return path


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    folder.mkdir()
    with Broker(folder, max_queued_messages=0, options=(*bridge.QUIET, *bridge.UNBOUNDED)) as started:
        yield started


@contextmanager
def counting_province(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.counting_province", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n", "the counting province did not come up"
        try:
            yield
        finally:
            process.terminate()


def by_the_agent(folder: Path, source: Path, count: int) -> Drained:
    with broker(folder / "broker") as started, counting_province(started.port):
        return run_the_agent(folder, source, count, started, started.port)


def run_the_agent(folder: Path, source: Path, count: int, started: Broker, port: int) -> Drained:
    outbox = folder / "outbox.db"
    copy_first(source, outbox, count)
    return run_module(started, count, "drainer", outbox, port)


def copy_first(source: Path, to: Path, count: int) -> None:
    """Make *to* an outbox that holds the first *count* events of *source*."""
    shutil.copy(source, to)
    with closing(sqlite3.connect(to, isolation_level=None)) as db:
        db.execute(f"delete from {Lane.RECORD} where seq > ?", (count,))


def by_a_bridge(folder: Path, source: Path, count: int) -> Drained:
    (folder / "far").mkdir()
    far = Broker(folder / "far", max_queued_messages=0, options=bridge.QUIET)
    with closing(far):
        return bridge.drain(folder / "near", source, count, far=far, address_port=far.port)


def one_by_one(folder: Path, source: Path, count: int) -> Drained:
    outbox = folder / "single.db"
    shutil.copy(source, outbox)
    with broker(folder / "broker-of-one-by-one") as started:
        return run_module(started, count, "one_by_one", outbox, started.port, count)


def with_the_receiver(folder: Path, source: Path, count: int) -> Drained:
    with broker(folder / "broker-of-the-receiver") as started:
        province = Province(started, folder / f"province-{PROVINCE}.db")
        province.start()
        try:
            return run_the_agent(folder, source, count, started, started.port)
        finally:
            province.stop()


def run_module(started: Broker, count: int, module: str, *arguments: object) -> Drained:
    before_s = cpu_s(started.pid)
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT_S + 30,
    )
    drained = Drained(**json.loads(done.stdout.splitlines()[-1]))
    return replace(drained, events=count, broker_cpu_s=cpu_s(started.pid) - before_s)


def speed_of(drained: Drained) -> float:
    return drained.events / drained.took_s


def cpu_of(drained: Drained) -> float:
    """CPU seconds of sender and broker for 10,000 events."""
    return (drained.cpu_s + drained.broker_cpu_s) / drained.events * 10_000


def _ratio(ours: list[Drained], theirs: list[Drained], figure: Figure) -> Ratio:
    return ratio([figure(one) for one in ours], [figure(one) for one in theirs])


def said(drains: list[Drained]) -> str:
    left = max(drained.left for drained in drains)
    lag = f", {left:,} confirmed rows still to remove" if left > SWEEP else ""
    return f"{_middle(drains, speed_of):,.0f}/s{lag}"


def _cpu_said(drains: list[Drained]) -> str:
    return f"{_middle(drains, cpu_of):.3f} s"


def _middle(drains: list[Drained], figure: Figure) -> float:
    return median(figure(one) for one in drains)
