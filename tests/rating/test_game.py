"""A game over simulated days: who hears every message and saw every citizen through a camera guesses what they pressed.

The observer has every event with the second of its arrival, every watermark, and a log to the second of who came and
whether they pressed once, twice or put it right. He must do no better than somebody who knows only what left the box
together. Without the box he must win, or the game could not be lost.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.event import Lane, Stream
from agent.outbox import book
from agent.outbox.store import Outbox
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rating, Rules
from agent.rating.keypad.keys import Keys
from agent.rating.scale import VN4
from drivers.base import Press

MORNING = datetime(2026, 9, 1, 7, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
KEYS = Keys({"31": 3, "32": 2, "33": 1, "34": 0})
CODES = {level: code for code, level in KEYS.levels.items()}
DAYS = 4
VISITORS = 36
"""A day."""
LOOK_S = 15.0
RELEASE_MIN = 3
AGO = timedelta(seconds=6)
"""A correction's or a second press's own time is later than the first."""


@dataclass(frozen=True)
class Visitor:
    """One citizen as the camera saw them, and what the camera did not see."""

    at: datetime
    manner: str
    """once, corrected, or twice."""
    level: int
    """What they pressed last."""


@dataclass
class Heard:
    """One event that left the box, with the second at which it was heard."""

    at: datetime
    time: datetime
    seq: int
    nonce: str
    manner: str
    level: int
    is_valid: bool

    @property
    def company(self) -> tuple[datetime, datetime, str]:
        return self.at, self.time, self.manner


@dataclass
class Days:
    """What happened, and what was heard of it."""

    visitors: list[Visitor] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    watermarks: list[tuple[datetime, int, int, int]] = field(default_factory=list)
    """When, last number, votes held, votes cast."""


def play(path: Path, *, bucket_min: int, chance: random.Random) -> Days:
    """Some days at one counter, by its real desk, clerk and outbox."""
    clock, days = ManualClock(MORNING), Days()
    desk = Desk(VN4, {"keypad": KEYS}, Rules())
    outbox = Outbox(path, province="40", agent="na-0123", clock=clock, keep_days=0)
    clerk = Clerk(outbox, Release(RELEASE_MIN, settle_s=5.0), bucket_min=bucket_min, clock=clock)
    with closing(outbox):
        outbox.open()
        for day in range(DAYS):
            opens = MORNING + timedelta(days=day)
            come = sorted(opens + timedelta(seconds=chance.randrange(9 * 3600)) for _ in range(VISITORS))
            for at in come:
                if at > clock.now():
                    _let_pass(clock, clerk, outbox, days, until=at)
                _visit(clock, clerk, desk, days, chance)
            _let_pass(clock, clerk, outbox, days, until=MORNING + timedelta(days=day + 1))
    return days


def _visit(clock: ManualClock, clerk: Clerk, desk: Desk, days: Days, chance: random.Random) -> None:
    manner = chance.choices(("once", "corrected", "twice"), (80, 12, 8))[0]
    first, second = chance.choices(range(4), (10, 15, 40, 35), k=2)
    if manner == "corrected" and second == first:
        second = (first + 1) % 4
    came = clock.now().replace(microsecond=0)
    _press(clock, clerk, desk, first)
    if manner != "once":
        clock.advance(2 if manner == "corrected" else 5)
        _press(clock, clerk, desk, second)
    days.visitors.append(Visitor(came, manner, first if manner == "once" else second))
    clock.advance(60)


def _press(clock: ManualClock, clerk: Clerk, desk: Desk, level: int) -> None:
    outcome = desk.press("keypad", Press(CODES[level], clock.monotonic()), wall=clock.now())
    assert isinstance(outcome, Rating)
    desk.settle(outcome, clerk.take(outcome, clock.read()))


def _let_pass(clock: ManualClock, clerk: Clerk, outbox: Outbox, days: Days, *, until: datetime) -> None:
    while clock.now() < until:
        clock.advance(LOOK_S if outbox.standing().held else min(600.0, max(1.0, (until - clock.now()).total_seconds())))
        clerk.look(clock.monotonic())
        standing = outbox.standing()
        last = standing.lanes[Lane.RECORD].last
        for _, body in outbox.read(Stream(outbox.epoch, Lane.RECORD), len(days.heard) + 1, last):
            days.heard.append(_hear(clock.now(), json.loads(body)))
        days.watermarks.append((clock.now(), last, standing.held, standing.cast))


def _hear(at: datetime, event: dict) -> Heard:  # type: ignore[type-arg] # JSON
    data = event["data"]
    manner = "twice" if "lockout" in data["flags"] else "corrected" if "first" in data else "once"
    time = datetime.fromisoformat(event["time"])
    return Heard(at, time, event["seq"], data["nonce"], manner, data["level"], data["valid"])


Order = Callable[[Visitor, Heard], Any]
ORDERS: dict[str, Order] = {
    "number": lambda _, heard: (heard.at, heard.seq),
    "nonce": lambda _, heard: (heard.at, heard.nonce),
    "nearest time": lambda visitor, heard: (abs(heard.time - visitor.at), heard.seq),
}
"""How the observer might choose among the events that could be a citizen's."""


def guess(days: Days, order: Order) -> Iterator[tuple[Visitor, Heard, float]]:
    """The observer gives each citizen, as they came, the first by *order* of the events that could be theirs.

    With it the share of the citizen's level among all that left together: what is known without him.
    """
    companies: dict[tuple[datetime, datetime, str], Counter[int]] = {}
    for heard in days.heard:
        companies.setdefault(heard.company, Counter())[heard.level] += 1
    left = list(days.heard)
    for visitor in days.visitors:
        theirs = [
            heard for heard in left if heard.manner == visitor.manner and heard.time - AGO <= visitor.at <= heard.at
        ]
        if theirs:
            heard = min(theirs, key=lambda heard: order(visitor, heard))
            left.remove(heard)
            company = companies[heard.company]
            yield visitor, heard, company[visitor.level] / company.total()


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Days:
    return days_at(tmp_path_factory.mktemp("boxed"), bucket_min=15)


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Days:
    return days_at(tmp_path_factory.mktemp("leaky"), bucket_min=0)


def days_at(folder: Path, *, bucket_min: int) -> Days:
    """The same days and the same shuffles at every run."""
    with pytest.MonkeyPatch.context() as patch:
        shuffles = random.Random(7)
        patch.setattr(book, "SystemRandom", lambda: shuffles)
        return play(folder / "outbox.db", bucket_min=bucket_min, chance=random.Random(1))


def winnings(days: Days, order: Order) -> tuple[int, float, float, int]:
    """His hits, those that chance gives him, its spread, and how often he could guess."""
    guesses = list(guess(days, order))
    hits = sum(visitor.level == heard.level for visitor, heard, _ in guesses)
    fair = sum(share for *_, share in guesses)
    return hits, fair, sum(share * (1 - share) for *_, share in guesses) ** 0.5, len(guesses)


@pytest.mark.parametrize("order", ORDERS)
def test_whoever_hears_everything_and_saw_everyone_does_no_better_than_the_bucket(boxed: Days, order: str) -> None:
    hits, fair, spread, count = winnings(boxed, ORDERS[order])
    assert count > 0.8 * len(boxed.visitors), "he has somebody to guess"
    assert hits <= fair + 3 * spread, f"he finds {hits} of {count}; chance gives {fair:.0f}"


def test_without_the_box_he_wins(leaky: Days) -> None:
    once = [(visitor, heard) for visitor, heard, _ in guess(leaky, ORDERS["nearest time"]) if visitor.manner == "once"]
    assert len(once) > 0.7 * len(leaky.visitors)
    assert all(visitor.level == heard.level for visitor, heard in once)


def test_every_vote_is_heard_once_and_the_watermarks_add_up(boxed: Days) -> None:
    doubles = sum(visitor.manner == "twice" for visitor in boxed.visitors)
    assert len(boxed.heard) == len({heard.nonce for heard in boxed.heard}) == len(boxed.visitors) + doubles
    assert all(last + held == cast for _, last, held, cast in boxed.watermarks)


def test_whoever_leaves_early_leaves_in_company(boxed: Days) -> None:
    for (at, time, _), size in Counter(heard.company for heard in boxed.heard).items():
        assert size >= RELEASE_MIN or (at.hour, at.minute) == (0, 0), "alone at midnight only"
        assert (time.minute % 15, time.second) == (0, 0)
        assert at >= time + timedelta(minutes=15)


def test_numbers_and_heads_move_only_when_a_bucket_is_over(boxed: Days) -> None:
    marks = zip(boxed.watermarks, boxed.watermarks[1:], strict=False)
    moved = [at for (_, before, *_), (at, last, *_) in marks if last > before]
    assert moved
    assert all(at.minute % 15 < 5 for at in moved)
