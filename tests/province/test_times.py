"""The receiver puts every time right that it can, whatever the order in which it hears of it."""

import json
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.alive import read_mark
from agent.clock import SystemClock
from agent.event import GENESIS, Event, EventType, Fact, Lane
from agent.province.arrival import read_event
from agent.province.store import ProvinceStore, ProvinceView
from agent.timekeeper import Timekeeper
from tests.moved_kernel import MovedKernel

AGENT = "na-0123"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TRUE_START = datetime(2026, 9, 1, 8, 0, tzinfo=ZONE)


class Counter:
    """A counter with one lane sequence each, whose true time is known."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "alive.json"
        self.true = TRUE_START
        self.bodies: list[bytes] = []
        self.truth: dict[str, datetime] = {}
        self.boots = 0
        self._seqs = dict.fromkeys(Lane, 0)

    def boot(self, wall: datetime, *, battery: bool = False) -> None:
        """The box is switched on at *wall*, which a hardware clock may have said."""
        self.boots += 1
        wall_s = wall.timestamp()
        self.kernel = MovedKernel(f"{self.boots:012x}", wall_s, battery_s=wall_s if battery else None)
        self.restart()

    def restart(self) -> None:
        """The agent alone dies and comes back."""
        mark = read_mark(self.path)
        self.clock = SystemClock(ZONE, mark.seen if mark is not None else None, kernel=self.kernel)
        self.keeper = Timekeeper(self.clock, self.path, mark)

    def pass_time(self, seconds: float) -> None:
        self.true += timedelta(seconds=seconds)
        self.kernel.pass_time(seconds)

    def sleep(self, seconds: float) -> None:
        self.true += timedelta(seconds=seconds)
        self.kernel.suspend(seconds)

    def step(self, seconds: float) -> None:
        """Somebody sets the clock by hand, though not to before 1970."""
        self.kernel.step(max(seconds, -self.kernel.wall_s))

    def hear_network(self) -> None:
        self.look()  # the keeper looks every second: a clock set and set right again is seen in between
        self.kernel.hear_network(self.true.timestamp())

    def go_offline(self) -> None:
        """So long without a network that the kernel vouches no more."""
        self.kernel.synchronised = False

    def leave(self) -> None:
        """Every boot of a history hears the network before its end."""
        self.rate()
        self.hear_network()
        self.look()

    def cut_power(self, off_by: float, battery: bool) -> None:
        """The box is switched on again a while later, with its clock so far off."""
        self.leave()
        self.true += timedelta(seconds=100)
        self.boot(max(self.true + timedelta(seconds=off_by), EPOCH), battery=battery)

    def look(self) -> None:
        self.keeper.look()
        self.keeper.tell(self.append)
        self.keeper.mark()

    def rate(self) -> None:
        self.append(Fact.seen(EventType.RATING, self.clock.read(), {"level": 3}))

    def append(self, *facts: Fact) -> None:
        for fact in facts:
            lane = fact.type.lane
            self._seqs[lane] += 1
            event = Event("40", AGENT, "EPOCH", lane, self._seqs[lane], GENESIS, self.clock.boot, fact)
            self.bodies.append(event.encode())
            assert fact.booted is not None
            ago = self.clock.read().age - (fact.at - fact.booted)
            self.truth[event.id] = self.true - ago


def receive(store: Path, bodies: Iterable[bytes], *, handful: int = 1) -> None:
    arrivals = [read_event(AGENT, body) for body in bodies]
    with closing(ProvinceStore(store)) as province:
        for start in range(0, len(arrivals), handful):
            province.store(arrivals[start : start + handful], at=datetime.now(UTC))


def times(store: Path, what: str = "at") -> dict[str, datetime]:
    """Every stored event's time, by its id."""
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute(f"select agent, epoch, lane, seq, {what} from event_time").fetchall()
    return {f"{agent}/{epoch}/{lane}/{seq}": datetime.fromisoformat(at) for agent, epoch, lane, seq, at in rows}


def off_by(counter: Counter, store: Path) -> float:
    """How wrong the worst time at the province is, in seconds."""
    found = times(store)
    assert found.keys() == counter.truth.keys()
    return max(abs((found[each] - true).total_seconds()) for each, true in counter.truth.items())


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "province.db"


EPOCH = datetime(1970, 1, 1, tzinfo=UTC).astimezone(ZONE)


def test_a_rating_from_1970_is_at_its_true_time_once_the_clock_event_is_here(counter: Counter, store: Path) -> None:
    counter.boot(EPOCH)
    counter.rate()
    counter.pass_time(3600)
    counter.hear_network()
    counter.look()
    receive(store, counter.bodies[:1])
    before = times(store)
    receive(store, counter.bodies[1:])
    (rating,) = (each for each in counter.truth if "/record/" in each)
    assert before[rating].year == 1970
    assert abs(times(store)[rating] - counter.truth[rating]) <= timedelta(seconds=1)
    assert times(store)[rating].utcoffset() == timedelta(hours=7), "told in the zone of today, not of 1970"
    assert times(store, "time")[rating] == before[rating], "what the event says stays as it was"


def test_the_bytes_of_a_corrected_event_are_what_they_were(counter: Counter, store: Path) -> None:
    counter.boot(EPOCH)
    counter.rate()
    counter.hear_network()
    counter.look()
    receive(store, counter.bodies)
    with closing(sqlite3.connect(store)) as db:
        assert [body for (body,) in db.execute("select body from event order by rowid")] == counter.bodies


def test_the_page_shows_the_corrected_time(counter: Counter, store: Path) -> None:
    counter.boot(EPOCH)
    counter.rate()
    counter.pass_time(60)
    counter.hear_network()
    counter.look()
    receive(store, counter.bodies)
    rating = next(row for row in ProvinceView(store).newest() if row["type"] == "rating")
    assert rating["time"] == "2026-09-01T08:00:00+07:00"


def test_a_boot_that_never_heard_the_network_keeps_its_times_and_stays_unsure(counter: Counter, store: Path) -> None:
    counter.boot(EPOCH)
    counter.rate()
    counter.pass_time(60)
    counter.boot(TRUE_START)
    counter.hear_network()
    counter.rate()
    receive(store, counter.bodies)
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute("select clock, is_corrected, at = time from event_time order by seq").fetchall()
    assert rows == [("none", 0, 1), ("ntp", 0, 1)]


def test_an_hour_turned_back_by_hand_is_undone(counter: Counter, store: Path) -> None:
    """Nothing was unsure before it: the jump itself says where the trusted clock stood."""
    counter.boot(TRUE_START, battery=True)
    counter.rate()
    counter.pass_time(600)
    counter.step(-3600)
    counter.rate()
    counter.look()
    counter.pass_time(600)
    counter.rate()
    receive(store, counter.bodies)
    assert off_by(counter, store) <= 1.1


def test_an_hour_that_is_lived_twice_is_told_apart(counter: Counter, store: Path) -> None:
    """Times of two settings overlap: the time alone could not tell which one an event belongs to."""
    counter.boot(EPOCH)
    for _ in range(5):
        counter.rate()
        counter.pass_time(1800)
        counter.step(-1500)
        counter.rate()
        counter.look()
    counter.hear_network()
    counter.look()
    receive(store, reversed(counter.bodies))
    assert off_by(counter, store) <= 1.1


def test_times_of_a_hardware_clock_yield_to_the_network(counter: Counter, store: Path) -> None:
    counter.boot(TRUE_START - timedelta(minutes=5), battery=True)
    counter.rate()
    counter.pass_time(100)
    counter.hear_network()
    counter.look()
    receive(store, counter.bodies)
    assert off_by(counter, store) <= 1.1


def test_after_years_of_drift_the_nearest_reading_counts(counter: Counter, store: Path) -> None:
    counter.boot(EPOCH)
    counter.rate()
    counter.hear_network()
    counter.look()
    counter.pass_time(86400 * 30)
    counter.kernel.hear_network(counter.kernel.wall_s + 60)  # the crystal had lost a minute
    counter.look()
    receive(store, counter.bodies)
    found = times(store)[f"{AGENT}/EPOCH/record/1"]
    assert abs(found - TRUE_START) <= timedelta(seconds=1.1)


def test_another_event_under_the_same_number_corrects_nothing(counter: Counter, store: Path) -> None:
    """A restored database may tell other things under numbers that are taken: only what is stored counts."""
    counter.boot(EPOCH)
    counter.rate()
    counter.hear_network()
    counter.look()
    forged = json.loads(counter.bodies[1])
    forged["data"]["to"]["booted"] = "2001-01-01T00:00:00.000Z"
    receive(store, [*counter.bodies, json.dumps(forged).encode()])
    assert off_by(counter, store) <= 1.1


@pytest.mark.parametrize(
    "change",
    [
        {"booted": "gestern"},
        {"booted": None},
        {"booted": "2026-09-01T00:00:00"},
        {"clock": 7},
        {"clock": None},
        {"boot": ["?"]},
        {"time": "once upon a time"},
        {"data": None},
        {"data": {"from": 1, "to": "ntp"}},
        {"data": {"to": {"clock": "ntp"}}},
        {"data": {"to": {"booted": "2026-09-01T00:00:00.000Z"}}},
        {"data": {"to": {"clock": [], "booted": "2026-09-01T00:00:00.000Z"}}},
        {"data": {"to": {"clock": "ntp", "booted": {}}}},
    ],
)
def test_a_clock_event_that_makes_no_sense_is_stored_like_any_other(
    counter: Counter, store: Path, change: dict[str, object]
) -> None:
    counter.boot(EPOCH)
    counter.hear_network()
    counter.look()
    event = {**json.loads(counter.bodies[0]), **change}
    receive(store, [json.dumps(event).encode()])
    with closing(sqlite3.connect(store)) as db:
        assert db.execute("select count(*), sum(at = time) from event_time").fetchone() == (1, 1)


HAPPENINGS = st.one_of(
    st.tuples(st.sampled_from(["rate", "look", "hear_network", "go_offline", "restart"])),
    st.tuples(st.just("pass_time"), st.floats(0.01, 5000)),
    st.tuples(st.just("sleep"), st.floats(1, 100_000)),
    st.tuples(st.just("step"), st.one_of(st.floats(-1e9, 3e8), st.floats(-4000, 4000), st.floats(-3, 3))),
    st.tuples(st.just("cut_power"), st.floats(-2e9, 2e8), st.booleans()),
    st.tuples(st.just("cut_power"), st.floats(-3, 3), st.booleans()),
)
"""What may happen to a counter: the name of its method, and what that takes."""
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""In memory where there is such a place: this is about times, not about disks."""


@settings(max_examples=200, deadline=None)
@given(history=st.lists(HAPPENINGS, max_size=40), chance=st.randoms(use_true_random=False))
def test_every_time_is_right_within_two_seconds_after_any_history_in_any_order(
    history: list[tuple[Any, ...]], chance: random.Random
) -> None:
    with TemporaryDirectory(dir=SCRATCH) as folder:
        counter = Counter(Path(folder))
        counter.boot(EPOCH)
        for happening, *amounts in history:
            getattr(counter, happening)(*amounts)
        counter.leave()
        arrivals = counter.bodies + chance.choices(counter.bodies, k=len(counter.bodies) // 2)
        chance.shuffle(arrivals)
        store = Path(folder) / "province.db"
        receive(store, arrivals, handful=chance.randint(1, 20))
        assert off_by(counter, store) <= 2.0
