"""Lives of a counter that are recorded to be cut: each ends with a record and with what must be true of any cut."""

import json
import re
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from agent.clock import ManualClock
from agent.event import EventType, Fact, Lane
from agent.outbox import rows
from agent.outbox.database import WAL_PAGES
from agent.outbox.store import Outbox
from tests.broker import Broker
from tests.eventually import eventually
from tests.powercut.operations import Recording
from tests.powercut.recording import read_log, run_recorded, under_strace
from tests.screen.pictures import noise, plain
from tests.story.counter import AGENT, CODES, Counter, Ear, Province

Bodies = dict[str, bytes]
"""Events by their id."""


@dataclass
class Scenario:
    """A record, and what is known of the events and files in it."""

    name: str
    recording: Recording
    database: str = "outbox.db"
    bodies: Bodies = field(default_factory=dict)
    """Every event that ever was."""
    durable: set[str] = field(default_factory=set)
    """Events that were there, told of, before the record began."""
    lives: list[list[str]] = field(default_factory=list)
    """The ratings pressed in each life, in order: the n-th thank-you of a life is for the n-th of them."""
    whole: tuple[str, ...] = ("alive.json",)
    """Files that are replaced, and must always be one of their versions."""
    pictures: str = "screen"
    """The folder of renditions: each is absent or what it is at the end."""
    may_begin_anew: bool = False
    """The database is damaged from the start: another epoch may take its place, with what was sound in it."""


def outbox_at(path: Path) -> Outbox:
    clock = ManualClock(datetime.now(UTC))
    return Outbox(path, province="40", agent=AGENT, clock=clock, keep_days=0)


def rating(level: int) -> Fact:
    clock = ManualClock(datetime.now(UTC))
    return Fact(EventType.RATING, clock.now(), clock.quality(), {"level": level})


def events_in(database: Path) -> Bodies:
    """Every event in a database that is what was written, by its id."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        found, forms = [], rows.Forms(db)
        for lane in tables & set(Lane):
            form = rows.form_column(db, Lane(lane))
            for row in db.execute(f"select body, {form}, crc from {lane}").fetchall():
                body = forms.event(*row)
                if body is not None:
                    found.append(body)
        found += [body for (body,) in db.execute("select body from salvaged")] if "salvaged" in tables else []
    return {json.loads(body)["id"]: body for body in found}


def stored_by(province: Province) -> Bodies:
    """Every event that *province* has, by its id."""
    with closing(sqlite3.connect(f"file:{province.path}?mode=ro", uri=True)) as db:
        return {json.loads(body)["id"]: body for (body,) in db.execute("select body from event")}


# -- a life ------------------------------------------------------------------------------------------

_TOKEN = re.compile(rb'"token":"[0-9a-f]+-(\d+)"')


class Screen:
    """A screen in the hall: it shows a thank-you, and nobody goes home before it has."""

    def __init__(self, web: str) -> None:
        self._connection = HTTPConnection(web.removeprefix("http://"), timeout=20)
        self._connection.request("GET", "/events")
        self._lines = self._connection.getresponse()
        self._thanked = self._next()

    def _next(self) -> int:
        while True:
            line: bytes = self._lines.readline()
            assert line, "the page's stream ended"
            if found := _TOKEN.search(line):
                return int(found[1])

    def await_thanks(self) -> None:
        """Wait for one thank-you more than at the last time."""
        before = self._thanked
        while self._thanked == before:
            self._thanked = self._next()

    def close(self) -> None:
        self._connection.close()


class Life:
    """One life of the daemon, while it is recorded."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._screen = Screen(counter.web)

    def press(self, times: int) -> None:
        """Press keys, each after the thank-you for the one before."""
        for number in range(times):
            self._counter.keypad.press(CODES[number % len(CODES)])
            self._screen.await_thanks()

    def close(self) -> None:
        self._screen.close()


@contextmanager
def recorded_life(counter: Counter, scenario: Scenario) -> Iterator[Life]:
    """Run the daemon under the recorder; after its planned end the scenario knows what it did."""
    log = counter.folder / f"life-{len(scenario.lives)}.strace"
    counter.log.unlink(missing_ok=True)
    before = _last_rating(events_in(counter.outbox))
    counter.under = under_strace(log)
    counter.start()
    with closing(Life(counter)) as life:
        yield life
    counter.stop()
    counter.under = ()
    read_log(scenario.recording, log)
    scenario.bodies |= events_in(counter.outbox)
    last = _last_rating(scenario.bodies)
    scenario.lives.append([f"{AGENT}/{counter.epoch}/{Lane.RECORD}/{seq}" for seq in range(before + 1, last + 1)])


def _last_rating(events: Bodies) -> int:
    """The highest number in lane `record`, which holds nothing but ratings here."""
    return max((int(name.rpartition("/")[2]) for name in events if f"/{Lane.RECORD}/" in name), default=0)


def begin(name: str, counter: Counter) -> Scenario:
    """A scenario over *counter*'s state as it is on the disk now; its folder is there before, as systemd makes it."""
    counter.outbox.parent.mkdir(parents=True, exist_ok=True)
    bodies = events_in(counter.outbox)
    return Scenario(name, Recording.of(counter.outbox.parent), bodies=bodies, durable=set(bodies))


def leave_as_killed(outbox: Outbox) -> None:
    """Close *outbox* and leave its files as a kill would have: with a log that is not yet in the database."""
    files = {path: path.read_bytes() for path in (outbox.path, outbox.path.with_name(outbox.path.name + "-wal"))}
    outbox.close()
    for path, data in files.items():
        path.write_bytes(data)


def frames(wal: bytes) -> int:
    """How many frames of a write-ahead log are of its present round (https://sqlite.org/fileformat2.html#walformat)."""
    (page_bytes,) = struct.unpack_from(">I", wal, 8)
    salts, count = wal[16:24], 0
    while wal.startswith(salts, 32 + count * (24 + page_bytes) + 8):
        count += 1
    return count


# -- the scenarios -----------------------------------------------------------------------------------


def presses_over_a_checkpoint(counter: Counter, *, presses: int = 100) -> Scenario:
    """Presses on a log that a kill left nearly full: recovery, a checkpoint, the log begun again, a clean end."""
    outbox = outbox_at(counter.outbox)
    outbox.open()
    wal = counter.outbox.with_name("outbox.db-wal")
    number = 0
    while (left := WAL_PAGES - 60 - frames(wal.read_bytes())) > 0:
        for _ in range(1 + left // 4):  # an event takes one frame or a few
            outbox.append(rating(number % 4))
            number += 1
    leave_as_killed(outbox)
    scenario = begin("presses over a checkpoint", counter)
    with recorded_life(counter, scenario) as life:
        life.press(presses)
    return scenario


def drain_with_removal(counter: Counter, broker: Broker, folder: Path) -> Scenario:
    """A backlog goes to a broker, then to a province that comes late, and leaves while keys are pressed."""
    outbox = outbox_at(counter.outbox)
    outbox.append(*(rating(number % 4) for number in range(700)))
    leave_as_killed(outbox)
    counter.settings["outbox"]["keep_days"] = 0
    scenario = begin("drain with removal", counter)
    province = Province(broker, folder / "province.db")
    province.start()
    assert province.is_subscribed.wait(10)
    province.stop()
    try:
        with Ear(broker.port).open("motcua/#") as ear, recorded_life(counter, scenario) as life:
            life.press(3)
            eventually(lambda: sum("/up/batch/" in topic for topic, _, _ in ear.messages) >= 7, within_s=30)
            time.sleep(0.5)  # the broker has said that it has them, and nobody else did
            province.start()
            eventually(lambda: len(province.seqs()) == 703, within_s=30)
            for _ in range(4):
                life.press(4)
            eventually(lambda: min(seq for seq, _ in counter.stored()) > 500, within_s=30)
            eventually(lambda: len(province.seqs()) == 719, within_s=30)
    finally:
        province.stop()
    scenario.bodies |= stored_by(province)
    return scenario


def first_start(counter: Counter) -> Scenario:
    """An empty folder: the database and its schema, renditions of pictures, the alive mark; and a second life."""
    scenario = begin("first start", counter)
    media = Path(counter.settings["screen"]["media"])
    (media / "one.png").write_bytes(plain((200, 20, 20)))
    for name, size in (("two.jpg", (2100, 300)), ("three.jpg", (300, 200))):
        (media / name).write_bytes(noise(size))
        pictures = len(list(media.iterdir()))
        with recorded_life(counter, scenario) as life:
            life.press(4)
            eventually(lambda: len(list((counter.outbox.parent / "screen").glob("[!.]*"))) == pictures, within_s=30)  # noqa: B023
    return scenario


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from agent.alive import AliveMark, write_mark
from agent.clock import ClockQuality, Moment
from agent.files import replace_file
from agent.screen.media.medium import Medium, Record, content_id
from agent.screen.media.store import MediaStore

root, at = Path(sys.argv[1]), datetime(2026, 9, 1, tzinfo=UTC)
store = MediaStore(root / "screen")
for number in range(30):
    moment = Moment(at + timedelta(minutes=number), ClockQuality.NTP, at)
    write_mark(root / "alive.json", AliveMark("boot", moment, at, is_clean=False))
    replace_file(root / "config.yaml", f"number: {number}\\n".encode() * (1 + number * 37 % 300))
    if number % 5 == 0:
        data = bytes((number,)) * 3000
        file, id_ = store.empty_workshop() / "source.png", content_id(data)
        file.write_bytes(data)
        store.enter(Record(id_, (Medium(id_, "", "image", len(data), 1, 1),)), [file])
    print(number, flush=True)
"""


def files_written_often(folder: Path) -> Scenario:
    """Thirty alive marks, configurations and some renditions, by the code that the agent writes them with."""
    root = folder / "state"
    root.mkdir()
    scenario = Scenario("files written often", Recording.of(root), database="", whole=("alive.json", "config.yaml"))
    run_recorded(scenario.recording, WRITER, str(root), log=folder / "writer.strace")
    return scenario


def damaged_database(counter: Counter, broker: Broker, folder: Path) -> Scenario:
    """A row is not what was written: the file is put aside, and what is sound in it goes into a new one."""
    outbox = outbox_at(counter.outbox)
    outbox.append(*(rating(number % 4) for number in range(60)))
    outbox.close()
    with closing(sqlite3.connect(counter.outbox)) as db:
        db.execute("update record set body = zeroblob(length(body)) where seq = 40")
        db.commit()
    outbox.append(*(rating(number % 4) for number in range(20)))
    leave_as_killed(outbox)
    scenario = begin("damaged database", counter)
    scenario.may_begin_anew = True
    province = Province(broker, folder / "province.db")
    province.start()
    try:
        with recorded_life(counter, scenario) as life:
            eventually(lambda: len(province.seqs()) >= 79, within_s=30)
            life.press(3)
    finally:
        province.stop()
    scenario.bodies |= stored_by(province)
    return scenario
