"""Everything that goes wrong at a counter, at once and at random, for as long as one likes; then the books.

Each part of the world has an actor of its own, who breaks it for a while and mends it again: the daemon, the
broker and the province are killed, the link is slow, deaf, silent or cut, the keypad is unplugged, the
configuration saved well and badly, the card is full. Meanwhile somebody presses keys and counts the thank-yous.
When everybody has stopped, the province must have every event exactly once, byte for byte, in one unbroken
chain, and no fewer ratings than were thanked for.
"""

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from agent.event import Lane
from agent.outbox import rows
from agent.verify import verify_file
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import AGENT, CODES, Counter
from tests.wire import Wire

CARD_MB = 24
_TOKEN = re.compile(rb'"token":"([0-9a-f]+)-(\d+)"')


class ProvinceProcess:
    """The province's receiver as a process, to be killed."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.store = folder / "province.db"
        self._log = folder / "province.log"
        self._broker = broker
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["province", "receive", "--province", "40", "--broker", self._broker.url, "--store", str(self.store)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "agent", *command], stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@contextmanager
def small_card(folder: Path) -> Iterator[Path]:
    """A card of `CARD_MB`, where this user may make one; else a plain folder, which never fills up."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={CARD_MB}m", "tmpfs", str(folder)]
    is_small = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield folder
    finally:
        if is_small:
            subprocess.run(["umount", "-l", folder], check=True)


class Screen(threading.Thread):
    """Reads the thank-yous of one life of the daemon."""

    def __init__(self, web: str) -> None:
        super().__init__(name="screen")
        self._connection = HTTPConnection(web.removeprefix("http://"), timeout=10)
        self.thanks = 0

    def run(self) -> None:
        with closing(self._connection), suppress(OSError, HTTPException, ValueError):
            self._connection.request("GET", "/events")
            for line in self._connection.getresponse():
                if found := _TOKEN.search(line):
                    self.thanks = int(found[2])


@dataclass
class Tallies:
    """What happened."""

    seed: int
    faults: Tally[str] = field(default_factory=Tally)
    presses: int = 0
    thanks: int = 0
    events: int = 0
    ratings: int = 0

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {self.presses} presses, {self.thanks} thanked for, {self.ratings} ratings"
            f" and {self.events} events at the province, each once; {faults}"
        )


class World:
    """One counter with its card, its line, its broker and its province."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        (folder / "broker").mkdir()
        self.broker = stack.enter_context(Broker(folder / "broker"))
        self.wire = stack.enter_context(Wire(self.broker.port))
        self.card = stack.enter_context(small_card(folder / "card"))
        self.counter = Counter(folder / "counter", self.wire.url)
        stack.callback(self.counter.close)
        self.counter.outbox = self.card / "outbox.db"
        self.counter.settings["outbox"]["path"] = str(self.counter.outbox)
        self.province = ProvinceProcess(folder, self.broker)
        stack.callback(self.province.kill)
        self.screens: list[Screen] = []
        self._saving = threading.Lock()
        """A daemon that starts finds a good file: a bad one would, rightly, keep it from starting."""

    def start_counter(self) -> None:
        with self._saving:
            self.counter.log.unlink(missing_ok=True)
            self.counter.start()
        self.screens.append(Screen(self.counter.web))
        self.screens[-1].start()

    def save(self, commune: object) -> None:
        with self._saving:
            good, self.counter.settings["counter"]["commune"] = self.counter.settings["counter"]["commune"], commune
            self.counter.write_config()
            if not isinstance(commune, str):
                self.counter.settings["counter"]["commune"] = good

    def fill_card(self) -> None:
        with (self.card / "filler").open("wb", buffering=0) as file, suppress(OSError):
            for _ in range(CARD_MB * 16):
                file.write(bytes(64 * 1024))

    def free_card(self) -> None:
        (self.card / "filler").unlink(missing_ok=True)


class Actor(threading.Thread):
    """Breaks one part of the world, mends it after a while, and again, until it is over."""

    def __init__(
        self, name: str, pause_s: float, faults: dict[str, Callable[[], None]], mend: Callable[[], None], *, seed: str
    ) -> None:
        super().__init__(name=name)
        self._pause_s = pause_s
        self._faults = faults
        self._mend = mend
        self._chance = random.Random(seed)
        self.over = threading.Event()
        self.done: Tally[str] = Tally()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.over.wait(self._chance.uniform(0.2, 2) * self._pause_s):
                fault = self._chance.choice(list(self._faults))
                self._faults[fault]()
                self.done[fault] += 1
                self.over.wait(self._chance.uniform(0, 0.6) * self._pause_s)
                self._mend()
        except BaseException as error:  # noqa: BLE001 - told on the main thread
            self.error = error


def actors(world: World, seed: int) -> list[Actor]:
    wire, chance = world.wire, random.Random(f"{seed} details")

    def slow() -> None:
        wire.delay_s = chance.uniform(0.05, 1)

    def deaf() -> None:
        wire.is_deaf = True

    def hole() -> None:
        wire.is_hole = True

    def mend_wire() -> None:
        if chance.random() < 0.5:
            wire.cut()
        wire.heal()

    def kill_counter() -> None:
        world.counter.kill(after_s=chance.uniform(0, 0.5))

    def stop_counter() -> None:
        world.counter.stop()

    cast: dict[str, tuple[float, dict[str, Callable[[], None]], Callable[[], None]]] = {
        "counter": (8, {"kills of the daemon": kill_counter, "stops of the daemon": stop_counter}, world.start_counter),
        "broker": (7, {"kills of the broker": world.broker.kill}, world.broker.start),
        "province": (8, {"kills of the province": world.province.kill}, world.province.start),
        "wire": (4, {"slow links": slow, "deaf links": deaf, "half-open links": hole, "cuts": wire.cut}, mend_wire),
        "keypad": (5, {"unplugged keypads": world.counter.keypad.unplug}, world.counter.keypad.replug),
        "config": (
            4,
            {
                "good files": lambda: world.save(str(chance.randrange(10000, 99999))),
                "bad files": lambda: world.save([chance.random()]),
            },
            lambda: None,
        ),
        "card": (6, {"full cards": world.fill_card}, world.free_card),
    }
    return [Actor(name, *part, seed=f"{seed} {name}") for name, part in cast.items()]


def soak(folder: Path, seconds: float, seed: int) -> Tallies:
    """Let everything go wrong for *seconds*, mend it, and settle the books.

    Raises:
        AssertionError: an event is missing, doubled, changed or out of its chain, or a part could not be mended.
    """
    tallies = Tallies(seed)
    with ExitStack() as stack:
        world = World(folder, stack)
        world.province.start()
        world.start_counter()
        cast = actors(world, seed)
        try:
            for actor in cast:
                actor.start()
            _press(world, seconds, random.Random(f"{seed} presses"), tallies, cast)
        finally:
            for actor in cast:
                actor.over.set()
            for actor in cast:
                actor.join(60)
        for actor in cast:
            if actor.error is not None:
                raise AssertionError(f"seed {seed}, {actor.name}: {actor.error}\n{world.counter.said}") from actor.error
            tallies.faults += actor.done
        _settle(world, tallies)
    return tallies


def _press(world: World, seconds: float, chance: random.Random, tallies: Tallies, cast: list[Actor]) -> None:
    until_s = time.monotonic() + seconds
    never = threading.Event()
    while time.monotonic() < until_s and not any(actor.error for actor in cast):
        world.counter.keypad.press(chance.choice(CODES))
        tallies.presses += 1
        never.wait(chance.expovariate(8))


def _settle(world: World, tallies: Tallies) -> None:
    """Everything is mended: a last planned restart forgets the long waits, and then the books must balance."""
    world.counter.stop()
    world.start_counter()
    world.counter.press("31")
    tallies.presses += 1
    try:
        eventually(lambda: _books_balance(world), within_s=120, every_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"seed {tallies.seed}: {error}\n{world.counter.said[-4000:]}") from error
    world.counter.stop()
    for screen in world.screens:
        screen.join(15)
    world.province.kill()
    ours, theirs = _events(world.counter.outbox), _events(world.province.store)
    assert ours == theirs
    verdicts = verify_file(world.province.store)
    assert not [verdict for verdict in verdicts if verdict.broken], verdicts
    assert len({verdict.place.epoch for verdict in verdicts}) == 1, "the database was replaced"
    tallies.events = len(theirs)
    tallies.ratings = sum(f"/{Lane.RECORD}/" in name for name in theirs)
    tallies.thanks = sum(screen.thanks for screen in world.screens)
    assert tallies.thanks <= tallies.ratings, f"{tallies.thanks} thanked for, {tallies.ratings} stored"


def _books_balance(world: World) -> bool:
    ours, theirs = _events(world.counter.outbox), _events(world.province.store)
    missing = [name for name in ours if name not in theirs]
    assert not missing, f"the province lacks {len(missing)} of {len(ours)} events, among them {missing[:3]}"
    return True


def _events(path: Path) -> dict[str, bytes]:
    """Every event in a counter's or a province's database by its id; each id must be there once."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
        names = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        if "event" in names:
            bodies = [body for (body,) in db.execute("select body from event")]
        else:
            bodies = [body for lane in Lane for _, body in rows.events(db, lane)]
    events = {json.loads(body)["id"]: bytes(body) for body in bodies}
    assert len(events) == len(bodies), "an event is there twice"
    assert all(name.startswith(f"{AGENT}/") for name in events)
    return events
