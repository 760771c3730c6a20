"""When votes leave the ballot box: in company, at midnight at the latest, and whatever the clock does."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import ClockQuality, ManualClock
from agent.event import EventType, Fact
from agent.rating.box import BEFORE, Release, bucket_of, sealed

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
MORNING = datetime(2026, 9, 1, 8, 0, tzinfo=HANOI)
BUCKET_S = 900.0
SETTLE_S = 5.0


class Box:
    """Votes on their way through the box, by a clock that is moved by hand."""

    def __init__(self, *, release_min: int = 3, bucket_min: int = 15) -> None:
        self.clock = ManualClock(MORNING)
        self.rule = Release(release_min, SETTLE_S)
        self.bucket_min = bucket_min
        self.held: dict[int, Fact] = {}
        self.votes = 0

    def vote(self, level: int = 3, **data: Any) -> int:
        moment = self.clock.read()
        fact = Fact.seen(EventType.RATING, moment, {"level": level, "bucket_min": self.bucket_min, **data})
        self.votes += 1
        self.held[self.votes] = sealed(fact, boot=self.clock.boot, bucket_min=self.bucket_min)
        return self.votes

    def look(self) -> list[tuple[int, Fact]]:
        """What leaves now."""
        leaving = self.rule(self.held, self.clock.read(), self.clock.boot)
        for key, _ in leaving:
            del self.held[key]
        return leaving

    def wait(self, minutes: float) -> list[tuple[int, Fact]]:
        self.clock.advance(minutes * 60)
        return self.look()

    def reboot(self, at: datetime, quality: ClockQuality = ClockQuality.NTP) -> None:
        self.clock = ManualClock(at, boot=f"{int(self.clock.boot, 16) + 1:012x}", quality=quality)


def keys(leaving: Sequence[tuple[int, Fact]]) -> set[int]:
    return {key for key, _ in leaving}


@pytest.mark.parametrize(
    ("at", "bucket_min", "start"),
    [
        ("08:14:59.9", 15, "08:00"),
        ("08:15:00", 15, "08:15"),
        ("00:00:00", 15, "00:00"),
        ("23:59:59", 7, "23:55"),
        ("23:59:59", 60, "23:00"),
    ],
)
def test_a_bucket_begins_at_a_round_local_minute(at: str, bucket_min: int, start: str) -> None:
    day = "2026-09-01T"
    assert bucket_of(datetime.fromisoformat(day + at), bucket_min) == datetime.fromisoformat(day + start)


def test_nothing_leaves_while_its_bucket_is_open_and_all_of_it_when_that_is_over() -> None:
    box = Box()
    votes = {box.vote(), box.vote(0), box.vote()}
    assert box.wait(15) == []
    leaving = box.wait(SETTLE_S / 60)
    assert keys(leaving) == votes
    assert {fact.at for _, fact in leaving} == {MORNING}


def test_too_few_wait_for_the_next_ones_and_all_carry_the_first_time() -> None:
    box = Box()
    box.vote()
    assert box.wait(16) == []
    box.vote()
    assert box.wait(15) == []
    box.vote()
    leaving = box.wait(15)
    assert keys(leaving) == {1, 2, 3}
    assert {fact.at for _, fact in leaving} == {MORNING}


def test_at_midnight_all_go_and_not_a_minute_earlier() -> None:
    box = Box()
    box.vote()
    box.clock.advance(16 * 3600 - 1)
    assert box.look() == []
    assert keys(box.wait(1 / 60)) == {1}


@pytest.mark.parametrize(
    "seen", [{"flags": ["lockout"]}, {"first": 0}, {"channel": "qr"}, {"keymap": "other"}, {"burst": True}]
)
def test_who_could_be_told_apart_in_the_room_waits_for_others_alike(seen: dict[str, Any]) -> None:
    box = Box()
    plain = {box.vote() for _ in range(3)}
    odd = {box.vote(**seen)}
    assert keys(box.wait(16)) == plain
    odd |= {box.vote(**seen), box.vote(**seen)}
    assert keys(box.wait(16)) == odd


def test_the_secret_of_a_vote_does_not_make_it_another_kind() -> None:
    box = Box()
    box.vote(3, raw="31", nonce="a", first=0, upgrade=True, reasons=["officers"], comment="x")
    box.vote(0, raw="34", nonce="b", first=3)
    box.vote(1, raw="33", nonce="c", first=0)
    assert len(box.wait(16)) == 3


@pytest.mark.parametrize("jump_h", [-1, 1, 24 * 30, -24 * 30, -24 * 365 * 40])
def test_a_clock_that_jumps_opens_nothing_early_and_keeps_nothing_shut(jump_h: int) -> None:
    box = Box()
    box.vote()
    box.clock.advance(60)
    box.clock.set_wall(box.clock.now() + timedelta(hours=jump_h))
    assert box.look() == []
    box.vote()
    box.vote()
    assert box.wait(13) == []
    assert len(box.wait(20)) == 3


@pytest.mark.parametrize("jump_h", [-1, 1, 24 * 30, -24 * 30])
def test_a_lone_vote_leaves_when_its_own_day_is_over_however_the_clock_jumps(jump_h: int) -> None:
    box = Box()
    box.vote()
    box.clock.set_wall(box.clock.now() + timedelta(hours=jump_h))
    assert box.wait(15 * 60) == []
    assert len(box.wait(60)) == 1


def test_votes_of_an_unset_clock_and_of_the_right_one_leave_together_with_the_time_that_can_be_believed() -> None:
    box = Box()
    box.clock.set_wall(datetime(1970, 1, 1, 7, tzinfo=HANOI), ClockQuality.NONE)
    box.vote()
    box.clock.advance(60)
    box.clock.set_wall(MORNING, ClockQuality.NTP)
    box.vote()
    box.vote()
    leaving = box.wait(16)
    assert {(fact.at, fact.clock) for _, fact in leaving} == {(MORNING, ClockQuality.NTP)}
    assert len({fact.booted for _, fact in leaving}) == len({fact.boot for _, fact in leaving}) == 1


def test_after_a_power_cut_votes_wait_for_company_and_all_name_one_boot() -> None:
    box = Box()
    box.vote()
    pressed_in = box.clock.boot
    box.reboot(MORNING + timedelta(minutes=5))
    box.vote()
    box.vote()
    assert box.wait(10 + SETTLE_S / 60 - 0.01) == []
    leaving = box.wait(1)
    assert {(fact.at, fact.boot) for _, fact in leaving} == {(MORNING, pressed_in)}
    assert len(leaving) == 3


def test_a_vote_of_yesterday_leaves_at_the_next_start() -> None:
    box = Box()
    box.vote()
    box.reboot(MORNING + timedelta(days=1))
    assert len(box.look()) == 1


@pytest.mark.parametrize(
    ("at", "quality"),
    [
        (datetime(1970, 1, 1, 7, tzinfo=HANOI), ClockQuality.NONE),
        (MORNING + timedelta(days=30), ClockQuality.FLOOR),
        (MORNING - timedelta(days=30), ClockQuality.NTP),
    ],
)
def test_where_no_clock_can_tell_the_new_boot_must_last_long_enough(at: datetime, quality: ClockQuality) -> None:
    box = Box()
    box.vote()
    box.reboot(at, quality)
    box.clock.advance(-box.clock.read().age.total_seconds())
    assert box.look() == []
    assert box.wait(BEFORE.total_seconds() / 60 - 1) == []
    assert len(box.wait(1)) == 1


def test_days_do_not_mix_however_late_the_box_is_looked_into() -> None:
    box = Box()
    box.vote()
    box.clock.advance(24 * 3600)
    later = {box.vote(), box.vote(), box.vote()}
    leaving = box.wait(16)
    assert {fact.at.day for key, fact in leaving if key in later} == {2}
    assert {fact.at.day for key, fact in leaving if key not in later} == {1}


def test_a_vote_keeps_the_bucket_that_it_was_promised() -> None:
    box = Box()
    box.vote()
    box.bucket_min = 0
    at_once = box.vote()
    assert keys(box.look()) == {at_once}


moves = st.one_of(
    st.tuples(st.just("vote"), st.integers(0, 3), st.sampled_from([{}, {"flags": ["lockout"]}, {"channel": "qr"}])),
    st.tuples(st.just("wait"), st.floats(0.1, 90)),
    st.tuples(st.just("jump"), st.sampled_from([-3600, 3600, 86400 * 30, -86400 * 365, 421])),
    st.tuples(st.just("trust"), st.sampled_from(list(ClockQuality))),
    st.tuples(st.just("reboot"), st.sampled_from([-3600, 30, 86400])),
)


class Life(Box):
    """A box over days, and what may leave it when."""

    def __init__(self, *, release_min: int, bucket_min: int) -> None:
        super().__init__(release_min=release_min, bucket_min=bucket_min)
        self.left: Counter[int] = Counter()
        self.waits_s: dict[int, float] = {}
        """How long each vote must wait alone, by the time that really passes; nothing is asked across boots."""

    def act(self, name: str, *values: Any) -> None:
        now = self.clock.now()
        match name:
            case "vote":
                midnight = datetime.combine(now.date(), datetime.min.time(), HANOI) + timedelta(days=1)
                self.waits_s[self.vote(values[0], **values[1])] = (midnight - now).total_seconds()
            case "wait":
                self.let_time_pass(values[0] * 60)
            case "jump":
                self.clock.set_wall(now + timedelta(seconds=values[0]))
            case "trust":
                self.clock.set_wall(now, values[0])
            case "reboot":
                self.reboot(now + timedelta(seconds=values[0]), self.clock.quality())
                self.waits_s = dict.fromkeys(self.waits_s, 0.0)
        self.look_closely()

    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.waits_s = {key: wait_s - seconds for key, wait_s in self.waits_s.items()}

    def look_closely(self) -> None:
        leaving = self.look()
        groups = Counter((_seen(fact), fact.at) for _, fact in leaving)
        for key, fact in leaving:
            self.left[key] += 1
            assert groups[_seen(fact), fact.at] >= self.rule.release_min or self.waits_s[key] <= 1
            assert fact.at == bucket_of(fact.at, self.bucket_min)


@given(moves=st.lists(moves, max_size=60), release_min=st.integers(1, 5), bucket_min=st.sampled_from([1, 7, 15, 60]))
def test_whatever_happens_a_vote_leaves_once_in_company_or_after_its_day(
    moves: list[tuple[Any, ...]], release_min: int, bucket_min: int
) -> None:
    life = Life(release_min=release_min, bucket_min=bucket_min)
    for move in moves:
        life.act(*move)
    for _ in range(3):
        life.let_time_pass(86400 + bucket_min * 60)
        life.look_closely()
    assert life.held == {}, "nothing is stuck"
    assert set(life.left.values()) <= {1}
    assert len(life.left) == life.votes


def _seen(fact: Fact) -> str:
    return str({name: value for name, value in fact.data.items() if name not in ("level", "first")})
