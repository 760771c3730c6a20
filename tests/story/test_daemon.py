"""The daemon under its owner: systemd, a technician saving a file, devices that come and go."""

import signal
import subprocess
import sys
from http.client import HTTPConnection

from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import CAMERA_WORKS, Counter, Ear, Province, same_events

AT_ONCE = {"privacy": {"bucket_min": 0}}
"""No ballot box: what is pressed can be seen at once."""


def test_a_good_file_is_applied_and_presses_go_on(counter: Counter, province: Province, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/+/+/up/config", "motcua/#") as ear:
        counter.start()
        counter.press("31")
        before = eventually(lambda: ear.last("up/config"), within_s=15)
        counter.settings["counter"]["commune"] = "17330"
        counter.settings["rating"] = {**AT_ONCE, "lockout_s": 0}
        counter.write_config()
        eventually(lambda: ear.last("up/config")["running"] != before["running"], within_s=10)
        counter.press("32")
        assert ear.last("up/config")["status"] == "applied"
    eventually(lambda: same_events(counter, province), within_s=20)
    assert [event["data"]["commune"] for event in province.events()] == ["17329", "17330"]


def test_a_bad_file_changes_nothing_but_health(counter: Counter, province: Province, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        counter.press("31")
        eventually(lambda: ear.last("up/state"), within_s=15)
        running = ear.last("up/config")["running"]
        counter.settings["rating"] = {**AT_ONCE, "lockout": 5}
        counter.write_config()
        report = eventually(
            lambda: next((c for c in ear.heard("up/config") if c["status"] == "rejected"), None), within_s=10
        )
        assert report["running"] == running
        assert report["errors"][0]["path"] == "rating.lockout"
        assert report["errors"][0]["line"] > 0
        eventually(lambda: ear.last("up/health/config")["code"] == "CONFIG_REJECTED", within_s=5)
        counter.press("32")
        counter.settings["rating"] = AT_ONCE
        counter.write_config()
        eventually(lambda: ear.last("up/health/config")["code"] == "OK", within_s=10)
        counter.press("33")
    eventually(lambda: same_events(counter, province), within_s=20)
    assert len(province.seqs()) == 3


def test_presses_during_reloads_are_neither_lost_nor_doubled(counter: Counter, province: Province) -> None:
    counter.start()
    for number in range(12):
        counter.settings["rating"] = {**AT_ONCE, "lockout_s" if number % 3 else "lockout": number}
        counter.write_config()
        counter.press(("31", "32", "33", "34")[number % 4])
    eventually(lambda: same_events(counter, province), within_s=30)
    assert len(province.seqs()) == 12


def test_a_change_of_identity_is_refused_aloud(counter: Counter, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: ear.last("up/state"), within_s=15)
        counter.settings["counter"]["agent"] = "na-9999"
        counter.write_config()
        report = eventually(
            lambda: next((c for c in ear.heard("up/config") if c["status"] == "rejected"), None), within_s=10
        )
        assert report["errors"][0]["path"] == "counter.agent"


def test_sighup_reads_the_file_again(counter: Counter, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: ear.last("up/config"), within_s=15)
        count = len(ear.heard("up/config"))
        counter.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(ear.heard("up/config")) > count, within_s=10)
        assert ear.last("up/config")["status"] == "applied"


def test_a_keypad_is_unplugged_and_plugged_in_again(counter: Counter, province: Province, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        counter.press("31")
        for _ in range(3):
            counter.keypad.unplug()
            eventually(lambda: (ear.last("up/health/keypad") or {}).get("code") == "KEYPAD_UNPLUGGED", within_s=10)
            assert ear.last("up/health/keypad")["hint"]
            counter.keypad.replug()
            eventually(lambda: ear.last("up/health/keypad")["code"] == "OK", within_s=10)
            counter.press("32")
    eventually(lambda: same_events(counter, province), within_s=20)
    assert len(province.seqs()) == 4


def test_a_keypad_of_lines_is_heard_and_shows_the_same_thanks_for_every_level(
    counter: Counter, province: Province
) -> None:
    lines = {b"RATE:%d" % level: level for level in (0, 3)}
    (keypad,) = counter.settings["keypads"]
    keypad.update(framing={"kind": "line"}, ack="4107", keys={line.hex(): level for line, level in lines.items()})
    counter.start()
    thanks = []
    for line in lines:
        counter.keypad.garbage(line + b"\r\n")
        thanks.append(eventually(counter.keypad.heard))
    assert thanks == [b"A\x07", b"A\x07"]
    eventually(lambda: len(province.seqs()) == len(lines), within_s=20)


def test_garbage_on_the_wire_is_never_a_rating(counter: Counter, province: Province) -> None:
    counter.start()
    counter.keypad.garbage(bytes(number for number in range(256) if number not in b"1234"))
    counter.press("31")
    eventually(lambda: same_events(counter, province), within_s=20)
    assert [event["data"]["raw"] for event in province.events()] == ["31"]


def test_it_stops_within_five_seconds_and_in_order_with_every_device_in_use(
    counter: Counter, mosquitto: Broker
) -> None:
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    counter.settings["qr"] = {"url": "HTTPS://DANHGIA.EXAMPLE/R/NA-0123"}
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS, within_s=30)
        page = HTTPConnection(counter.web.removeprefix("http://"), timeout=5)
        page.request("GET", "/events")
        page.getresponse().readline()  # a page that stays connected
        assert counter.stop() < 5
        page.close()
        eventually(lambda: ear.last("up/state")["state"] == "stopping", within_s=5)
    assert "is left behind" not in counter.said


def test_when_it_is_aborted_as_hanging_its_log_says_where_each_thread_was(counter: Counter) -> None:
    counter.start()
    counter.abort()
    assert "Fatal Python error: Aborted" in counter.said
    assert 'agent/supervisor.py", line' in counter.said
    assert counter.said.count("Thread 0x") > 5


def test_it_starts_without_a_broker_and_takes_presses(counter: Counter, mosquitto: Broker, province: Province) -> None:
    mosquitto.stop()
    counter.start()
    counter.press("33")
    mosquitto.start()
    eventually(lambda: same_events(counter, province), within_s=40)


def test_a_second_agent_on_the_same_folder_is_refused_in_words_and_the_first_goes_on(
    counter: Counter, province: Province
) -> None:
    counter.start()
    counter.press("31")
    second = subprocess.run(
        [sys.executable, "-m", "agent", "run", "--config", str(counter.config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1, second.stderr
    assert f"giữ thư mục {counter.outbox.parent}" in second.stderr
    assert "systemctl stop counter-agent" in second.stderr
    counter.press("32")
    eventually(lambda: same_events(counter, province), within_s=20)
    assert len(province.seqs()) == 2
