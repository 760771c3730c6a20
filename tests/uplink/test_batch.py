"""A batch goes in and comes out as the very bytes that were hashed, and says only what cannot be computed."""

import json
import random
import zlib
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import ClockQuality
from agent.event import GENESIS, Event, EventType, Fact, chain_hash
from agent.uplink.batch import LARGEST_BYTES, UnreadableBatch, array, elements_of, pack, unpack

AT = datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
EPOCH = "01J6X4Q0000000000000000000"
TRAPS = ["previous", "seq", '"seq":7,', '","previous":"', "},{", "Rất không hài lòng", "\U0001f600", "\\", '"', "\x00"]

texts = st.text(max_size=8) | st.sampled_from(TRAPS)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
contents = st.dictionaries(texts, values, max_size=4)


def event(seq: int, previous: str, data: dict[str, Any], kind: EventType = EventType.RATING) -> bytes:
    fact = Fact(kind, AT, ClockQuality.FLOOR, data, AT - timedelta(seconds=seq))
    return Event("40", "na-0123", EPOCH, kind.lane, seq, previous, "0123456789ab", fact).encode()


def chain(contents: list[dict[str, Any]], first: int = 1) -> list[bytes]:
    bodies: list[bytes] = []
    for seq, data in enumerate(contents, first):
        bodies.append(event(seq, chain_hash(bodies[-1]) if bodies else GENESIS, data))
    return bodies


def came_out(bodies: list[bytes]) -> list[bytes]:
    elements = unpack(pack(bodies))
    assert [element.said for element in elements] == [json.loads(body) for body in bodies]
    return [element.body for element in elements]


@given(st.lists(contents, max_size=8), st.integers(1, 2**31 - 20))
def test_a_chain_comes_out_as_it_went_in_and_only_its_first_hash_travels(
    contents: list[dict[str, Any]], first: int
) -> None:
    bodies = chain(contents, first)
    assert came_out(bodies) == bodies


@given(st.lists(contents, min_size=1, max_size=8), st.data())
def test_so_do_events_in_any_order_with_gaps_repeated_and_tampered_with(
    contents: list[dict[str, Any]], data: st.DataObject
) -> None:
    bodies = chain(contents)
    tampered = [event(seq, data.draw(st.sampled_from([GENESIS, "", "x"])), each) for seq, each in enumerate(contents)]
    mixed = data.draw(st.lists(st.sampled_from([*bodies, *tampered]), max_size=12))
    assert came_out(mixed) == mixed


def test_the_hashes_of_a_chain_are_left_out_but_the_first() -> None:
    bodies = chain([{"level": 3}] * 100)
    said = json.loads(array(bodies))
    assert said[0] == json.loads(bodies[0])
    for element, body in zip(said[1:], bodies[1:], strict=True):
        whole = json.loads(body)
        assert whole.pop("previous")
        assert element == whole
    assert len(pack(bodies)) < 2500


def test_a_chain_that_was_tampered_with_is_not_mended_on_the_way() -> None:
    """Somebody changed the third event and its checksum: the fourth still says what it was chained to."""
    bodies = chain([{"level": 0}] * 5)
    bodies[2] = bodies[2].replace(b'"level":0', b'"level":3')
    assert b'"previous":' in array(bodies).split(b'"seq":4,')[1][:13]
    assert came_out(bodies) == bodies


def test_what_is_not_right_before_it_in_the_batch_is_named() -> None:
    bodies = chain([{}] * 6)
    for chosen in (bodies[::2], bodies[::-1], [bodies[0], bodies[0], bodies[1]]):
        assert came_out(chosen) == chosen
    assert array(bodies[::2]).count(b'"previous":') == 3


def test_data_may_speak_of_previous_events() -> None:
    bodies = chain([{"previous": "x", "seq": 3}, {"a": {"previous": GENESIS}}, {"note": '"previous":"x",'}])
    assert came_out(bodies) == bodies


# -- what others may write ---------------------------------------------------------------------------

objects = st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text()), max_size=3)
blank = st.text(alphabet=" \t\r\n", max_size=3)


@given(st.lists(st.tuples(blank, objects, blank), max_size=5), blank, blank)
def test_a_batch_is_cut_between_its_elements_however_it_is_spaced(
    elements: list[tuple[str, dict[str, Any], str]], before: str, after: str
) -> None:
    spelled = [json.dumps({**element, "previous": "x"}, ensure_ascii=False) for _, element, _ in elements]
    text = ",".join(f"{a}{body}{b}" for (a, _, b), body in zip(elements, spelled, strict=True))
    assert [each.body.decode() for each in elements_of(f"{before}[{text}]{after}".encode())] == spelled


@settings(max_examples=50)
@given(st.lists(values, max_size=5))
def test_whatever_an_array_holds_nobody_stumbles(elements: list[Any]) -> None:
    assert len(elements_of(json.dumps(elements).encode())) == len(elements)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[", b"[{}", b"[{} {}]", b"[{},", b"[{}}", b"[nonsense]", b"\xff[]", b"[" * 100_000], ids=len
)
def test_what_is_not_an_array_is_not_a_batch(text: bytes) -> None:
    with pytest.raises(UnreadableBatch):
        elements_of(text)
    with pytest.raises(UnreadableBatch):
        unpack(zlib.compress(text))


@pytest.mark.parametrize("payload", [b"", b"\x00" * 9, pack(chain([{}] * 3))[:-3], b"[]"], ids=len)
def test_a_batch_that_is_cut_or_not_packed_is_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableBatch):
        unpack(payload)


def test_a_batch_that_unpacks_to_far_too_much_is_refused() -> None:
    noise = random.Random(1).randbytes(1000).hex().encode()
    with pytest.raises(UnreadableBatch, match="far too large"):
        unpack(zlib.compress(b"[" + noise * (LARGEST_BYTES // 1000) + b"]"))
