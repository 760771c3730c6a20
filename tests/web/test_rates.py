"""How often a phone may ask: bursts, the long run, households, and nothing remembered for longer than needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.rates import Allowance, Rates, household

MANY = Allowance(at_once=1_000_000, per_s=1_000_000)


def test_a_burst_is_allowed_and_what_follows_waits_its_turn() -> None:
    rates = Rates(each=Allowance(at_once=3, per_s=0.5), together=MANY)
    assert [rates.admit("192.0.2.1", 10.0) for _ in range(4)] == [True, True, True, False]
    assert not rates.admit("192.0.2.1", 11.9)
    assert rates.admit("192.0.2.1", 12.0)
    assert not rates.admit("192.0.2.1", 12.0)


def test_one_phone_takes_nothing_from_another_but_all_share_what_is_common() -> None:
    rates = Rates(each=Allowance(at_once=2, per_s=1), together=Allowance(at_once=5, per_s=1))
    assert [rates.admit(f"192.0.2.{number}", 0.0) for number in (1, 1, 1, 2, 2, 3, 4)] == [
        *(True, True, False),
        *(True, True),
        *(True, False),
    ]


def test_what_is_refused_costs_nothing() -> None:
    rates = Rates(each=Allowance(at_once=1, per_s=1), together=Allowance(at_once=2, per_s=1))
    assert rates.admit("192.0.2.1", 0.0)
    assert not any(rates.admit("192.0.2.1", 0.5) for _ in range(100))
    assert rates.admit("192.0.2.2", 0.5)


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 5)), max_size=200))
def test_nobody_ever_gets_more_than_the_allowance(requests: list[tuple[int, float]]) -> None:
    rates = Rates(each=Allowance(at_once=3, per_s=0.5), together=MANY, places=100)
    taken: dict[int, list[float]] = {}
    now = 0.0
    for who, pause_s in requests:
        now += pause_s
        if rates.admit(f"192.0.2.{who}", now):
            taken.setdefault(who, []).append(now)
    for moments in taken.values():
        for first, began in enumerate(moments):
            for last in range(first, len(moments)):
                assert last - first + 1 <= 3 + (moments[last] - began) * 0.5 + 1e-3


def test_addresses_are_forgotten_as_soon_as_they_may_ask_freely_again() -> None:
    rates = Rates(each=Allowance(at_once=2, per_s=1), together=MANY, places=3)
    for number in range(10):
        rates.admit(f"192.0.2.{number}", 0.0)
    assert rates.remembered == 3
    rates.admit("198.51.100.1", 5.0)
    assert rates.remembered == 1


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%wlan0", "fe80::/64"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_a_household_is_one_asker(address: str, who: str) -> None:
    assert household(address) == who
