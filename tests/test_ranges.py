"""Ranges behave as the set of numbers they stand for."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ranges import Ranges

numbers = st.integers(0, 60)
spans = st.tuples(numbers, numbers)
steps = st.lists(st.tuples(st.sampled_from(["add", "remove"]), numbers, numbers), max_size=20)


def made(changes: list[tuple[str, int, int]]) -> tuple[Ranges, set[int]]:
    """The same changes made to ranges and to a set."""
    ranges, model = Ranges(), set[int]()
    for change, first, last in changes:
        if change == "add":
            ranges.add(first, last)
            model |= set(range(first, last + 1))
        else:
            ranges.remove(first, last)
            model -= set(range(first, last + 1))
    return ranges, model


def spelled(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(steps)
def test_adding_and_removing_is_what_it_is_for_a_set(changes: list[tuple[str, int, int]]) -> None:
    ranges, model = made(changes)
    assert spelled(ranges) == model
    assert len(ranges) == len(model)
    assert bool(ranges) == bool(model)
    assert (ranges.first, ranges.last) == ((min(model), max(model)) if model else (None, None))
    assert [number for number in range(62) if number in ranges] == sorted(model)


@given(steps)
def test_ranges_are_sorted_and_never_touch(changes: list[tuple[str, int, int]]) -> None:
    pairs = list(made(changes)[0])
    assert all(first <= last for first, last in pairs)
    assert all(after[0] - before[1] > 1 for before, after in pairwise(pairs))


@given(steps, steps)
def test_without_and_equality_are_a_sets(one: list[tuple[str, int, int]], two: list[tuple[str, int, int]]) -> None:
    (left, left_model), (right, right_model) = made(one), made(two)
    assert spelled(left.without(right)) == left_model - right_model
    assert spelled(left) == left_model, "without changed what it was asked of"
    assert (left == right) == (left_model == right_model)


@given(steps, spans)
def test_within_is_an_intersection(changes: list[tuple[str, int, int]], span: tuple[int, int]) -> None:
    ranges, model = made(changes)
    assert spelled(ranges.within(*span)) == model & set(range(span[0], span[1] + 1))


@given(steps, st.integers(-1, 70))
def test_taking_gives_the_lowest_run_and_leaves_the_rest(changes: list[tuple[str, int, int]], limit: int) -> None:
    ranges, model = made(changes)
    taken = ranges.take(limit)
    if taken is None:
        assert not model or limit < 1
        return
    run = set(range(taken[0], taken[1] + 1))
    assert run <= model
    assert min(run) == min(model)
    assert len(run) <= limit
    assert len(run) == limit or taken[1] + 1 not in model
    assert spelled(ranges) == model - run


@given(steps)
def test_pairs_give_back_the_same_ranges(changes: list[tuple[str, int, int]]) -> None:
    ranges, _ = made(changes)
    assert Ranges((first, last) for first, last in ranges.pairs(100)) == ranges
    assert ranges.pairs(2) == [list(pair) for pair in ranges][:2]


def test_a_million_numbers_are_one_pair() -> None:
    ranges = Ranges((seq, seq) for seq in range(1, 1001))
    ranges.add(1001, 1_000_000)
    assert list(ranges) == [(1, 1_000_000)]
    assert len(ranges) == 1_000_000


def test_ranges_are_not_hashed_because_they_change() -> None:
    with pytest.raises(TypeError):
        hash(Ranges())
