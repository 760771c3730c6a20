"""The figures, held to independent ways of computing them."""

from fractions import Fraction
from itertools import product
from math import comb, sqrt

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.rating.figures.statistics import (
    FEW,
    TOO_MANY,
    WINDOW,
    LowRatings,
    hidden,
    needed_sample,
    percent,
    wilson,
)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(14, 15, 70.2, 98.8), (289, 300, 93.6, 97.9), (0, 1, 0.0, 79.3), (1, 1, 20.7, 100.0), (81, 263, 25.5, 36.6)],
)
def test_the_interval_has_the_published_bounds(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part, whole) == (low, high)


@given(st.integers(1, 5000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_the_bounds_are_where_the_score_test_just_rejects(counts: tuple[int, int]) -> None:
    """The bounds are the two p with |share - p| = z sqrt(p (1 - p) / n): looked at here, not solved for."""
    part, whole = counts
    found = wilson(part, whole)
    assert found is not None
    share = part / whole
    assert 0 <= found.low <= 100 * share + 0.05
    assert 100 * share - 0.05 <= found.high <= 100

    def is_rejected(p: float) -> bool:
        return abs(share - p) > 1.96 * sqrt(p * (1 - p) / whole)

    for bound, outwards in ((found.low / 100, -1), (found.high / 100, 1)):
        assert not is_rejected(min(1.0, max(0.0, bound - outwards * 0.001))) or found.high - found.low < 0.3
        outside = bound + outwards * 0.001
        assert not 0 <= outside <= 1 or is_rejected(outside)


def test_nothing_has_no_interval() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("transactions", "needed"), [(0, 0), (1, 1), (300, 171), (600, 240), (10**6, 400)])
def test_the_needed_sample_is_the_ministrys(transactions: int, needed: int) -> None:
    assert needed_sample(transactions) == needed


@given(st.integers(0, 10**6))
def test_the_needed_sample_is_the_formula_in_exact_arithmetic(transactions: int) -> None:
    exact = Fraction(transactions) / (1 + transactions * Fraction(25, 10_000))
    assert abs(needed_sample(transactions) - exact) <= Fraction(1, 2)


def test_percentages_have_one_decimal() -> None:
    assert (percent(2, 3), percent(0, 3), percent(3, 3)) == (66.7, 0.0, 100.0)


# -- the low-rating rule -----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3), max_size=120))
def test_the_alert_is_told_whenever_the_rule_begins_to_hold_and_only_then(levels: list[int]) -> None:
    rule = LowRatings()
    told = [rule.take(str(number), level) for number, level in enumerate(levels)]

    def holds(upto: int) -> bool:
        return levels[max(0, upto - WINDOW) : upto].count(0) >= TOO_MANY

    assert told == [holds(upto) and not holds(upto - 1) for upto in range(1, len(levels) + 1)]
    assert rule.size == min(len(levels), WINDOW)


def test_chance_alone_tells_it_as_rarely_as_the_docstring_says() -> None:
    base = 0.0355
    below = sum(comb(WINDOW, few) * base**few * (1 - base) ** (WINDOW - few) for few in range(TOO_MANY))
    assert 1 - below == pytest.approx(0.033, abs=0.001)


def test_a_correction_changes_the_rating_it_stands_in_for() -> None:
    rule = LowRatings()
    for number in range(TOO_MANY - 1):
        rule.take(f"low-{number}", 0)
    assert rule.take("first", 3) is False
    assert rule.take("second", 0, corrects="first") is True
    assert (rule.size, rule.holds) == (TOO_MANY, True)
    rule.take("third", 3, corrects="second")
    assert (rule.size, rule.holds) == (TOO_MANY, False)
    assert rule.take("far", 0, corrects="long gone") is False


# -- hidden cells ------------------------------------------------------------------------------------


CELLS = st.dictionaries(st.integers(7, 12), st.integers(0, 9), min_size=1, max_size=6)


def known(counts: dict[int, int]) -> tuple[frozenset[int], dict[int, int], int]:
    """What a reader sees."""
    secret = hidden(counts)
    return secret, {cell: count for cell, count in counts.items() if cell not in secret}, sum(counts.values())


@given(CELLS)
def test_no_small_cell_is_told_and_nothing_is_hidden_without_need(counts: dict[int, int]) -> None:
    secret = hidden(counts)
    small = {cell for cell, count in counts.items() if 0 < count < FEW}
    assert small <= secret
    assert bool(secret) == bool(small)
    assert len({counts[cell] for cell in secret - small}) <= 1


@settings(deadline=None)
@given(CELLS)
def test_a_reader_who_knows_the_rule_and_the_total_can_work_out_no_small_cell(counts: dict[int, int]) -> None:
    secret, shown, total = known(counts)
    rest = total - sum(shown.values())
    assume(1 < len(secret) <= 3)
    possible: dict[int, set[int]] = {cell: set() for cell in secret}
    for guess in product(range(rest + 1), repeat=len(secret) - 1):
        candidate = dict(zip(sorted(secret), [*guess, rest - sum(guess)], strict=True))
        if min(candidate.values()) >= 0 and known({**shown, **candidate})[:2] == (secret, shown):
            for cell, count in candidate.items():
                possible[cell].add(count)
    for cell in secret:
        assert len(possible[cell]) > 1, f"the {counts[cell]} at {cell} h can be worked out from {shown} of {total}"


def test_the_next_smallest_goes_with_a_small_cell() -> None:
    assert hidden({7: 12, 8: 2, 9: 5, 10: 0}) == {8, 9}
    assert hidden({7: 12, 8: 5}) == frozenset()
    assert hidden({7: 3, 8: 3, 9: 1}) == {7, 8, 9}, "which of two equal ones went would tell"
    assert hidden({7: 1, 8: 0, 9: 0}) == {7, 8, 9}
