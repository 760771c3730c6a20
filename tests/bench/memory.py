"""Resident memory of the whole agent, without a camera, its pages looked at; and what a backlog adds.

After a restart, as a box is but for its first day: making a new database imports more than using one.
"""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.vitals import LOOK_S, SETTLED_S
from tests.bench.commits import Commits
from tests.bench.events import fill
from tests.bench.figures import Row, Size
from tests.bench.processes import rss_mib
from tests.broker import Broker, mosquitto_program
from tests.eventually import eventually
from tests.story.counter import CODES, Counter, Province

REACH_MIB, REACH_MORE_MIB = 60.0, 1.0
PAGES = ("/screen", "/status", "/static/screen/main.js", "/static/status/status.js", "/fonts/400.ttf")
NOWHERE = "mqtt://127.0.0.1:9"


def measure(folder: Path, size: Size) -> Iterator[Row]:
    if mosquitto_program() is not None:
        first_day, fresh, later = _in_use(folder)
        yield Row(
            "RSS with web pages, without camera and browser",
            f"{later:.1f} MiB",
            reach=f"≤ {REACH_MIB:.0f} MiB",
            reached=later <= REACH_MIB,
        )
        yield Row("— a moment after its start", f"{fresh:.1f} MiB")
        yield Row("— a moment after its first start, which made the database", f"{first_day:.1f} MiB")
    empty = _waiting(folder / "empty", 1)
    full = _waiting(folder / "full", size.great_backlog)
    more = full - empty
    yield Row(
        f"RSS added by {size.great_backlog:,} waiting events",
        f"{more:+.2f} MiB",
        f"the same agent with one waiting {empty:.1f} MiB",
        reach=f"≤ {REACH_MORE_MIB:.0f} MiB",
        reached=more <= REACH_MORE_MIB,
    )


def _in_use(folder: Path) -> tuple[float, float, float]:
    """MiB of the agent that made its database; of the one started after it; of that one once it has settled."""
    (folder / "broker").mkdir()
    with Broker(folder / "broker") as broker:
        province = Province(broker, folder / "province.db")
        province.start()
        try:
            counter = Counter(folder / "counter", broker.url)
            with closing_counter(counter):
                first_day, _ = _used(counter, province, 4)
                counter.stop()
                counter.log.unlink()
                return first_day, *_used(counter, province, 8, settled_s=SETTLED_S + 2 * LOOK_S)
        finally:
            province.stop()


def _used(counter: Counter, province: Province, ratings: int, *, settled_s: float = 0.0) -> tuple[float, float]:
    """MiB at once, and so many seconds later."""
    counter.start()
    for code in CODES:
        counter.press(code)
    with open_pages(counter):
        eventually(lambda: len(province.seqs()) == ratings, within_s=20)
        fresh = rss_mib(counter.process.pid)
        time.sleep(settled_s)
        return fresh, rss_mib(counter.process.pid)


@contextmanager
def open_pages(counter: Counter) -> Iterator[None]:
    """Look at every kind of page, and stay on those that tell news."""
    host = counter.web.removeprefix("http://")
    pages = [_page(host, path) for path in PAGES]
    pages += [_page(host, path, whole=False) for path in ("/events", "/status/events")]
    yield
    for connection in pages:
        connection.close()


def _page(host: str, path: str, *, whole: bool = True) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200, f"{path}: {answer.status}"
    if whole:
        answer.read()
    else:
        answer.readline()
    return connection


def _waiting(folder: Path, count: int) -> float:
    """MiB of an agent that holds so many ratings and reaches nobody."""
    counter = Counter(folder, NOWHERE)
    counter.settings["outbox"]["limit_mb"] = 4096
    with closing_counter(counter):
        counter.outbox.parent.mkdir()
        fill(counter.outbox, count)
        counter.start()
        eventually(lambda: counter.web)
        with Commits(counter.outbox) as commits:
            for code in CODES:
                before = commits.count
                counter.keypad.press(code)
                commits.await_next(before)
        return rss_mib(counter.process.pid)


@contextmanager
def closing_counter(counter: Counter) -> Iterator[None]:
    try:
        yield
    finally:
        counter.close()
        counter.outbox.unlink(missing_ok=True)
