"""`province watch` against a real broker: what is retained, on one line or as a table."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from paho.mqtt import publish

from agent.errors import TryAgain
from agent.province.watch import watch
from agent.uplink.session import Door
from tests.broker import Broker
from tests.eventually import eventually

WATCH = [sys.executable, "-m", "agent", "province", "watch"]
STATE = '{"state":"online","session":42,"since":"2026-09-01T07:28:11+07:00"}'
INFO = '{"name":"Công an xã Kim Liên","counter":2}'


def retain(broker: Broker, *messages: tuple[str, str]) -> None:
    publish.multiple(
        [(f"motcua/v1/40/na-0123/up/{topic}", payload, 1, True) for topic, payload in messages],
        hostname="127.0.0.1",
        port=broker.port,
    )


def test_the_fleet_as_one_line_of_json(mosquitto: Broker) -> None:
    retain(mosquitto, ("state", STATE), ("info", INFO))
    command = [*WATCH, "--province", "40", "--broker", mosquitto.url, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    [row] = json.loads(done.stdout)
    assert (row["agent"], row["state"], row["unit"], row["counter"]) == ("na-0123", "online", "Công an xã Kim Liên", 2)


def test_no_counters_are_an_empty_list(mosquitto: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    watch(Door("127.0.0.1", mosquitto.port, "watch", None, None, None), "41", threading.Event(), as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_the_table_follows_what_happens_until_it_is_stopped(mosquitto: Broker) -> None:
    retain(mosquitto, ("state", STATE), ("info", INFO))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TERM": "xterm", "COLUMNS": "140", "FORCE_COLOR": "1"}
    command = [*WATCH, "--province", "40", "--broker", mosquitto.url]
    shown: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        out = process.stdout
        reader = threading.Thread(target=lambda: shown.extend(iter(lambda: out.read(64), "")))
        reader.start()
        try:
            eventually(lambda: "1 of 1 counters online" in "".join(shown), within_s=20)
            retain(mosquitto, ("state", '{"state":"lost","session":42}'))
            eventually(lambda: "0 of 1 counters online" in "".join(shown), within_s=20)
        finally:
            process.terminate()
            reader.join(10)
        assert process.wait(10) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", "".join(shown))
    assert "Công an xã Kim Liên · 2" in plain


def test_a_broker_that_is_not_there_is_said_in_one_line(mosquitto: Broker) -> None:
    mosquitto.stop()
    door = Door("127.0.0.1", mosquitto.port, "watch", None, None, None)
    with pytest.raises(TryAgain, match="refused"):
        watch(door, "40", threading.Event(), as_json=True)


def test_a_broker_that_dies_while_it_is_watched_is_said(mosquitto: Broker) -> None:
    door = Door("127.0.0.1", mosquitto.port, "watch", None, None, None)
    said: list[str] = []

    def run() -> None:
        try:
            watch(door, "40", threading.Event(), as_json=False)
        except TryAgain as error:
            said.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: b"Sending SUBACK to watch" in mosquitto.log_file.read_bytes(), within_s=10)
    mosquitto.kill()
    thread.join(10)
    assert len(said) == 1


def test_a_client_with_a_wrong_password_is_told_so(tmp_path: Path) -> None:
    with Broker(tmp_path, passwords={"watcher": "word"}) as broker:
        door = Door("127.0.0.1", broker.port, "watch", "watcher", "wrong", None)
        with pytest.raises(TryAgain, match="Not authorized"):
            watch(door, "40", threading.Event(), as_json=True)
