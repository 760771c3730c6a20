"""Whoever has the bytes of a lane can tell whether one is missing, changed, swapped or not the first."""

import json

import pytest

from agent.clock import ManualClock
from agent.event import GENESIS, Lane, Stream, chain_hash
from agent.outbox.chain import verify
from agent.outbox.store import Outbox
from tests.outbox.conftest import fact

Rows = list[tuple[int, bytes]]


@pytest.fixture
def rows(outbox: Outbox, clock: ManualClock) -> Rows:
    for level in (3, 2, 1, 0, 3):
        outbox.append(fact(clock, level))
    return outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 5)


def test_a_whole_chain_holds_and_its_head_is_the_hash_of_its_last_event(rows: Rows) -> None:
    checked = verify(rows)
    assert (checked.count, checked.last, checked.head, checked.broken) == (5, 5, chain_hash(rows[-1][1]), None)


def test_an_empty_chain_holds_and_its_head_is_the_beginning() -> None:
    checked = verify([])
    assert (checked.count, checked.last, checked.head, checked.broken) == (0, 0, GENESIS, None)


def test_the_head_of_a_chain_is_the_watermarks(rows: Rows, outbox: Outbox) -> None:
    assert verify(rows).head == outbox.marks()[Lane.RECORD].head


@pytest.mark.parametrize("at", range(1, 4))
def test_a_missing_row_is_named(rows: Rows, at: int) -> None:
    broken = verify(rows[:at] + rows[at + 1 :]).broken
    assert broken is not None
    assert broken.seq == at + 2
    assert f"events {at + 1} to {at + 1} are missing" in broken.reason


def test_a_missing_first_row_is_named(rows: Rows) -> None:
    broken = verify(rows[1:]).broken
    assert broken is not None
    assert broken.seq == 2


def test_a_chain_whose_beginning_was_removed_on_purpose_is_taken_at_its_word(rows: Rows) -> None:
    checked = verify(rows[2:], previous=None)
    assert (checked.count, checked.broken) == (3, None)


@pytest.mark.parametrize("at", range(4))
def test_a_changed_row_breaks_the_chain_at_the_one_after_it(rows: Rows, at: int) -> None:
    seq, body = rows[at]
    forged = body.replace(b'"level":', b'"level": ')
    assert forged != body
    broken = verify([*rows[:at], (seq, forged), *rows[at + 1 :]]).broken
    assert broken is not None
    assert broken.seq == at + 2


def test_a_changed_last_row_is_seen_by_the_head_alone(rows: Rows) -> None:
    head = verify(rows).head
    forged = verify([*rows[:-1], (5, rows[-1][1].replace(b'"level":3', b'"level":0'))])
    assert forged.broken is None
    assert forged.head != head


def test_swapped_rows_are_named(rows: Rows) -> None:
    swapped = [*rows[:1], (2, rows[2][1]), (3, rows[1][1]), *rows[3:]]
    broken = verify(swapped).broken
    assert broken is not None
    assert (broken.seq, broken.reason) == (2, "the bytes say they are event 3")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"7", b"{}", b'{"seq":1}', b"[" * 100_000], ids=len)
def test_bytes_that_are_not_an_event_are_a_break_and_not_a_crash(body: bytes) -> None:
    broken = verify([(1, body)]).broken
    assert broken is not None
    assert broken.reason == "the bytes are not an event"


def test_a_forged_event_that_names_its_own_past_is_found_by_the_one_after_it(rows: Rows) -> None:
    event = json.loads(rows[1][1])
    event["data"] = {"level": 3}
    forged = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    broken = verify([rows[0], (2, forged), *rows[2:]]).broken
    assert broken is not None
    assert broken.seq == 3
