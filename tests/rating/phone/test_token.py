"""The rating token: what a counter signs, both ends read, and nobody else can make."""

import base64
import hashlib
import hmac
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import Refusal, Token, TokenRefused, mint, open_ticket, read, read_ticket, verify

KEYS = QrKeys.from_secret(b"k" * 32, agent="na-0123")
OTHER = QrKeys.from_secret(b"o" * 32, agent="na-0456")
FIND = {KEYS.device: KEYS}.get
NOW = 1_790_000_040.0
SLOT = int(NOW) // 60
TOKEN = Token(KEYS.device, SLOT, b"\x00\x01")

tokens = st.builds(
    Token,
    st.just(KEYS.device),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=2, max_size=2),
    st.integers(1, 40).map(lambda steps: steps * 15),
)


def refusal(text: str, *, now: float = NOW) -> Refusal:
    with pytest.raises(TokenRefused) as refused:
        read(text, FIND, now=now)
    return refused.value.reason


@given(tokens)
def test_a_token_is_read_back_as_what_was_minted(token: Token) -> None:
    text = mint(KEYS, token)

    assert len(text) == 29
    assert verify(text, FIND) == token
    assert Token.from_id(token.id) == token


def test_the_token_that_the_guide_gives_to_check_against_is_the_one_that_is_made() -> None:
    keys = QrKeys.from_secret(b"0123456789abcdef0123456789abcdef", agent="na-0123")
    head = b"\x44" + hashlib.sha256(b"na-0123").digest()[:3] + (29_833_334).to_bytes(4) + b"\x01\x02"
    root = hmac.digest(bytes(32), b"0123456789abcdef0123456789abcdef", "sha256")
    key = hmac.digest(root, b"motcua qr mac na-0123\x01", "sha256")
    made = mint(keys, Token(keys.device, 29_833_334, b"\x01\x02"))

    assert made == base64.b32encode(head + hmac.digest(key, head, "sha256")[:8]).decode().rstrip("=")
    assert f"`{made}`" in (Path(__file__).parents[3] / "docs/qr.md").read_text(encoding="utf-8")


@given(tokens, st.integers(0, 143))
def test_any_flipped_bit_is_refused(token: Token, bit: int) -> None:
    body = bytearray(base64.b32decode(mint(KEYS, token) + "==="))
    body[bit // 8] ^= 0x80 >> bit % 8
    forged = base64.b32encode(body).decode().rstrip("=")

    assert refusal(forged, now=token.shown_at_s) in {Refusal.FORGED, Refusal.UNKNOWN, Refusal.MALFORMED}


@given(tokens, st.randoms())
def test_lower_case_and_lookalikes_are_read_as_they_were_meant(token: Token, chance: random.Random) -> None:
    text = mint(KEYS, token)
    spoken = "".join(chance.choice([c, c.lower(), {"O": "0", "I": "1"}.get(c, c)]) for c in text)

    assert verify(spoken, FIND) == token


@given(st.text(max_size=80))
def test_no_text_that_nobody_signed_is_read(text: str) -> None:
    assert refusal(text) in {Refusal.MALFORMED, Refusal.UNKNOWN, Refusal.FORGED}


def test_the_bits_beyond_the_last_byte_are_no_second_spelling() -> None:
    text = mint(KEYS, TOKEN)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    twin = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]

    assert refusal(twin) is Refusal.MALFORMED


def test_another_counters_token_is_refused_as_a_forged_one_is() -> None:
    foreign = mint(OTHER, Token(OTHER.device, SLOT, b"ab"))
    forged = mint(OTHER, TOKEN)

    assert refusal(foreign) is Refusal.UNKNOWN
    assert refusal(forged) is Refusal.FORGED
    assert TokenRefused(Refusal.UNKNOWN).outward == TokenRefused(Refusal.FORGED).outward == "invalid"


def test_a_secret_copied_to_another_box_opens_nothing_there() -> None:
    copied = QrKeys.from_secret(b"k" * 32, agent="na-0456")

    assert refusal(mint(copied, TOKEN)) is Refusal.FORGED


@pytest.mark.parametrize(
    ("after_s", "reason"), [(-31, Refusal.EARLY), (-30, None), (0, None), (89, None), (90, Refusal.EXPIRED)]
)
def test_a_token_opens_while_it_is_shown_and_half_a_minute_longer(after_s: int, reason: Refusal | None) -> None:
    now = TOKEN.shown_at_s + after_s

    if reason is None:
        assert read(mint(KEYS, TOKEN), FIND, now=now) == TOKEN
    else:
        assert refusal(mint(KEYS, TOKEN), now=now) is reason


def test_a_token_says_itself_how_long_it_is_shown() -> None:
    slow = Token(KEYS.device, int(NOW) // 600, b"ab", 600)

    assert read(mint(KEYS, slow), FIND, now=slow.shown_at_s + 629) == slow
    assert refusal(mint(KEYS, slow), now=slow.shown_at_s + 630) is Refusal.EXPIRED


@pytest.mark.parametrize("odd", [{"rotate_s": 20}, {"rotate_s": 0}, {"slot": -1}, {"slot": 2**32}, {"nonce": b"abc"}])
def test_what_a_token_cannot_say_is_not_minted(odd: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a token has"):
        mint(KEYS, Token(**{"device": KEYS.device, "slot": SLOT, "nonce": b"ab", **odd}))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "41", "zz" * 10, "00" * 10, "7c" * 11])
def test_an_id_that_no_token_has_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        Token.from_id(text)


def test_a_ticket_holds_ten_minutes() -> None:
    ticket = open_ticket(KEYS, TOKEN, at=NOW)

    assert read_ticket(ticket, FIND, now=NOW + 599) == TOKEN
    with pytest.raises(TokenRefused, match="expired"):
        read_ticket(ticket, FIND, now=NOW + 600)
    with pytest.raises(TokenRefused, match="early"):
        read_ticket(ticket, FIND, now=NOW - 31)


@given(st.integers(0, 39), st.sampled_from("ABab01-_"))
def test_a_changed_ticket_is_refused(place: int, other: str) -> None:
    ticket = open_ticket(KEYS, TOKEN, at=NOW)
    if ticket[place] != other:
        with pytest.raises(TokenRefused):
            read_ticket(ticket[:place] + other + ticket[place + 1 :], FIND, now=NOW)


def test_a_token_is_no_ticket_and_another_counters_ticket_is_refused() -> None:
    with pytest.raises(TokenRefused, match="malformed"):
        read_ticket(mint(KEYS, TOKEN), FIND, now=NOW)
    with pytest.raises(TokenRefused, match="unknown"):
        read_ticket(open_ticket(OTHER, Token(OTHER.device, SLOT, b"ab"), at=NOW), FIND, now=NOW)
    with pytest.raises(TokenRefused, match="forged"):
        read_ticket(open_ticket(OTHER, TOKEN, at=NOW), FIND, now=NOW)
