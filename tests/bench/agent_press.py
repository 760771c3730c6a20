"""Driver byte to durable, through the whole agent: the daemon as it is installed, seen from outside.

A byte goes into the keypad's pseudo-terminal; the rating counts as stored when the database's own
index says so. In turns with it: the bare device write, and the store alone in this process.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from agent.clock import SystemClock
from tests.bench.commits import Commits
from tests.bench.events import HANOI, outbox_at, rating
from tests.bench.figures import Row, Size, ms, percentile, ratio_of_blocks
from tests.bench.floor import DevicePage
from tests.eventually import eventually
from tests.story.counter import CODES, Counter

MORE_S = 0.002
PAUSE_S = 0.01
"""A counter is no tight loop: everybody sleeps before each press."""


def measure(folder: Path, size: Size) -> Iterator[Row]:
    with ExitStack() as stack:
        counter = Counter(folder / "counter", "mqtt://127.0.0.1:9")
        stack.callback(counter.close)
        counter.start()
        counter.press()
        eventually(lambda: counter.web)
        commits = stack.enter_context(Commits(counter.outbox))
        page = stack.enter_context(DevicePage(folder / "floor"))
        outbox = stack.enter_context(closing(outbox_at(folder / "store.db", SystemClock(HANOI))))
        fact = rating(SystemClock(HANOI))
        floor, store, agent = [], [], []
        for number in range(-10, size.presses // 2):
            time.sleep(PAUSE_S)
            floor.append(_timed(page.write))
            store.append(_timed(lambda: outbox.append(fact)))
            before, began = commits.count, time.perf_counter()
            counter.keypad.press(CODES[number % len(CODES)])
            agent.append(commits.await_next(before) - began)
            if number < 0:
                del floor[:], store[:], agent[:]
        stored = len(counter.stored())
        assert stored == size.presses // 2 + 11, f"{stored} ratings are stored, not as many as were pressed"
    more = median(whole - alone for whole, alone in zip(agent, store, strict=True))
    yield Row(
        "key byte to durable, whole agent, p50",
        ms(median(agent)),
        f"bare 4 KiB write {ms(median(floor))}, the store alone {ms(median(store))}",
        ratio_of_blocks(agent, floor),
        f"the store + {MORE_S * 1e3:.0f} ms; here + {more * 1e3:.2f} ms",
        more <= MORE_S,
    )
    yield Row(
        "key byte to durable, whole agent, p99",
        ms(percentile(agent, 99)),
        f"bare 4 KiB write {ms(percentile(floor, 99))}, the store alone {ms(percentile(store, 99))}",
    )


def _timed(act: object) -> float:
    began = time.perf_counter()
    act()  # type: ignore[operator]
    return time.perf_counter() - began
