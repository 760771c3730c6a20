"""Bytes become payloads, whatever pieces they arrive in."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.keypad.framing import ByteFraming


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_with_byte_framing_every_byte_is_one_payload_however_the_stream_is_cut(pieces: list[bytes]) -> None:
    framer = ByteFraming().framer()
    payloads = [payload for piece in pieces for payload in framer.feed(piece)]
    assert b"".join(payloads) == b"".join(pieces)
    assert all(len(payload) == 1 for payload in payloads)
