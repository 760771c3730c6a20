"""CPU time from the start of the daemon to its first stored press, beside that of a bare interpreter.

The keypad is pressed again and again from the beginning; what counts is the process's own CPU time at the moment
when a rating is on the disk. Byte code is compiled before, as it is on a box.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.figures import Row, Size, ms, ratio
from tests.bench.memory import NOWHERE, closing_counter
from tests.bench.processes import cpu_s
from tests.story.counter import CODES, Counter

BARE = ("-S", "-c", "pass")
"""Without the packages' own start-up hooks, of which a development machine has many."""
LIBRARIES = ("-c", "import sqlite3, paho.mqtt.client, pydantic\nclass Model(pydantic.BaseModel):\n    a: int")
REACH_S, REACH_BARE_S = 0.450, 0.011
"""What was promised, on a machine on which a bare interpreter takes so long."""
PRESS_EVERY_S = 0.005


def measure(folder: Path, size: Size) -> Iterator[Row]:
    counter = Counter(folder / "counter", NOWHERE)
    bare, libraries, agent = [], [], []
    with closing_counter(counter):
        _first_press(counter)  # makes the database, compiles the byte code
        _interpreter(*BARE)
        _interpreter(*LIBRARIES)
        for _ in range(2 * size.rounds + 1):
            bare.append(_interpreter(*BARE))
            libraries.append(_interpreter(*LIBRARIES))
            agent.append(_first_press(counter))
    found = ratio(agent, bare)
    yield Row(
        "CPU from start to the first stored press",
        ms(median(agent)),
        f"bare python {ms(median(bare))}",
        found,
        f"≤ {REACH_S * 1e3:.0f} ms where bare python takes {REACH_BARE_S * 1e3:.0f}: ≤ {REACH_S / REACH_BARE_S:.0f}",
        found.middle <= REACH_S / REACH_BARE_S,
    )
    yield Row(
        "— for comparison: importing paho, sqlite3 and pydantic alone",
        ms(median(libraries)),
        f"bare python {ms(median(bare))}",
        ratio(libraries, bare),
    )


def _interpreter(*arguments: str) -> float:
    """CPU seconds of an interpreter from its start to its end."""
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ)
    _, status, used = os.wait4(pid, 0)
    assert status == 0, f"the interpreter ended with {status}"
    return used.ru_utime + used.ru_stime


def _first_press(counter: Counter) -> float:
    before = len(counter.stored())
    counter.launch()
    pid = counter.process.pid
    number = 0
    while len(counter.stored()) == before:
        counter.keypad.press(CODES[number % len(CODES)])
        number += 1
        time.sleep(PRESS_EVERY_S)
    used = cpu_s(pid)
    counter.await_ready()
    counter.stop()
    return used
