"""A day's bytes: counted before they come, whatever happens."""

from datetime import date
from pathlib import Path

import pytest

from agent.screen.content.allowance import STEP_BYTES, Allowance
from agent.screen.content.line import Broken


class Days:
    def __init__(self, path: Path) -> None:
        self.path = path / "spent.json"
        self.day: date | None = date(2027, 1, 4)

    def life(self, limit: int = 10_000_000) -> Allowance:
        return Allowance(self.path, limit, lambda: self.day)


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path)


def test_a_day_has_so_many_bytes_and_the_next_one_has_them_again(days: Days) -> None:
    allowance = days.life()
    for _ in range(152):
        allowance.spend(65536)
    with pytest.raises(Broken, match="cap"):
        allowance.spend(65536)
    with pytest.raises(Broken, match="cap"):
        allowance.spend(0)
    days.day = date(2027, 1, 5)
    allowance.spend(65536)


def test_a_life_that_was_killed_has_spent_what_it_may_have_fetched(days: Days) -> None:
    for _ in range(2):
        days.life().spend(1000)
    with pytest.raises(Broken, match="cap"):
        days.life(limit=2 * STEP_BYTES).spend(0)


def test_what_was_settled_is_counted_to_the_byte(days: Days) -> None:
    for _ in range(3):
        allowance = days.life(limit=STEP_BYTES)
        allowance.spend(1000)
        allowance.settle()
    assert '"bytes": 3000' in days.path.read_text()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"day": 1}', b'{"day": "2027-01-04", "bytes": "x"}'])
def test_a_damaged_count_begins_anew(days: Days, body: bytes) -> None:
    days.path.write_bytes(body)
    days.life().spend(1000)


def test_a_clock_nobody_believes_begins_no_new_day(days: Days) -> None:
    days.life().spend(9_000_000)
    days.day = None
    allowance = days.life()
    with pytest.raises(Broken, match="cap"):
        allowance.spend(1_000_000)
