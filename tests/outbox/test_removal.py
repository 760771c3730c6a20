"""Only what the province has and whose audit days are over goes, many at a time, on the back of an insert."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import ManualClock
from agent.event import EventType, Lane, Stream, chain_hash
from agent.outbox import book
from agent.outbox.book import RIDE_EVERY
from agent.outbox.chain import verify
from agent.outbox.store import SWEEP, Outbox
from tests.outbox.conftest import confirm, fact, outbox_at, seqs

DAY_S = 24 * 3600.0


@pytest.fixture
def at_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may go leaves with every event, not with every hundredth or so."""
    monkeypatch.setattr(book, "RIDE_EVERY", 1)


def test_what_may_go_leaves_together_on_the_back_of_an_insert(outbox: Outbox, clock: ManualClock) -> None:
    for _ in range(RIDE_EVERY - 1):
        outbox.append(fact(clock))
    confirm(outbox, RIDE_EVERY - 1)
    assert seqs(outbox)[0] == 1
    outbox.append(fact(clock))
    assert seqs(outbox) == [RIDE_EVERY - 1, RIDE_EVERY]
    outbox.append(fact(clock))
    confirm(outbox, RIDE_EVERY + 1)
    assert seqs(outbox) == [RIDE_EVERY - 1, RIDE_EVERY, RIDE_EVERY + 1]


def test_the_rest_of_a_backlog_that_was_confirmed_at_one_go_leaves_in_sweeps_without_a_press(
    outbox: Outbox, clock: ManualClock
) -> None:
    outbox.append(*(fact(clock) for _ in range(5 * SWEEP)))
    confirm(outbox, 5 * SWEEP - 7)
    assert seqs(outbox)[0] == 2 * SWEEP + 1
    outbox.tidy()
    assert seqs(outbox)[0] == 4 * SWEEP + 1
    outbox.tidy()
    assert seqs(outbox)[0] == 4 * SWEEP + 1  # fewer than a sweep: they wait for an event
    outbox.tidy(least=1)
    assert seqs(outbox) == list(range(5 * SWEEP - 6, 5 * SWEEP + 1))


def test_nothing_is_tidied_within_its_audit_days(tmp_path: Path, clock: ManualClock) -> None:
    with closing(outbox_at(tmp_path / "outbox.db", clock, keep_days=90)) as outbox:
        outbox.append(*(fact(clock) for _ in range(SWEEP)))
        clock.advance(DAY_S)
        outbox.append(*(fact(clock) for _ in range(SWEEP)))
        confirm(outbox, 2 * SWEEP)
        outbox.tidy(least=1)
        assert seqs(outbox)[0] == 1
        clock.advance(89.5 * DAY_S)
        outbox.tidy()
        assert seqs(outbox)[0] == SWEEP + 1
        outbox.tidy(least=1)
        assert seqs(outbox)[0] == SWEEP + 1


def test_an_insert_into_one_lane_removes_nothing_from_another(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(fact(clock), fact(clock))
    confirm(outbox, 2)
    outbox.append(fact(clock, kind=EventType.ALERT))
    assert seqs(outbox) == [1, 2]


@pytest.mark.usefixtures("at_every_event")
def test_what_the_province_lacks_stays_and_holds_what_comes_after_it(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(*(fact(clock) for _ in range(6)))
    confirm(outbox, 6, (3, 3))
    for _ in range(4):
        outbox.append(fact(clock))
    assert seqs(outbox) == [3, 4, 5, 6, 7, 8, 9, 10]


def test_the_last_row_never_goes_so_the_next_number_and_the_head_survive(outbox: Outbox, clock: ManualClock) -> None:
    events = outbox.append(*(fact(clock) for _ in range(SWEEP + 100)))
    confirm(outbox, SWEEP + 100)
    assert seqs(outbox) == [SWEEP + 100]
    outbox.close()
    again = outbox_at(outbox.path, clock)
    with closing(again):
        again.open()
        mark = again.marks()[Lane.RECORD]
        assert (mark.first, mark.last, mark.acked, mark.pending) == (SWEEP + 100, SWEEP + 100, SWEEP + 100, 0)
        assert mark.head == chain_hash(events[-1].encode())
        following = again.append(fact(clock))[0]
        assert (following.seq, following.previous) == (SWEEP + 101, mark.head)


def test_a_drain_is_removed_in_sweeps(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(*(fact(clock) for _ in range(1200)))
    confirm(outbox, SWEEP - 1)
    assert seqs(outbox)[0] == 1
    confirm(outbox, SWEEP)
    assert seqs(outbox)[0] == SWEEP + 1
    confirm(outbox, 1200)
    assert seqs(outbox) == [1200]


@pytest.mark.usefixtures("at_every_event")
def test_within_its_audit_days_a_row_stays_although_the_province_has_it(tmp_path: Path, clock: ManualClock) -> None:
    outbox = outbox_at(tmp_path / "outbox.db", clock, keep_days=90)
    with closing(outbox):
        outbox.append(fact(clock))
        clock.advance(10 * DAY_S)
        outbox.append(fact(clock), fact(clock))
        confirm(outbox, 3)
        clock.advance(79 * DAY_S)
        outbox.append(fact(clock))
        assert seqs(outbox) == [1, 2, 3, 4]
        clock.advance(2 * DAY_S)
        outbox.append(fact(clock))
        assert seqs(outbox) == [2, 3, 4, 5]


@pytest.mark.usefixtures("at_every_event")
def test_a_lane_whose_removed_rows_the_province_lost_still_moves_on(outbox: Outbox, clock: ManualClock) -> None:
    """The province came back from an old copy: it has 1 to 2 and 5 to 6; 3 and 4 are gone here as well."""
    outbox.append(*(fact(clock) for _ in range(6)))
    confirm(outbox, 6)
    outbox.append(fact(clock))
    confirm(outbox, 6, (3, 4))
    assert outbox.marks()[Lane.RECORD].acked == 6


def test_a_row_cut_out_of_the_middle_breaks_the_chain(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(*(fact(clock) for _ in range(5)))
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute("delete from record where seq = 3")
        db.commit()
    assert verify(outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 5)).broken is not None


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.integers(1, 9).map(lambda count: ("append", count, 0)),
            st.tuples(st.just("confirm"), st.integers(0, 40), st.integers(0, 40)),
            st.just(("restart", 0, 0)),
        ),
        max_size=12,
    )
)
def test_whatever_happens_only_what_was_confirmed_is_gone_and_the_rest_is_one_chain(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    clock = ManualClock(datetime(2026, 9, 1, tzinfo=UTC))
    outbox = outbox_at(tmp_path_factory.mktemp("any") / "outbox.db", clock)
    written: dict[int, bytes] = {}
    with closing(outbox):
        outbox.open()
        confirmed: set[int] = set()
        for step, number, other in steps:
            last = outbox.marks()[Lane.RECORD].last
            if step == "append":
                written |= {event.seq: event.encode() for event in outbox.append(*(fact(clock) for _ in range(number)))}
            elif step == "confirm" and number <= last:
                confirm(outbox, number, (other, other))
                confirmed |= set(range(1, number + 1)) - {other}
            elif step == "restart":
                outbox.close()
                outbox.open()
        rows = outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 1000)
        gone = set(written) - {seq for seq, _ in rows}
        assert gone <= confirmed
        assert rows == [(seq, written[seq]) for seq in sorted(set(written) - gone)]
        assert verify(rows, previous=None).broken is None
        assert not written or rows[-1][0] == max(written) == json.loads(rows[-1][1])["seq"]
        assert outbox.append(fact(clock))[0].seq == len(written) + 1
