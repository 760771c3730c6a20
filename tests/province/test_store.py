"""Every event once, by its place; in any order, any number of times, and whole or not at all."""

import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import ClockQuality
from agent.errors import TryAgain
from agent.event import GENESIS, Event, EventType, Fact, Lane
from agent.outbox.chain import verify
from agent.province.arrival import Arrival, Key, read_event
from agent.province.store import ProvinceStore, ProvinceView
from agent.ranges import Ranges
from tests.province.conftest import AGENT, AT, EPOCH, arrivals, chain

KEY = Key(AGENT, EPOCH, Lane.RECORD)
NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_in_any_order_and_any_number_of_times_each_is_stored_once_and_the_chain_holds(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, handfuls: list[int]
) -> None:
    everything = arrivals(20)
    repeated = everything + chance.choices(everything, k=20)
    chance.shuffle(repeated)
    with closing(ProvinceStore(tmp_path_factory.mktemp("any") / "province.db")) as store:
        while repeated:
            size = handfuls[len(repeated) % len(handfuls)]
            store.store(repeated[:size], at=NOW)
            del repeated[:size]
        rows = list(store.bodies(KEY))
    assert rows == list(enumerate(chain(20), start=1))
    assert verify(rows).broken is None


def test_streams_of_counters_epochs_and_lanes_are_apart(store: ProvinceStore) -> None:
    everything = [
        *arrivals(3),
        *arrivals(2, agent="na-0124"),
        *arrivals(1, epoch="01J6Y00000000000000000000"),
        *(read_event(AGENT, body) for body in chain(4, EventType.ALERT)),
    ]
    touched = store.store(everything, at=NOW)
    assert touched == set(store.streams())
    assert {key: len(store.held(key)) for key in touched} == {
        KEY: 3,
        Key("na-0124", EPOCH, Lane.RECORD): 2,
        Key(AGENT, "01J6Y00000000000000000000", Lane.RECORD): 1,
        Key(AGENT, EPOCH, Lane.ALERT): 4,
    }


def test_a_stream_is_in_the_order_of_its_numbers_whatever_the_clock_said(store: ProvinceStore) -> None:
    bodies = [json.loads(body) | {"time": f"2026-09-01T0{9 - seq}:15:00+07:00"} for seq, body in enumerate(chain(5))]
    store.store([read_event(AGENT, json.dumps(body).encode()) for body in bodies], at=NOW)
    assert [seq for seq, _ in store.bodies(KEY)] == [1, 2, 3, 4, 5]


def test_what_is_missing_is_known_also_after_a_restart(store: ProvinceStore) -> None:
    some = arrivals(10)
    store.store([some[0], some[4], some[9]], at=NOW)
    assert store.missing(KEY, 1, 12) == Ranges([(2, 4), (6, 9), (11, 12)])
    with closing(ProvinceStore(store.path)) as again:
        assert again.missing(KEY, 1, 12) == Ranges([(2, 4), (6, 9), (11, 12)])


def gap(first: int, last: int, seq: int = 1) -> Arrival:
    fact = Fact(
        EventType.GAP,
        AT,
        ClockQuality.NTP,
        {"lane": "record", "epoch": EPOCH, "ranges": [[first, last]], "reason": "quota"},
    )
    return read_event(AGENT, Event("40", AGENT, EPOCH, Lane.ALERT, seq, GENESIS, "0123456789ab", fact).encode())


def test_a_declared_gap_is_not_waited_for_and_not_held(store: ProvinceStore) -> None:
    store.store([arrivals(1)[0], gap(2, 500)], at=NOW)
    assert store.missing(KEY, 1, 510) == Ranges([(501, 510)])
    assert store.held(KEY) == Ranges([(1, 1)])
    assert ProvinceView(store.path).totals()["gaps"] == 0
    store.store([arrivals(505)[504]], at=NOW)
    assert ProvinceView(store.path).totals()["gaps"] == 4
    with closing(ProvinceStore(store.path)) as again:
        assert again.declared(KEY) == Ranges([(2, 500)])


def test_a_fault_in_the_middle_stores_nothing_and_claims_nothing(store: ProvinceStore) -> None:
    store.store(arrivals(2), at=NOW)
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("create trigger fault before insert on event when new.seq = 4 begin select raise(fail, 'full'); end")
        db.commit()
    with pytest.raises(TryAgain, match="full"):
        store.store([*arrivals(5), gap(9, 10)], at=NOW)
    assert store.held(KEY) == Ranges([(1, 2)])
    assert not store.declared(KEY)
    assert [seq for seq, _ in store.bodies(KEY)] == [1, 2]
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("drop trigger fault")
        db.commit()
    store.store(arrivals(5), at=NOW)
    assert store.held(KEY) == Ranges([(1, 5)])


def test_an_event_that_contradicts_a_stored_one_is_kept_beside_it_and_changes_nothing(
    store: ProvinceStore, caplog: pytest.LogCaptureFixture
) -> None:
    first = arrivals(1)[0]
    other = read_event(AGENT, first.body.replace(b'"level":1', b'"level":0'))
    store.store([first, other, other, first], at=NOW)
    assert list(store.bodies(KEY)) == [(1, first.body)]
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("select agent, epoch, lane, seq, body from conflict").fetchall() == [
            (AGENT, EPOCH, "record", 1, other.body)
        ]
    assert caplog.text.count("already stored with other bytes") == 1


def test_a_counter_that_contradicts_itself_is_confirmed_counted_and_named_once(
    store: ProvinceStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Unconfirmed, a restored copy would send its hundred events for ever."""
    first = arrivals(100)
    others = [read_event(AGENT, each.body.replace(b'"level":', b'"level":1')) for each in first]
    store.store(first, at=NOW)
    assert store.store(others, at=NOW) == {KEY}
    store.store(others, at=NOW)
    view = ProvinceView(store.path)
    assert view.conflicts() == {AGENT: [f"{EPOCH}/record/{seq}" for seq in range(1, 101)]}
    assert view.totals()["conflicts"] == 100
    assert caplog.text.count("already stored with other bytes") == 1
    assert [body for _, body in store.bodies(KEY)] == [each.body for each in first]


def test_an_empty_handful_changes_nothing(store: ProvinceStore) -> None:
    assert store.store([], at=NOW) == set()
    assert store.streams() == []


# -- for the pages -----------------------------------------------------------------------------------


def test_the_view_shows_the_newest_first_in_the_counters_own_time(store: ProvinceStore) -> None:
    store.store(arrivals(3), at=NOW + timedelta(milliseconds=7))
    view = ProvinceView(store.path)
    newest = view.newest(2)
    assert [row["seq"] for row in newest] == [3, 2]
    assert newest[0] == {
        "seq": 3,
        "time": "2026-09-01T08:15:00+07:00",
        "type": "rating",
        "level": 3,
        "channel": None,
        "comment": None,
        "flags": [],
        "received_at": "2026-09-01T09:00:00.007+07:00",
    }
    assert view.totals() == {"ratings": 3, "events": 3, "gaps": 0, "breaks": 0, "conflicts": 0}


def test_the_view_of_a_store_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    view = ProvinceView(tmp_path / "none.db")
    assert view.newest() == []
    assert view.totals() == {"ratings": 0, "events": 0, "gaps": 0, "breaks": 0, "conflicts": 0}
    assert not (tmp_path / "none.db").exists()


def test_the_view_shows_an_event_that_makes_no_sense(store: ProvinceStore) -> None:
    event = json.loads(arrivals(1)[0].body)
    odd = json.dumps({**event, "time": "once upon a time", "data": None}).encode()
    store.store([read_event(AGENT, odd)], at=NOW)
    assert [(row["time"], row["level"]) for row in ProvinceView(store.path).newest()] == [("once upon a time", None)]
