"""The province takes over screens, and hears what each counter made of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.__main__ import cli
from agent.errors import CounterAgentError, PersonMustAct
from agent.province.emergency import Roll, takeover, told, withdrawal
from agent.uplink.session import Received
from tests.broker import Broker
from tests.story.counter import Ear

ROOT = "motcua/v1/40"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
STORM = ("--by", "UBND tỉnh", "--minutes", "240", "Bão số 5", "Cần cứu hộ gọi 114")


def run(broker: str, *arguments: str) -> Result:
    command = ["province", "emergency", "--province", "40", "--broker", broker, *arguments]
    return CliRunner().invoke(cli, command, catch_exceptions=False)


@contextmanager
def counters(broker: Broker, **answers: dict[str, Any] | None) -> Iterator[Ear]:
    """Counters that are online and answer so to any emergency; None: one that is away."""
    with Ear(broker.port).open(f"{ROOT}/+/down/#") as ear:
        for agent, answer in answers.items():
            state = "online" if answer is not None else "lost"
            ear.say(f"{ROOT}/{agent}/up/state", {"state": state, "session": 1}, retain=True)
        stop = threading.Event()

        def answering() -> None:
            answered = 0
            while not stop.wait(0.02):
                for topic, _, _ in ear.messages[answered:]:
                    answered += 1
                    for agent, answer in answers.items():
                        if answer and topic.split("/")[3] in ("_all", agent):
                            ear.say(f"{ROOT}/{agent}/up/result/emergency/{topic.split('/')[-1]}", answer)

        thread = threading.Thread(target=answering, name="counters")
        thread.start()
        try:
            yield ear
        finally:
            stop.set()
            thread.join(5)


def test_every_counter_is_told_and_what_each_made_of_it_is_said(mosquitto: Broker) -> None:
    refusing = {"status": "failed", "reason": "the card cannot be written"}
    with counters(mosquitto, **{"na-1": {"status": "done"}, "na-2": refusing, "na-30": None}) as ear:
        result = run(mosquitto.url, "--to", "_all", *STORM)
        lines = result.output.splitlines()
        assert lines[0].startswith("na-1   shows it until ")
        assert lines[1] == "na-2   failed: the card cannot be written"
        assert lines[2].startswith("na-30  away; told when it is back, until ")
        assert lines[3] == "1 of 3 counters"
        assert result.exit_code == 1
        ((topic, payload, is_retained),) = ear.messages
    assert topic.startswith(f"{ROOT}/_all/down/command/emergency/")
    assert not is_retained
    order = json.loads(payload)
    assert (order["by"], order["title"], order["lines"]) == ("UBND tỉnh", "Bão số 5", ["Cần cứu hộ gọi 114"])
    assert order["until"] == order["expires"]
    assert (order["spread_s"], order["minutes"]) == (0, 240)


def test_one_counter_gives_its_screen_back(mosquitto: Broker) -> None:
    with counters(mosquitto, **{"na-1": {"status": "done"}, "na-2": {"status": "done"}}) as ear:
        result = run(mosquitto.url, "--to", "na-2", "--by", "UBND tỉnh", "--withdraw", "--json")
        assert result.exit_code == 0
        said = json.loads(result.output)
        assert said["counters"] == {"na-2": {"status": "done"}}
        ((topic, payload, _),) = ear.messages
    assert topic == f"{ROOT}/na-2/down/command/emergency/{said['order']}"
    assert json.loads(payload)["minutes"] == 0


def test_a_name_that_no_counter_has_is_told_as_such(mosquitto: Broker) -> None:
    result = run(mosquitto.url, "--to", "na-9", *STORM, "--wait", "0.2")
    assert result.exit_code == 1
    assert result.output.splitlines() == ["na-9  the broker knows no such counter", "0 of 1 counters"]


def test_a_broker_that_is_not_there_is_said() -> None:
    with pytest.raises(CounterAgentError, match=r"127\.0\.0\.1:9"):
        run("mqtt://127.0.0.1:9", "--to", "_all", *STORM)


@pytest.mark.parametrize(
    "arguments", [(), ("Bão",), ("--minutes", "5"), ("--withdraw", "Bão"), ("--withdraw", "--minutes", "5")]
)
def test_it_is_either_a_message_with_an_end_or_a_withdrawal(arguments: tuple[str, ...]) -> None:
    result = run("mqtt://127.0.0.1:9", "--to", "_all", "--by", "UBND tỉnh", *arguments)
    assert result.exit_code == 2
    assert "either TITLE and --minutes, or --withdraw" in result.output


def test_what_no_screen_could_show_is_not_ordered() -> None:
    with pytest.raises(PersonMustAct, match="lacks ☎"):
        takeover("Gọi ☎ 114", (), by="UBND tỉnh", ends=NOW + timedelta(hours=1), now=NOW)
    with pytest.raises(PersonMustAct, match="within 72 hours"):
        takeover("Bão", (), by="UBND tỉnh", ends=NOW + timedelta(hours=73), now=NOW)


def test_a_withdrawal_waits_for_a_counter_that_is_away_as_long_as_any_emergency_could_last() -> None:
    order = json.loads(withdrawal(by="UBND tỉnh", now=NOW).body)
    assert order["expires"] == "2026-09-04T12:00:00+00:00"


def test_a_counter_that_is_online_and_silent_is_waited_for() -> None:
    roll, complete = Roll("_all"), []
    for end, said in (
        ("na-1/up/state", {"state": "online", "session": 1}),
        ("na-1/up/result/emergency/e1", {"status": "running"}),
        ("na-1/up/result/emergency/e1", {"status": "done"}),
    ):
        if said.get("status") == "done":
            assert told(roll.outcome(), done="", until="")[0] == "na-1  online, and did not answer"
        roll.hear(heard(end, said))
        complete.append(roll.is_complete)
    assert complete == [False, False, True]
    roll.hear(Received(1, f"{ROOT}/na-2/up/state", b"no state", is_retained=True))
    assert roll.outcome() == {"na-1": {"status": "done"}}


def heard(end: str, said: dict[str, Any]) -> Received:
    return Received(1, f"{ROOT}/{end}", json.dumps(said).encode(), is_retained=False)
