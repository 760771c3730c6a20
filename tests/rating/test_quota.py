"""The quota of a slot."""

import pytest

from agent.rating import quota
from agent.rating.quota import Quota
from agent.rating.token import Token


def token(slot: int, number: int, rotate_s: int = 60) -> Token:
    return Token(b"abc", slot, number.to_bytes(2), rotate_s)


def test_a_slot_of_a_minute_has_six_votes_and_a_seventh_is_too_many() -> None:
    votes = Quota()
    for number in range(6):
        assert not votes.is_used_up(token(7, number))
        votes.count(token(7, number))
    assert votes.is_used_up(token(7, 6))
    assert not votes.is_used_up(token(8, 6))


@pytest.mark.parametrize(("rotate_s", "votes"), [(15, 2), (30, 3), (60, 6), (75, 8), (600, 60)])
def test_a_slot_can_have_as_many_votes_as_tokens_fit_into_it(rotate_s: int, votes: int) -> None:
    assert token(1, 1, rotate_s).quota == votes


def test_only_the_last_slots_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "SLOTS", 2)
    votes = Quota()
    for slot in (1, 2, 3):
        for number in range(6):
            votes.count(token(slot, number))
    assert [votes.is_used_up(token(slot, 9)) for slot in (1, 2, 3)] == [False, True, True]
