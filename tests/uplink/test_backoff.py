"""The first wait is spread, the next are jittered and capped, and only a link that held forgets."""

from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.backoff import CAP_S, FLAPS, SHORT_S, SPREAD_S, STABLE_S, Backoff


def longest() -> Backoff:
    """A backoff whose chance always falls on the longest wait."""
    return Backoff(chance=lambda: 1.0)


def test_the_first_wait_is_spread_and_the_next_ones_double_up_to_the_cap() -> None:
    backoff = longest()
    assert [backoff.lost(held_s=0) for _ in range(9)] == [SPREAD_S, 2, 4, 8, 16, 32, CAP_S, CAP_S, CAP_S]


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_every_wait_is_any_part_of_its_ceiling(failures: int, chance: float) -> None:
    backoff, ceiling = Backoff(chance=lambda: chance), longest()
    for _ in range(failures):
        assert backoff.lost(held_s=0) == chance * ceiling.lost(held_s=0)


def test_a_link_that_flaps_is_not_hammered() -> None:
    backoff = longest()
    waits = [backoff.lost(held_s=STABLE_S - 1) for _ in range(7)]
    assert waits[-1] == CAP_S


def test_a_link_that_held_for_five_minutes_begins_anew() -> None:
    backoff = longest()
    for _ in range(7):
        backoff.lost(held_s=0)
    assert STABLE_S == 300
    assert backoff.lost(held_s=STABLE_S) == SPREAD_S
    assert backoff.lost(held_s=0) == 2


def test_a_box_that_was_away_for_weeks_still_counts() -> None:
    backoff = longest()
    assert {backoff.lost(held_s=0) for _ in range(5000)} == {SPREAD_S, 2, 4, 8, 16, 32, CAP_S}


def test_a_link_that_comes_up_and_breaks_soon_again_and_again_flaps_until_it_holds() -> None:
    backoff = longest()
    for _ in range(FLAPS):
        assert not backoff.is_flapping
        backoff.lost(held_s=SHORT_S - 1)
    assert backoff.is_flapping
    backoff.lost(held_s=SHORT_S)
    assert not backoff.is_flapping


def test_a_broker_that_is_down_in_between_is_not_flapping() -> None:
    backoff = longest()
    for _ in range(2 * FLAPS):
        backoff.lost(held_s=1)
        backoff.lost(held_s=0)
    assert not backoff.is_flapping
