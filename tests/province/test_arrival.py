"""Whatever a counter, or somebody who poses as one, sends: it is an event or it is refused, and nobody stumbles."""

import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.event import GENESIS, Lane
from agent.province.arrival import Key, UnreadableEvent, read_batch, read_event
from agent.province.store import ProvinceStore, ProvinceView
from agent.uplink.batch import pack
from tests.province.conftest import AGENT, EPOCH, chain

KEY = Key(AGENT, EPOCH, Lane.RECORD)


def spelled(**changes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"{AGENT}/{EPOCH}/record/1",
        "source": f"/motcua/40/{AGENT}",
        "type": "vn.motcua.rating.v1",
        "time": "2026-09-01T08:15:00+07:00",
        "epoch": EPOCH,
        "lane": "record",
        "seq": 1,
        "previous": GENESIS,
        "data": {"level": 3},
        **changes,
    }
    return json.dumps(event).encode()


def test_an_event_is_read_with_its_own_bytes() -> None:
    body = spelled()
    arrival = read_event(AGENT, body)
    assert (arrival.key, arrival.seq, arrival.body) == (KEY, 1, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        spelled(source="/motcua/40/na-0124"),
        spelled(source=7),
        spelled(seq=0),
        spelled(seq=-1),
        spelled(seq=True),
        spelled(seq="1"),
        spelled(seq=1.0),
        spelled(seq=2**31),
        spelled(seq=2**70),
        spelled(lane="bulk"),
        spelled(lane=["record"]),
        spelled(epoch=[1]),
        spelled(epoch=""),
        spelled(epoch="\ud800"),
        spelled(epoch="a/b"),
        spelled(type={}),
        spelled(time=7),
    ],
    ids=lambda body: body[:30].decode(errors="replace") + f" {len(body)} {crc32(body) % 9973}",
)
def test_what_has_no_place_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_event(AGENT, body)
    with pytest.raises(UnreadableEvent):
        read_batch(AGENT, body)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"lane": "record"},
        {"lane": "record", "epoch": EPOCH, "ranges": []},
        {"lane": "x", "epoch": EPOCH, "ranges": [[1, 2]]},
    ],
    ids=str,
)
def test_a_gap_that_makes_no_sense_is_stored_and_declares_nothing(store: ProvinceStore, data: Any) -> None:
    gap = read_event(AGENT, spelled(type="vn.motcua.gap.v1", lane="alert", data=data))
    store.store([gap], at=datetime.now(UTC))
    assert len(store.held(Key(AGENT, EPOCH, Lane.ALERT))) == 1
    assert not store.declared(KEY)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
FIELDS = ["source", "type", "time", "epoch", "lane", "seq", "data", "boot", "clock", "booted", "previous"]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4))
def test_no_event_whatsoever_stops_the_store(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]) -> None:
    try:
        arrival = read_event(AGENT, spelled(**changes))
    except UnreadableEvent:
        return
    store = ProvinceStore(tmp_path_factory.mktemp("any") / "province.db")
    try:
        assert store.store([arrival], at=datetime.now(UTC)) == {arrival.key}
    finally:
        store.close()


# -- batches -----------------------------------------------------------------------------------------


def packed(*bodies: bytes) -> bytes:
    return zlib.compress(b"[" + b",".join(bodies) + b"]")


def test_the_events_of_a_batch_are_the_very_bytes_that_were_hashed() -> None:
    bodies = chain(100)
    arrivals = read_batch(AGENT, packed(*bodies))
    assert [arrival.body for arrival in arrivals] == bodies
    assert [arrival.seq for arrival in arrivals] == list(range(1, 101))


def test_the_hashes_that_were_left_out_are_back(store: ProvinceStore) -> None:
    bodies = chain(100)
    arrivals = read_batch(AGENT, pack(bodies))
    assert [arrival.body for arrival in arrivals] == bodies
    store.store(arrivals, at=datetime.now(UTC))
    assert ProvinceView(store.path).breaks() == {}


def test_a_batch_that_is_no_batch_is_refused() -> None:
    with pytest.raises(UnreadableEvent):
        read_batch(AGENT, zlib.compress(b"{}"))


def test_one_event_that_cannot_be_read_does_not_take_the_batch_along() -> None:
    first, _, third = chain(3)
    batch = packed(first, spelled(source="/motcua/40/na-0999"), third)
    assert [arrival.seq for arrival in read_batch(AGENT, batch)] == [1, 3]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zlib.compress(b"[" + b" " * 50_000_000 + b"]", 9)
    assert len(bomb) < 256 * 1024
    with pytest.raises(UnreadableEvent, match="far too large"):
        read_batch(AGENT, bomb)


@pytest.mark.parametrize("payload", [b"", b"\x00" * 9, packed(*chain(3))[:-3], b"[]"], ids=len)
def test_a_batch_that_is_cut_or_not_packed_is_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_batch(AGENT, payload)
