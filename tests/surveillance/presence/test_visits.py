"""What is told of visits, when, and what is not: no minute, nobody who was alone, nothing that was not seen."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.alive import Ending, LastLife
from agent.clock import ClockQuality, Moment
from agent.event import Fact
from agent.rating.box import Release, sealed
from agent.surveillance.facts import Cut, VisitData
from agent.surveillance.presence.presence import Change, Turn
from agent.surveillance.presence.usher import Turns, Usher
from agent.surveillance.presence.visits import Instant, Visits

BOOTED = datetime(2026, 9, 1, 1, tzinfo=UTC)
BOOT = "9f2c00000000"
BUCKET = 15


def moment(minutes: float, booted: datetime = BOOTED) -> Moment:
    """So many minutes after nine o'clock."""
    return Moment(BOOTED.replace(hour=9) + timedelta(minutes=minutes), ClockQuality.NTP, booted)


def seal(fact: Fact) -> Fact:
    return sealed(fact, boot=fact.boot or BOOT, bucket_min=BUCKET)


class Counter:
    """Visits as they are told, minute by minute."""

    def __init__(self, bucket_min: int = BUCKET, company: int = 3) -> None:
        self.visits = Visits("quay", bucket_min, company)
        self.told: list[tuple[float, Fact]] = []
        self.now = 0.0

    def visit(self, began: float, ended: float, *, is_seen: bool = True, cut: Cut | None = None) -> None:
        self.visits.turn(Turn.CAME, Instant(moment(began), BOOT), seal, is_seen=is_seen)
        turn = Turn.LEFT if cut is None else Turn.LOST
        self.visits.turn(turn, Instant(moment(ended), BOOT), seal, cut=cut or "view")

    def pass_to(self, minutes: float) -> None:
        while self.now < minutes:
            self.now += 1
            told, self.visits.waiting = self.visits.due(moment(self.now), BOOT, Release(self.visits.company))
            self.told += [(self.now, fact) for fact in told]

    @property
    def data(self) -> list[dict[str, Any]]:
        return [{**fact.data, "time": f"{fact.at:%H:%M}"} for _, fact in self.told]


def test_three_visits_leave_together_with_the_start_of_the_first_ones_bucket() -> None:
    counter = Counter()
    counter.visit(2, 6)
    counter.visit(20, 21)
    counter.pass_to(46)
    assert counter.told == []
    counter.visit(47, 50.5)
    counter.pass_to(120)
    assert {at for at, _ in counter.told} == {64}
    assert sorted((data["time"], data["length_s"], data["bucket_min"]) for data in counter.data) == [
        ("09:00", 60, 15),
        ("09:00", 240, 15),
        ("09:00", 240, 15),
    ]


def test_one_or_two_that_find_no_company_until_midnight_are_never_told() -> None:
    counter = Counter()
    counter.visit(2, 6)
    counter.visit(20, 26)
    counter.pass_to(16 * 60)
    assert (counter.told, counter.visits.waiting) == ([], [])


def test_without_a_ballot_box_a_visit_is_told_at_once_to_the_second() -> None:
    counter = Counter(bucket_min=0)
    counter.visits.turn(Turn.CAME, Instant(moment(2.5), BOOT), seal)
    counter.visits.turn(Turn.LEFT, Instant(moment(3.75), BOOT), seal)
    told, stays = counter.visits.due(moment(3.75), BOOT, Release(3))
    assert [(fact.at, fact.data["length_s"]) for fact in told] == [(moment(2.5).at, 75)]
    assert stays == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 899), st.integers(5, 2400)), min_size=3, max_size=4), st.data())
def test_what_is_told_and_when_is_the_same_whichever_minute_of_its_bucket_a_visit_began_in(
    visits: list[tuple[int, int]], data: st.DataObject
) -> None:
    """The length in minutes and the bucket are all that an eavesdropper learns."""
    heard = []
    for _ in range(2):
        counter = Counter()
        for began, lasted in sorted(visits):
            counter.visit(began / 60, (began + lasted) / 60)
        counter.pass_to(60)
        heard.append(sorted((at, fact.at, fact.data["length_s"]) for at, fact in counter.told))
        visits = [(data.draw(st.integers(0, 899)), lasted) for _, lasted in visits]
    assert heard[0] == heard[1]


def test_an_end_that_nobody_saw_is_said_and_so_is_a_begin() -> None:
    counter = Counter(company=1)
    counter.visit(1, 4, is_seen=False, cut="view")
    counter.pass_to(60)
    (told,) = counter.data
    assert VisitData.model_validate(told) == VisitData(
        camera="quay", length_s=180, is_begin_seen=False, cut="view", bucket_min=15, nonce=told["nonce"]
    )


def test_who_was_seen_for_a_moment_only_has_not_visited() -> None:
    counter = Counter(company=1)
    counter.visit(1, 1.05)
    counter.visits.turn(Turn.LEFT, Instant(moment(2), BOOT), seal)
    assert counter.visits.waiting == []


# -- the usher ----------------------------------------------------------------------------------------------------


class Now:
    """A clock that stands where it is put."""

    boot = BOOT
    floor = BOOTED

    def __init__(self) -> None:
        self.at_s = 0.0

    def read(self) -> Moment:
        return moment(self.at_s / 60)

    def now(self) -> datetime:
        return self.read().at

    def monotonic(self) -> float:
        return self.at_s

    def quality(self) -> ClockQuality:
        return ClockQuality.NTP


class Desk:
    """An usher's surroundings, over several lives of the agent."""

    def __init__(self, file: Path) -> None:
        self.clock = Now()
        self.turns = Turns()
        self.told: list[Fact] = []
        self._file = file

    def live(self, *, life: LastLife | None = None, bucket_min: int = 0, company: int = 1) -> Usher:
        return Usher(
            "visits-quay",
            Visits("quay", bucket_min, company),
            self.turns,
            file=self._file,
            begun=self._file.with_name("begun.json"),
            clock=self.clock,
            seal=seal,
            release=Release(company),
            append=lambda *facts: self.told.extend(facts),
            life=life,
        )

    def serve(self, usher: Usher, turn: Turn, at_s: float, cut: Cut = "view") -> None:
        self.clock.at_s = max(self.clock.at_s, at_s)
        usher._turn(Change(turn, at_s), cut)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "visits" / "quay.json")


def ended(desk: Desk, at_s: float, boot: str = BOOT) -> LastLife:
    return LastLife(Ending.KILLED, boot, moment(at_s / 60))


def test_a_visit_that_the_agents_end_cut_ends_when_the_agent_was_last_alive(desk: Desk) -> None:
    desk.serve(desk.live(), Turn.CAME, 10)
    desk.clock.at_s = 4000
    after = desk.live(life=ended(desk, 100))
    after._take_over()
    after._tell()
    assert [(fact.data["length_s"], fact.data["cut"]) for fact in desk.told] == [(90, "agent")]


def test_a_visit_that_a_power_cut_cut_is_not_told_for_nothing_of_it_was_on_the_card(desk: Desk) -> None:
    desk.serve(desk.live(bucket_min=15), Turn.CAME, 10)
    assert not desk._file.exists() or json.loads(desk._file.read_bytes())["began"] is None
    desk._file.with_name("begun.json").unlink()
    desk.clock.boot = "another boot"
    desk.clock.at_s = 4000
    after = desk.live(life=ended(desk, 100), bucket_min=15)
    after._take_over()
    after._tell()
    assert desk.told == []


def test_what_waited_for_company_waits_on_in_the_next_life_and_nobody_is_told_twice(desk: Desk) -> None:
    before = desk.live(bucket_min=15, company=3)
    for began in (10, 100, 200):
        desk.serve(before, Turn.CAME, began)
        desk.serve(before, Turn.LEFT, began + 30)
    before._tell()
    assert desk.told == []
    after = desk.live(life=ended(desk, 250), bucket_min=15, company=3)
    after._take_over()
    desk.clock.at_s = 20 * 60
    after._tell()
    assert len(desk.told) == 3
    again = desk.live(life=ended(desk, 20 * 60), bucket_min=15, company=3)
    again._take_over()
    again._tell()
    assert len(desk.told) == 3


def test_how_many_were_told_today_outlives_a_restart_and_not_the_day(desk: Desk) -> None:
    usher = desk.live()
    for began in (10, 100):
        desk.serve(usher, Turn.CAME, began)
        desk.serve(usher, Turn.LEFT, began + 30)
    after = desk.live(life=ended(desk, 250))
    after._take_over()
    assert after._visits.told_on(moment(0).at.date()) == 2
    assert after._visits.told_on(moment(24 * 60).at.date()) == 0
    desk.serve(after, Turn.CAME, 24 * 3600)
    desk.serve(after, Turn.LEFT, 24 * 3600 + 60)
    assert after._visits.told == (moment(24 * 60).at.date(), 1)


@pytest.mark.parametrize("notes", ["", "{", "[]", '{"began": 4, "waiting": []}', '{"began": null, "waiting": [{}]}'])
def test_a_file_that_makes_no_sense_is_no_visit(desk: Desk, notes: str) -> None:
    desk._file.parent.mkdir()
    desk._file.write_text(notes)
    usher = desk.live(life=ended(desk, 5))
    usher._take_over()
    desk.serve(usher, Turn.CAME, 10)
    desk.serve(usher, Turn.LEFT, 30)
    assert [fact.data["length_s"] for fact in desk.told] == [20]


def test_nothing_of_a_visit_stays_in_the_file_once_it_is_told(desk: Desk) -> None:
    usher = desk.live()
    desk.serve(usher, Turn.CAME, 10)
    on_the_card = json.loads(desk._file.read_bytes())
    assert on_the_card == {"began": None, "waiting": [], "told": None}, "the card forgets nothing: no second is on it"
    begun = desk._file.with_name("begun.json")
    assert json.loads(begun.read_bytes())["began"]["at"] == moment(10 / 60).at.isoformat()
    desk.serve(usher, Turn.LEFT, 30)
    assert json.loads(desk._file.read_bytes()) == {"began": None, "waiting": [], "told": ["2026-09-01", 1]}
    assert json.loads(begun.read_bytes()) == {"began": None}


def test_the_file_of_visits_that_wait_tells_no_minute(desk: Desk) -> None:
    usher = desk.live(bucket_min=15, company=3)
    desk.serve(usher, Turn.CAME, 400)
    desk.serve(usher, Turn.LEFT, 500)
    (note,) = json.loads(desk._file.read_bytes())["waiting"]
    assert note["at"] == moment(0).at.isoformat()
    assert note["data"]["length_s"] == 120
