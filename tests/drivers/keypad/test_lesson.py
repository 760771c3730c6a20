"""What a keypad's bytes mean, from bursts as real keypads send them."""

from functools import reduce
from operator import xor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.keypad.lesson import FRAMINGS, Wire, read


def twice(*bursts: bytes) -> list[list[bytes]]:
    return [[burst, burst] for burst in bursts]


def checked(start: bytes, body: bytes, end: bytes = b"") -> bytes:
    return start + body + bytes([reduce(xor, body)]) + end


KEYPADS: list[tuple[str, list[bytes], dict[str, Any], tuple[str, ...]]] = [
    ("digits", [b"4", b"3", b"2", b"1"], {"kind": "byte"}, ("34", "33", "32", "31")),
    ("digits with line ends", [b"4\r\n", b"3\r\n", b"1\r\n"], {"kind": "byte"}, ("34", "33", "31")),
    ("digits while held", [b"444444", b"3", b"11"], {"kind": "byte"}, ("34", "33", "31")),
    (
        "words",
        [b"RATE:0\r\n", b"RATE:1\r\n", b"RATE:10\r\n"],
        {"kind": "line"},
        (b"RATE:0".hex(), b"RATE:1".hex(), b"RATE:10".hex()),
    ),
    (
        "marks",
        [b"\x02K1\x03", b"\x02K2\x03", b"\x02K30\x03"],
        {"kind": "frame", "start": "024b", "end": "03"},
        ("31", "32", "3330"),
    ),
    (
        "exclusive or",
        [checked(b"\xaa\x55", bytes([1, key])) for key in (1, 2, 3, 4)],
        {"kind": "frame", "start": "aa", "check": "xor", "size": 5},
        ("550101", "550102", "550103", "550104"),
    ),
]


@pytest.mark.parametrize(("name", "bursts", "framing", "payloads"), KEYPADS, ids=[row[0] for row in KEYPADS])
def test_a_keypad_is_read_by_the_plainest_rule_that_fits(
    name: str, bursts: list[bytes], framing: dict[str, Any], payloads: tuple[str, ...]
) -> None:
    wire = read(twice(*bursts))
    assert wire is not None, name
    assert wire.framing.get("kind") == framing["kind"]
    if framing["kind"] != "frame":
        assert wire == Wire(framing, payloads)


@pytest.mark.parametrize(("name", "bursts"), [row[:2] for row in KEYPADS], ids=[row[0] for row in KEYPADS])
def test_what_was_learnt_hears_every_key_again_and_tells_them_apart(name: str, bursts: list[bytes]) -> None:
    wire = read(twice(*bursts))
    assert wire is not None, name
    framer = FRAMINGS[wire.framing["kind"]].model_validate(wire.framing).framer()
    heard = [payload.hex() for burst in bursts for payload in framer.feed(burst)]
    assert [payload for payload in dict.fromkeys(heard) if payload not in ("0d", "0a")] == list(wire.payloads)


def test_what_a_key_sends_when_it_is_let_go_is_ignored() -> None:
    assert read(twice(b"1\xb1", b"2\xb2")) == Wire({"kind": "byte"}, ("31", "32"), ("b1", "b2"))
    assert read(twice(b"1\xf0", b"2\xf0")) == Wire({"kind": "byte"}, ("31", "32"), ("f0",))


@pytest.mark.parametrize(
    "bursts",
    [
        twice(b"1", b"1"),
        [[b"1", b"2"], [b"3", b"3"]],
        twice(b"12", b"21"),
        twice(b"\r\n", b"1"),
    ],
    ids=["two keys alike", "one key different", "press and release mixed up", "nothing but a line end"],
)
def test_what_shows_no_rule_is_not_guessed(bursts: list[list[bytes]]) -> None:
    assert read(bursts) is None


@given(st.lists(st.lists(st.binary(min_size=1, max_size=12), min_size=2, max_size=2), min_size=2, max_size=5))
def test_whatever_came_the_rule_learnt_gives_each_level_a_payload_of_its_own(bursts: list[list[bytes]]) -> None:
    wire = read(bursts)
    if wire is not None:
        assert len(set(wire.payloads)) == len(bursts)
        assert not set(wire.payloads) & set(wire.ignore)
