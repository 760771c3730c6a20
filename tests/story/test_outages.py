"""What was gone and why, told by a daemon that is killed, cut off, unplugged and left alone; then the day's figures."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from agent.event import Lane
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import Province, same_events
from tests.story.test_clock import MovedCounter

A_WHILE_S = 600.0
LATER = "0ther0000000"
"""Another boot of the machine."""


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker) -> Iterator[MovedCounter]:
    box = MovedCounter(tmp_path / "counter", mosquitto.url)
    yield box
    box.close()


def outages(province: Province) -> list[dict[str, Any]]:
    found = [event["data"] for event in province.events(Lane.ALERT) if event["type"] == "vn.motcua.alert.v1"]
    return [data for data in found if data["code"] == "OUTAGE"]


def summaries(province: Province) -> list[dict[str, Any]]:
    found = province.events(Lane.METRIC)
    return [event["data"] for event in found if event["type"] == "vn.motcua.summary.v1"]


def status_page(counter: MovedCounter) -> str:
    connection = HTTPConnection(counter.web.removeprefix("http://"), timeout=5)
    with closing(connection):
        connection.request("GET", "/status")
        return connection.getresponse().read().decode()


def test_every_outage_arrives_with_its_own_cause_and_the_days_figures_are_made_of_them(
    counter: MovedCounter, province: Province, mosquitto: Broker
) -> None:
    mark = counter.folder / "state" / "alive.json"
    province.start()
    counter.start()
    counter.press("34")
    eventually(mark.exists, within_s=10)
    counter.kill()
    counter.let_pass(A_WHILE_S)
    counter.start()
    eventually(lambda: [each["cause"] for each in outages(province)] == ["agent"], within_s=20)
    assert outages(province)[0]["reason"] == "killed"

    counter.kill()
    counter.let_pass(A_WHILE_S, boot=LATER)
    counter.start()
    eventually(lambda: len(outages(province)) == 2, within_s=20)
    assert (outages(province)[1]["cause"], outages(province)[1]["reason"]) == ("power", "power")

    counter.keypad.unplug()
    eventually(lambda: "KEYPAD_UNPLUGGED" in status_page(counter), within_s=15)
    counter.let_pass(A_WHILE_S, boot=LATER)
    counter.keypad.replug()
    eventually(lambda: len(outages(province)) == 3, within_s=20)
    assert (outages(province)[2]["cause"], outages(province)[2]["reason"]) == ("keypad", "KEYPAD_UNPLUGGED")

    mosquitto.stop()
    eventually(lambda: "UPLINK_NO_BROKER" in status_page(counter), within_s=20)
    counter.let_pass(A_WHILE_S, boot=LATER)
    mosquitto.start()
    eventually(lambda: len(outages(province)) == 4, within_s=40)
    assert outages(province)[3]["cause"] == "network"
    assert all(A_WHILE_S <= each["duration_s"] < A_WHILE_S + 60 for each in outages(province))

    counter.let_pass(2 * 86400, boot=LATER)
    eventually(lambda: len(summaries(province)) >= 2, within_s=20)
    assert len(outages(province)) == 4
    days = summaries(province)
    assert [each["raw"] for each in days[:2]] in ([1, 0], [0, 1]), "before midnight, or after it"
    causes = {cause for day in days for cause in day["outages"]}
    assert causes == {"agent", "keypad", "network", "power"}
    lost_s = sum(day["availability"]["opening_s"] - day["availability"]["available_s"] for day in days)
    shutting = ("agent", "keypad", "power")
    told_s = sum(day["outages"][cause]["opening_s"] for day in days for cause in shutting if cause in day["outages"])
    assert abs(lost_s - told_s) <= 2, "the network takes no rating away"
    assert lost_s >= 3 * A_WHILE_S - 60
    assert same_events(counter, province, Lane.METRIC)


def test_days_that_the_box_spent_in_a_drawer_are_told_once_and_as_a_power_cut(
    counter: MovedCounter, province: Province
) -> None:
    province.start()
    counter.start()
    counter.press("31")
    began = datetime.now(UTC) + timedelta(hours=7)
    eventually((counter.folder / "state" / "alive.json").exists, within_s=10)
    counter.kill()
    counter.let_pass(3 * 86400, boot=LATER)
    counter.start()
    eventually(lambda: len(summaries(province)) == 3, within_s=20)
    counter.kill()
    counter.start()
    counter.press("32")
    eventually(lambda: len(province.events()) == 2, within_s=20)
    told = summaries(province)
    assert [each["date"] for each in told] == [f"{began + timedelta(days=days):%Y-%m-%d}" for days in range(3)]
    assert [each["raw"] for each in told] == [1, 0, 0]
    assert [each["availability"]["percent"] for each in told[1:]] == [0.0, 0.0]
    assert [each["outages"]["power"]["opening_s"] for each in told[1:]] == [86400, 86400]
