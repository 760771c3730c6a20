"""What the pages have shown: counted by item and hour, bounded, handed over once."""

from datetime import UTC, datetime

import pytest

from agent.clock import ManualClock
from agent.screen import tally as module
from agent.screen.tally import Played, Tally

A, B = "a" * 32, "b" * 32


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 9, 1, 8, 58, tzinfo=UTC))


@pytest.fixture
def tally(clock: ManualClock) -> Tally:
    tally = Tally(clock)
    tally.know([(A, "poster.jpg"), (B, "film.mp4")])
    return tally


def test_showings_and_skips_are_counted_apart(tally: Tally) -> None:
    for reason in (None, None, "frozen", "broken", "frozen"):
        assert tally.count(B, reason)
    hour = datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert tally.take() == [Played(B, "film.mp4", hour, 2, {"broken": 1, "frozen": 2})]
    assert tally.take() == []


def test_a_report_that_comes_late_belongs_to_the_hour_of_what_it_tells(tally: Tally, clock: ManualClock) -> None:
    clock.advance(600)
    tally.count(A, ago_s=900)
    tally.count(A)
    assert [(cell.hour.hour, cell.times) for cell in tally.take()] == [(8, 1), (9, 1)]


def test_only_what_is_over_is_taken_before_an_hour(tally: Tally, clock: ManualClock) -> None:
    tally.count(A)
    clock.advance(600)
    tally.count(A)
    assert [cell.hour.hour for cell in tally.take(datetime(2026, 9, 1, 9, tzinfo=UTC))] == [8]
    assert [cell.hour.hour for cell in tally.take()] == [9]


def test_what_was_shown_by_a_wrong_clock_is_told_by_the_right_one(tally: Tally, clock: ManualClock) -> None:
    tally.count(A)
    clock.set_wall(datetime(2026, 9, 3, 10, 58, tzinfo=UTC))
    tally.count(A)
    tally.count(B)
    [first, second] = tally.take()
    assert {(first.item, first.times), (second.item, second.times)} == {(A, 2), (B, 1)}
    assert {first.hour, second.hour} == {datetime(2026, 9, 3, 10, tzinfo=UTC)}
    assert tally.take() == []


def test_what_could_not_be_kept_elsewhere_counts_again(tally: Tally) -> None:
    tally.count(A)
    tally.count(A, "slow")
    taken = tally.take()
    tally.count(A)
    tally.give_back(taken, uncounted=3)
    assert [(cell.times, cell.skips) for cell in tally.take()] == [(2, {"slow": 1})]
    assert (tally.take_uncounted(), tally.take_uncounted()) == (3, 0)


def test_it_is_bounded_and_says_what_it_could_not_count(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_CELLS", 1)
    assert tally.count(A)
    assert tally.count(B)
    assert tally.count(A)
    assert [(cell.item, cell.times) for cell in tally.take()] == [(A, 2)]
    assert tally.take_uncounted() == 1


def test_a_playlist_of_any_length_is_known_and_what_left_it_long_ago_is_not(tally: Tally) -> None:
    many = [f"{number:032x}" for number in range(2000)]
    tally.know((id_, "") for id_ in many)
    assert all(tally.count(id_) for id_ in many)
    tally.know((id_, "") for id_ in many[:1])
    assert not tally.count(A)
