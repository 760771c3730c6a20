"""The seal: for one counter, for one token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import SealBroken, Token, seal, unseal

KEYS = QrKeys.from_secret(b"k" * 32, agent="na-0123")
OTHER = QrKeys.from_secret(b"o" * 32, agent="na-0456")
TOKEN = Token(KEYS.device, 29_833_334, b"\x00\x01")


@given(st.binary(max_size=2000))
def test_what_is_sealed_for_a_token_is_unsealed_for_that_token_alone(plain: bytes) -> None:
    sealed = seal(KEYS, TOKEN, plain)

    assert unseal(KEYS, TOKEN, sealed) == plain
    for keys, token in [(OTHER, TOKEN), (KEYS, Token(KEYS.device, TOKEN.slot, b"\x00\x02"))]:
        with pytest.raises(SealBroken):
            unseal(keys, token, sealed)


def test_the_length_of_a_sealed_vote_does_not_tell_its_level() -> None:
    assert len(seal(KEYS, TOKEN, b'{"level":0}')) == len(seal(KEYS, TOKEN, b'{"level":3,"reasons":["officer"]}'))


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(600)])
def test_what_was_never_sealed_is_said_to_be_broken(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(KEYS, TOKEN, sealed)
