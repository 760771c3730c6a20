"""What must be true of every cut: the promises made before it are kept by what is found after it.

A promise is made when bytes leave the counter: a thank-you, an event on its way to the broker, the epoch in a
watermark, the number of a session. It is given back only by the province, when it says that it has stored an event.
"""

import json
import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from agent.alive import AliveMark
from agent.errors import TryAgain
from agent.event import GENESIS, Lane, Stream
from agent.outbox.chain import Break, verify
from agent.outbox.store import Outbox
from tests.powercut.disk import Disk, Fate, Law, Luck
from tests.powercut.operations import Heard, Make, Move, Operation, Said
from tests.powercut.scenarios import Scenario, outbox_at, rating
from tests.story.counter import AGENT

LUCKS = (Luck.SOME, Luck.NOTHING, Luck.SOME, Luck.LAST, Luck.SOME, Luck.NAMES, Luck.SOME, Luck.EVERYTHING)

_THANKS = re.compile(rb'"token":"([0-9a-f]+)-(\d+)"')
_EVENT = re.compile(rb'"id":"([a-z0-9-]+/\w{26}/\w+/\d+)"')
_EPOCH = re.compile(rb'"epoch":"(\w{26})"')
_SESSION = re.compile(rb'"session":(\d+)')
_CONFIRMED = re.compile(rb"down/ack/(\w+)[^{]*(\{[^}]*\})")


@dataclass
class Ledger:
    """What the world has been told so far, and what it has confirmed."""

    scenario: Scenario
    promised: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    epoch: str | None = None
    session: int = 0
    """The highest number that a connection was given."""
    versions: dict[str, tuple[bytes | None, ...]] = field(default_factory=dict)
    """What each file that is replaced may contain: the newest, and the one before while that was not yet certain."""
    _runs: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.promised = set(self.scenario.durable)
        start = self.scenario.recording.start
        self.versions = {path: (start.get(path),) for path in self.scenario.whole}

    def take(self, operation: Operation, disk: Disk) -> None:
        match operation:
            case Said(data):
                self._said(data)
            case Heard(data):
                for lane, body in _CONFIRMED.findall(data):
                    self._heard(lane.decode(), json.loads(body))
            case Move(_, to) if to in self.versions:
                self.versions[to] = (self.versions[to][-1], disk.content(to))
            case Make(path):
                for name, found in self.versions.items():
                    if path == f".{name}.new":  # whoever writes it again has returned from the time before
                        self.versions[name] = found[-1:]

    def _said(self, data: bytes) -> None:
        self.promised |= {name.decode() for name in _EVENT.findall(data)}
        for run, count in _THANKS.findall(data):
            if run not in self._runs:
                self._runs.append(run)
            self.promised |= set(self.scenario.lives[self._runs.index(run)][: int(count)])
        for epoch in _EPOCH.findall(data):
            self.epoch = epoch.decode()
        self.session = max([self.session, *map(int, _SESSION.findall(data))])

    def _heard(self, lane: str, said: dict[str, object]) -> None:
        upto, missing = said["upto"], said["missing"]
        assert isinstance(upto, int)
        assert isinstance(missing, list)
        holes = {seq for first, last in missing for seq in range(first, last + 1)}
        self.confirmed |= {f"{AGENT}/{said['epoch']}/{lane}/{seq}" for seq in range(1, upto + 1) if seq not in holes}


def sweep(scenario: Scenario, instants: int, chance: random.Random) -> list[str]:
    """Cut the power at *instants* moments of *scenario*, by both laws; what was wrong, in words."""
    complaints: list[str] = []
    for law in Law:
        times = _instants(scenario, instants // len(Law), chance)
        disk, ledger = Disk(scenario.recording, law), Ledger(scenario)
        for number, operation in enumerate(scenario.recording.operations):
            disk.step(operation)
            ledger.take(operation, disk)
            for luck in times.get(number, ()):
                found = disk.cut(Fate(luck, chance))
                try:
                    examine(found, scenario, ledger)
                except AssertionError as error:
                    complaints.append(f"{scenario.name}, operation {number}, {law.value}, {luck.value}: {error}")
        assert disk.live() == scenario.recording.end, "the record does not explain what the program left"
    return complaints


def _instants(scenario: Scenario, count: int, chance: random.Random) -> dict[int, list[Luck]]:
    """When to cut, and with how much luck: after words, around names and flushes, and anywhere, a third each."""
    operations = scenario.recording.operations
    anywhere = range(len(operations))
    words = [number for number in anywhere if isinstance(operations[number], Said)]
    turns = [number for number in anywhere if type(operations[number]).__name__ not in ("Write", "Said", "Heard")]
    times: dict[int, list[Luck]] = {}
    for number in range(count):
        moment = chance.choice((words, turns, anywhere)[number % 3] or anywhere)
        times.setdefault(moment, []).append(LUCKS[number // 3 % len(LUCKS)])
    return times


@contextmanager
def laid_out(files: dict[str, bytes]) -> Iterator[Path]:
    """*files* as a folder, in memory where the machine has such a place: its flushes cost nothing."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="powercut-", dir=memory if memory.is_dir() else None))
    try:
        for path, data in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield folder
    finally:
        shutil.rmtree(folder)


def examine(found: dict[str, bytes], scenario: Scenario, ledger: Ledger) -> None:
    """Start again on what was found.

    Raises:
        AssertionError: a promise was broken, or a file is torn.
    """
    for path, allowed in ledger.versions.items():
        assert found.get(path) in allowed, f"{path} is neither the old one nor the new one"
    if found.get("alive.json"):
        AliveMark.decode(found["alive.json"])
    for path, data in found.items():
        if path.startswith(f"{scenario.pictures}/") and not Path(path).name.startswith("."):
            assert data == scenario.recording.end.get(path, data), f"{path} is torn"
    if scenario.database:
        with laid_out({path: data for path, data in found.items() if path.startswith(scenario.database)}) as folder:
            _examine_outbox(folder / scenario.database, scenario, ledger)


def _examine_outbox(path: Path, scenario: Scenario, ledger: Ledger) -> None:
    with closing(outbox_at(path)) as outbox:
        try:
            outbox.open()
            rows = _read(outbox)
        except TryAgain:
            assert scenario.may_begin_anew
            rows = _read(outbox)
        marks = outbox.marks()
        if not scenario.may_begin_anew:
            assert ledger.epoch in (None, outbox.epoch), f"epoch {ledger.epoch} was told, now it is {outbox.epoch}"
            assert rows.keys() <= scenario.bodies.keys(), f"invented: {min(rows.keys() - scenario.bodies.keys())}"
        lost = ledger.promised - rows.keys() - ledger.confirmed
        assert not lost, f"lost {len(lost)} of {len(ledger.promised)} promised, among them {min(lost)}"
        changed = [name for name, body in rows.items() if scenario.bodies.get(name, body) != body]
        assert not changed, f"other bytes than were promised: {changed[0]}"
        event, before = outbox.append(rating(3))[0], marks[Lane.RECORD]
        assert (event.seq, event.previous) == (before.last + 1, before.head), "the numbers do not go on"
        assert outbox.next_session() > ledger.session, f"session {ledger.session} was had before"
    with closing(sqlite3.connect(path)) as db:
        verdict = db.execute("pragma integrity_check").fetchone()[0]
        assert verdict == "ok", f"integrity: {verdict}"


def _read(outbox: Outbox) -> dict[str, bytes]:
    """Every event in *outbox*, salvaged ones among them, by id; what is of its own epoch must be one chain."""
    rows: dict[str, bytes] = {}
    for stream in {*(Stream(outbox.epoch, lane) for lane in Lane), *outbox.waiting()}:
        found = outbox.read(stream, 1, 2**31)
        rows |= {f"{AGENT}/{stream.epoch}/{stream.lane}/{seq}": body for seq, body in found}
        if stream.epoch == outbox.epoch:
            before: tuple[tuple[int, bytes], ...] = ()
            for row in found:
                broken = _break(*before, row)
                assert broken is None, f"the chain of {stream.lane} is broken: {broken}"
                before = (row,)
    return rows


@cache
def _break(*rows: tuple[int, bytes]) -> Break | None:
    """What is wrong with one link; the same few are asked about at every cut."""
    return verify(rows, previous=GENESIS if rows[0][0] == 1 else None).broken
