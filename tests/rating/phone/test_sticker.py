"""The sticker's mark: which counter is meant, and nothing more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rating.phone.secret import device_of
from agent.rating.phone.sticker import mark_of, read_mark, sticker_address

names = st.from_regex("[a-z0-9-]{3,32}", fullmatch=True)


@given(names)
def test_a_mark_names_its_counter_however_it_is_typed(agent: str) -> None:
    mark = mark_of(agent)

    assert len(mark) == 7
    assert read_mark(mark) == read_mark(mark.lower().replace("o", "0").replace("i", "1")) == device_of(agent)


@pytest.mark.parametrize("text", ["", "S-", "S-AAAA", "S-AAAAAA", "T-AAAAA", "S-AAAA!", "S-ÀAAAA", "s_aaaaa", "A" * 29])
def test_what_is_no_mark_names_nobody(text: str) -> None:
    assert read_mark(text) is None


def test_a_mark_has_one_spelling() -> None:
    mark = mark_of("na-0123")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    assert read_mark(mark[:-1] + alphabet[alphabet.index(mark[-1]) ^ 1]) is None


def test_a_page_of_ones_own_is_left_as_it_is_written() -> None:
    assert sticker_address("HTTPS://A.VN/R/", "na-0123") == "HTTPS://A.VN/R/" + mark_of("na-0123")
    assert sticker_address("https://forms.example/x?y=1", "na-0123") == "https://forms.example/x?y=1"
