"""Killed or cut off at any instant, a vote is in the box or in its lane: never in both, never in neither."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.outbox.store import Outbox
from tests.conftest import require
from tests.outbox.conftest import outbox_at, stream
from tests.powercut.disk import Disk, Fate, Law, Luck
from tests.powercut.operations import Recording, Said
from tests.powercut.recording import run_recorded, strace_program

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)

PROGRAM = """
import random, sys
from datetime import UTC, datetime
from pathlib import Path
from agent.clock import ManualClock
from agent.event import EventType, Fact
from agent.outbox.store import Outbox

path, prefix, count = Path(sys.argv[1]) / "outbox.db", sys.argv[2], int(sys.argv[3])
clock, chance = ManualClock(datetime(2026, 9, 1, 8, tzinfo=UTC)), random.Random(5)
outbox = Outbox(path, province="40", agent="na-0123", clock=clock, keep_days=0)
outbox.open()
for number in range(count):
    def fact(level):
        return Fact(EventType.RATING, clock.now(), clock.quality(), {"nonce": f"{prefix}-{number}", "level": level})
    key = outbox.hold(fact(0), token=f"{prefix}-{number}".encode(), slot=1_788_000_000 + number)
    print(f"{prefix}-{number}/0", flush=True)
    if number % 3 == 0:
        outbox.amend(key, fact(1))
        print(f"{prefix}-{number}/1", flush=True)
    if number % 4 == 3:
        outbox.release(lambda held: [item for item in held.items() if chance.random() < 0.8])
        print("released", flush=True)
"""


def votes_in(outbox: Outbox) -> list[tuple[str, int]]:
    """Name and level of every vote, wherever it lies."""
    with closing(sqlite3.connect(f"file:{outbox.path}?mode=ro", uri=True)) as db:
        found = [body for (body,) in db.execute("select body from box")]
    found += [body for _, body in outbox.read(stream(outbox), 1, 10**6)]
    return [(data["nonce"], data["level"]) for data in (json.loads(body)["data"] for body in found)]


def examine(database: Path, promised: dict[str, int]) -> None:
    """Every promised vote is there once, with the level promised last or a later one; and everything adds up."""
    with closing(outbox_at(database, ManualClock(NOW))) as outbox:
        outbox.open()
        standing = outbox.standing()
        votes = votes_in(outbox)
        twice = [name for name, count in Counter(name for name, _ in votes).items() if count > 1]
        assert not twice, f"in the box and in the lane: {twice}"
        levels = dict(votes)
        lost = [name for name, level in promised.items() if levels.get(name, -1) < level]
        assert not lost, f"in neither, or not as it was put right: {lost}"
        assert standing.cast == len(votes) == standing.held + sum(mark.last for mark in standing.lanes.values())
        assert all(outbox.is_spent(name.encode(), 1_788_000_000 + int(name.rpartition("-")[2])) for name in levels)


def promises(said: list[str]) -> dict[str, int]:
    made: dict[str, int] = {}
    for line in said:
        name, slash, level = line.partition("/")
        if slash and level:
            made[name] = int(level)
    return made


def test_killed_at_random_moments_every_vote_is_in_one_place(tmp_path: Path) -> None:
    chance, promised = random.Random(3), dict[str, int]()
    for life in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), f"life{life}", "100000"],
            stdout=subprocess.PIPE,
            env=os.environ,
            text=True,
        ) as process:
            assert process.stdout is not None
            said = [process.stdout.readline().strip()]
            time.sleep(chance.uniform(0.02, 0.3))  # a moment nobody chose
            process.kill()
            said += process.stdout.read().split("\n")[:-1]
        promised |= promises(said)
        examine(tmp_path / "outbox.db", promised)
    assert len(promised) > 5


@pytest.mark.parametrize("law", Law)
def test_cut_off_at_any_write_every_vote_is_in_one_place(tmp_path: Path, law: Law) -> None:
    require(strace_program(), "strace, or the right to use it,")
    root = tmp_path / "state"
    root.mkdir()
    recording = Recording.of(root)
    run_recorded(recording, PROGRAM, str(root), "cut", "16", log=tmp_path / "strace")
    chance, disk, said = random.Random(11), Disk(recording, law), list[str]()
    words = sum(isinstance(operation, Said) for operation in recording.operations)
    assert words > 20
    for number, operation in enumerate(recording.operations):
        disk.step(operation)
        if isinstance(operation, Said):
            said += operation.data.decode().splitlines()
        if not said or chance.random() > 80 / len(recording.operations):
            continue
        found = disk.cut(Fate(chance.choice(list(Luck)), chance))
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        for path, data in found.items():
            (folder / path).write_bytes(data)
        examine(folder / "outbox.db", promises(said))
