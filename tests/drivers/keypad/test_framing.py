"""Bytes become payloads, whatever pieces they arrive in, and noise never becomes a press.

Every property here is also run at length: `COUNTER_AGENT_STREAMS=10000 pytest tests/drivers/keypad/test_framing.py`
feeds so many random streams into each framing.
"""

import os
import random
import re
from functools import reduce
from operator import xor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.keypad.framing import ByteFraming, FrameFraming, Framer, LineFraming

STREAMS = int(os.environ.get("COUNTER_AGENT_STREAMS", "300"))
"""Random streams for each framing."""

Framing = ByteFraming | LineFraming | FrameFraming


def closed(body: bytes) -> bytes:
    return body + bytes([reduce(xor, body)])


TAXI = FrameFraming(start="55aa", end="55aa", length_at=2, length_bytes=2, length_adds=7, check="xor")
"""As in a Chinese standard for taxi meters: both marks alike, a length, an exclusive or."""


def taxi(payload: bytes) -> bytes:
    return b"\x55\xaa" + closed(len(payload).to_bytes(2, "big") + payload) + b"\x55\xaa"


FRAMINGS: list[tuple[str, Framing, Any]] = [
    ("byte", ByteFraming(), lambda key: bytes([0x30 + key])),
    ("line", LineFraming(limit=12), lambda key: b"RATE:%d\r\n" % key),
    ("end mark", FrameFraming(start="02", end="03", limit=8), lambda key: b"\x02K%d\x03" % key),
    ("size and xor", FrameFraming(start="aa", size=4, check="xor"), lambda key: b"\xaa" + closed(bytes([key, 7]))),
    ("sum", FrameFraming(start="aa55", size=5, check="sum"), lambda key: bytes([0xAA, 0x55, key, 9, key + 9])),
    ("length and marks", TAXI, lambda key: taxi(bytes([6, key]))),
]
each_framing = pytest.mark.parametrize(
    ("framing", "frame"), [row[1:] for row in FRAMINGS], ids=[r[0] for r in FRAMINGS]
)


def parse(framer: Framer, *pieces: bytes) -> list[bytes]:
    return [payload for piece in pieces for payload in framer.feed(piece)]


def bodies(framing: Framing, frame: Any) -> list[bytes]:
    """What each key's frame carries."""
    found = [parse(framing.framer(), frame(key)) for key in range(4)]
    assert all(len(payloads) == 1 for payloads in found)
    return [payloads[0] for payloads in found]


def whole(framing: Framing, payload: bytes) -> str:
    """A pattern for everything that must stand on the wire for *payload* to be one: marks, check, line ends."""
    body = re.escape(payload.decode("latin-1"))
    if isinstance(framing, LineFraming):
        return rf"(?:^|(?<=[\r\n])){body}[\r\n]"
    if isinstance(framing, ByteFraming):
        return body
    checks = {"none": b"", "xor": bytes([reduce(xor, payload)]), "sum": bytes([sum(payload) & 0xFF])}
    start, end = bytes.fromhex(framing.start), checks[framing.check] + bytes.fromhex(framing.end)
    return "".join((re.escape(start.decode("latin-1")), body, re.escape(end.decode("latin-1"))))


def noise(chance: random.Random, frames: list[bytes]) -> bytes:
    """A random stream: frames whole, cut, bent, doubled, and bytes that were never one."""
    pieces = []
    for _ in range(chance.randrange(12)):
        frame = chance.choice(frames)
        at = chance.randrange(len(frame) + 1)
        match chance.randrange(6):
            case 0:
                pieces.append(frame)
            case 1:
                pieces.append(frame[:at])
            case 2:
                pieces.append(frame[at:])
            case 3:
                bent = bytearray(frame)
                bent[at % len(frame)] ^= 1 << chance.randrange(8)
                pieces.append(bytes(bent))
            case 4:
                pieces.append(chance.randbytes(chance.randrange(20)))
            case 5:
                pieces.append(frame[:at] + frame[:at] + frame[at:])
    return b"".join(pieces)


def cut(chance: random.Random, stream: bytes) -> list[bytes]:
    """*stream* in pieces as a wire may deliver it: a trickle, a flood, anything between."""
    pieces = []
    while stream:
        size = chance.choice((0, 1, 1, 2, 5, len(stream)))
        pieces.append(stream[:size])
        stream = stream[size:]
    return pieces


@each_framing
def test_random_streams_yield_only_what_stood_in_them_whole_and_in_order(framing: Framing, frame: Any) -> None:
    """However a stream is bent and cut: no crash, no invented press, in step again with the next frame."""
    chance = random.Random(20260901)
    frames = [frame(key) for key in range(4)]
    payload_of = dict(zip(frames, bodies(framing, frame), strict=True))
    for number in range(STREAMS):
        stream = noise(chance, frames)
        framer = framing.framer()
        payloads = parse(framer, *cut(chance, stream))
        assert payloads == parse(framing.framer(), stream), f"stream {number} depends on how it is cut: {stream.hex()}"
        at = 0
        for payload in payloads:
            stood = re.compile(whole(framing, payload)).search(stream.decode("latin-1"), at)
            assert stood, f"stream {number} never held {payload.hex()}: {stream.hex()}"
            at = stood.end()
        # The line falls silent, then somebody presses: nothing of the noise stands in the way.
        framer.settle()
        follow = [chance.choice(frames) for _ in range(3)]
        assert parse(framer, *cut(chance, b"".join(follow))) == [payload_of[each] for each in follow], stream.hex()


@each_framing
def test_a_frame_bent_on_the_wire_costs_itself_and_at_most_its_neighbour(framing: Framing, frame: Any) -> None:
    chance = random.Random(7)
    known = bodies(framing, frame)
    for _ in range(STREAMS // 4):
        keys = [chance.randrange(4) for _ in range(8)]
        stream = bytearray().join(frame(key) for key in keys)
        first, last = len(b"".join(map(frame, keys[:2]))), len(b"".join(map(frame, keys[:3])))
        stream[chance.randrange(first, last)] ^= 1 << chance.randrange(8)
        framer = framing.framer()
        heard = [*framer.feed(bytes(stream)), *framer.settle()]
        assert heard[:2] == [known[key] for key in keys[:2]]
        assert heard[-4:] == [known[key] for key in keys[4:]], stream.hex()


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_with_byte_framing_every_byte_is_one_payload_however_the_stream_is_cut(pieces: list[bytes]) -> None:
    payloads = parse(ByteFraming().framer(), *pieces)
    assert b"".join(payloads) == b"".join(pieces)
    assert all(len(payload) == 1 for payload in payloads)


@given(st.lists(st.binary(max_size=80), max_size=8), st.sampled_from([row[1] for row in FRAMINGS]))
def test_nothing_is_kept_beyond_the_limit(pieces: list[bytes], framing: Framing) -> None:
    framer = framing.framer()
    parse(framer, *pieces)
    kept = getattr(framer, "_line", getattr(framer, "_buffer", b""))
    assert len(kept) <= getattr(framing, "limit", 0) + 1


def test_a_line_may_end_in_any_of_the_ways_and_empty_lines_are_nothing() -> None:
    assert parse(LineFraming().framer(), b"1\r\n\r\n2\n3\r", b"\n\n") == [b"1", b"2", b"3"]


def test_a_line_ends_where_the_options_say() -> None:
    assert parse(LineFraming(ends="03").framer(), b"\x02A\x03\x02B\x03") == [b"\x02A", b"\x02B"]


def test_a_trickled_line_is_one_payload_when_it_ends_and_no_partial_one_before() -> None:
    framer = LineFraming().framer()
    assert [framer.feed(bytes([byte])) for byte in b"RATE:3\r\n"] == [[]] * 6 + [[b"RATE:3"], []]


def test_a_line_beyond_the_limit_is_dropped_to_its_end_and_the_next_is_heard() -> None:
    assert parse(LineFraming(limit=4).framer(), b"123456789", b"0\n1234\n") == [b"1234"]


def test_a_half_line_before_a_silence_is_not_the_beginning_of_the_next() -> None:
    framer = LineFraming().framer()
    assert framer.feed(b"RA") == []
    assert framer.settle() == []
    assert framer.feed(b"RATE:2\n") == [b"RATE:2"]


def test_a_length_that_was_noise_hides_frames_only_until_the_line_is_silent() -> None:
    framer = TAXI.framer()
    assert parse(framer, b"\x55\xaa\x00\x30", taxi(b"\x06\x01")) == []
    assert [payload[2:] for payload in framer.settle()] == [b"\x06\x01"]


def test_a_length_that_no_frame_can_have_is_passed_over_at_once() -> None:
    for length in (b"\x00\x00", b"\xff\xff"):
        (payload,) = parse(TAXI.framer(), b"\x55\xaa" + length, taxi(b"\x06\x03"))
        assert payload.endswith(b"\x06\x03")


def test_a_frame_without_content_is_no_press() -> None:
    framing = FrameFraming(start="55aa", end="55aa")
    assert parse(framing.framer(), b"\x55\xaa\x55\xaa", b"\x31\x55\xaa") == [b"\x31"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"start": "02"}, "where a frame ends"),
        ({"start": "02", "size": 4, "length_at": 1}, "exclude each other"),
        ({"start": "02", "end": "03", "size": 2}, "no room between the marks"),
        ({"start": "02", "end": "03", "limit": 2}, "less than a whole frame"),
        ({"start": "02", "size": 80}, "less than a whole frame"),
        ({"start": "2", "end": "03"}, "not a payload in hex"),
        ({"start": "02", "end": "x"}, "not a payload in hex"),
    ],
)
def test_marks_that_can_find_no_frame_are_refused_in_words(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        FrameFraming.model_validate(wrong)
