"""A changed, removed or invented event breaks the chain, and the province sees it in whatever order things come."""

import json
import random
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.event import chain_hash
from agent.province.arrival import read_event
from agent.province.store import ProvinceStore, ProvinceView
from agent.province.watch import watch
from agent.uplink.session import Door
from tests.broker import Broker
from tests.province.conftest import AGENT, EPOCH, chain

NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


def stored(store: ProvinceStore, bodies: list[bytes]) -> list[str]:
    """Store *bodies* one after the other; where the chain is broken then."""
    for number, body in enumerate(bodies):
        store.store([read_event(AGENT, body)], at=NOW + timedelta(seconds=number))
    return ProvinceView(store.path).breaks().get(AGENT, [])


def changed(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"data": {"level": 3, "đổi": True}}).encode()


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 11))
def test_a_changed_event_is_found_by_its_successor_in_any_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, which: int
) -> None:
    bodies = chain(12)
    bodies[which - 1] = changed(bodies[which - 1])
    chance.shuffle(bodies)
    with closing(ProvinceStore(tmp_path_factory.mktemp("any") / "province.db")) as store:
        assert stored(store, bodies) == [f"{EPOCH}/record/{which + 1}"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_first_event_that_names_a_past_is_no_first_event(store: ProvinceStore, order: int) -> None:
    first, second = chain(2)
    forged = first.replace(json.loads(first)["previous"].encode(), chain_hash(b"a past").encode())
    relinked = second.replace(chain_hash(first).encode(), chain_hash(forged).encode())
    assert stored(store, [forged, relinked][::order]) == [f"{EPOCH}/record/1"]


def test_what_is_missing_in_between_is_no_break(store: ProvinceStore) -> None:
    bodies = chain(9)
    assert stored(store, [bodies[0], bodies[4], bodies[8], bodies[3]]) == []
    assert ProvinceView(store.path).totals()["breaks"] == 0


def test_an_event_without_a_link_is_a_break(store: ProvinceStore) -> None:
    first, second = chain(2)
    without = {key: value for key, value in json.loads(second).items() if key != "previous"}
    assert stored(store, [json.dumps(without).encode(), first]) == [f"{EPOCH}/record/2"]


def test_a_break_is_said_once_and_stays_known(store: ProvinceStore, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = chain(3)
    assert stored(store, [changed(first), second, third, second, changed(first)]) == [f"{EPOCH}/record/2"]
    assert caplog.text.count("the chain is broken") == 1
    with closing(ProvinceStore(store.path)):
        assert ProvinceView(store.path).totals()["breaks"] == 1


def test_the_fleet_names_the_break_and_the_number_that_came_twice(
    store: ProvinceStore, mosquitto: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = chain(2)
    stored(store, [changed(first), second, first])
    door = Door("127.0.0.1", mosquitto.port, "watch", None, None, None)
    watch(door, "40", threading.Event(), as_json=True, store=ProvinceView(store.path))
    [row] = json.loads(capsys.readouterr().out)
    assert (row["agent"], row["breaks"]) == (AGENT, [f"{EPOCH}/record/2"])
    assert row["conflicts"] == [f"{EPOCH}/record/1"]
