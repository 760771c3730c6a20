"""A press becomes a rating at the province, whatever happens between them."""

import json
import os
import random
from pathlib import Path

import pytest

from agent.event import Lane
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import CODES, Counter, Ear, Province, same_events

KILLS = int(os.environ.get("COUNTER_AGENT_KILLS", "100"))


def test_a_press_becomes_a_rating_at_the_province(counter: Counter, province: Province) -> None:
    counter.start()
    counter.press("34")
    event = eventually(province.events, within_s=15)[0]
    assert event["data"]["level"] == 0
    assert event["data"]["raw"] == "34"
    assert event["source"] == "/motcua/40/na-0123"
    assert event["type"] == "vn.motcua.rating.v1"


def test_a_press_during_a_broker_outage_arrives_once_after_it(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.start()
    counter.press()
    eventually(lambda: province.seqs() == [1], within_s=15)
    mosquitto.stop()
    counter.press("32")
    counter.press("33")
    mosquitto.start()
    eventually(lambda: same_events(counter, province), within_s=40)
    assert province.seqs() == [1, 2, 3]


def test_a_broker_killed_without_persistence_loses_nothing(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.start()
    for _ in range(3):
        for code in CODES:
            counter.press(code)
        mosquitto.kill()
        counter.press("31")
        mosquitto.start()
    eventually(lambda: same_events(counter, province), within_s=60)
    assert len(province.seqs()) == 15


def test_what_was_pressed_while_the_province_was_away_arrives_when_it_is_back(
    counter: Counter, mosquitto: Broker, tmp_path: Path
) -> None:
    counter.start()
    for code in CODES:
        counter.press(code)
    province = Province(mosquitto, tmp_path / "late.db")
    province.start()
    try:
        eventually(lambda: same_events(counter, province), within_s=40)
    finally:
        province.stop()


def test_a_province_restarted_with_an_empty_database_asks_for_everything_again(
    counter: Counter, province: Province, mosquitto: Broker, tmp_path: Path
) -> None:
    counter.start()
    for code in CODES:
        counter.press(code)
    eventually(lambda: same_events(counter, province), within_s=20)
    with Ear(mosquitto.port).open("motcua/#") as ear:
        eventually(
            lambda: (ear.last("up/watermark") or {}).get("lanes", {}).get("record", {}).get("acked") == 4, within_s=20
        )
    province.stop()
    anew = Province(mosquitto, tmp_path / "anew.db")
    anew.start()
    try:
        eventually(lambda: same_events(counter, anew), within_s=40)
    finally:
        anew.stop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(KILLS // 25))
def test_killed_at_random_moments_between_press_and_puback_nothing_is_lost_and_nothing_doubled(
    counter: Counter, province: Province, seed: int
) -> None:
    """Twenty-five kills a seed; `COUNTER_AGENT_KILLS` is how many there are altogether."""
    chance = random.Random(f"kill {seed}")
    counter.start()
    for number in range(25):
        before = len(counter.stored())
        for code in chance.sample(CODES, chance.randint(1, 3)):
            counter.keypad.press(code)
        if number % 2:  # half of the kills come after a commit, around the publication and its PUBACK
            eventually(lambda: len(counter.stored()) > before, within_s=20)  # noqa: B023 - asked within the round
        counter.kill(after_s=chance.uniform(0, 0.03))
        counter.start()
    counter.press("31")
    eventually(lambda: same_events(counter, province), within_s=60)
    seqs = province.seqs()
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= 13


def test_a_backlog_travels_in_batches_and_today_is_not_kept_waiting(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    mosquitto.stop()
    counter.start()
    for _ in range(8):
        for code in CODES:
            counter.press(code)
    with_batches = Ear(mosquitto.port)
    mosquitto.start()
    with with_batches.open("motcua/#"):
        eventually(lambda: same_events(counter, province), within_s=40)
    topics = [topic for topic, _, _ in with_batches.messages]
    assert any(topic.endswith(f"up/batch/{Lane.RECORD}") for topic in topics) or len(province.seqs()) == 32


def test_the_broker_hears_of_a_stop_and_of_a_crash_and_tells_them_apart(counter: Counter, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: ear.last("up/state") and ear.last("up/state")["state"] == "online", within_s=15)
        session = ear.last("up/state")["session"]
        took_s = counter.stop()
        assert took_s < 5
        eventually(lambda: ear.last("up/state")["state"] == "stopping", within_s=5)
        counter.start()
        eventually(lambda: ear.last("up/state")["state"] == "online", within_s=15)
        assert ear.last("up/state")["session"] > session
        session = ear.last("up/state")["session"]
        counter.kill()
        eventually(lambda: ear.last("up/state") == {"state": "lost", "session": session}, within_s=10)


def test_the_birth_comes_in_its_order(counter: Counter, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: ear.heard("up/state"), within_s=15)
        kinds = [topic.split("/")[5] for topic, _, _ in ear.messages]
    assert kinds[0] == "info"
    assert kinds.index("health") < kinds.index("watermark") < kinds.index("state")
    assert json.loads(ear.messages[0][1])["devices"][0]["driver"] == "serial"
