"""The receiver at a real broker: stores, confirms, and asks for what is missing."""

import json
import logging
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.event import GENESIS, EventType, Lane, chain_hash
from agent.outbox.chain import verify
from agent.province import receive as rules
from agent.province.receive import Receiver
from agent.province.store import ProvinceStore
from agent.uplink.session import Door, Protocol
from agent.uplink.topics import Topics
from tests.broker import Broker
from tests.eventually import eventually
from tests.province.conftest import AGENT, EPOCH, chain
from tests.province.office import Office
from tests.uplink.ear import Ear
from tests.uplink.line import Line

TOPICS = Topics("40", AGENT)


@pytest.fixture
def ear(mosquitto: Broker) -> Iterator[Ear]:
    with Ear(mosquitto.port).open("motcua/v1/40/+/down/#") as ear:
        yield ear


@pytest.fixture
def office(mosquitto: Broker, ear: Ear, tmp_path: Path) -> Iterator[Office]:
    with Office(mosquitto.port, tmp_path / "province.db").open() as office:
        yield office


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"LOOK_S": 0.05, "SETTLED_S": 0.2, "ASK_AGAIN_S": 0.3}.items():
        monkeypatch.setattr(rules, name, seconds)


def send(ear: Ear, *bodies: bytes, kind: str = "event/rating", agent: str = AGENT) -> None:
    for body in bodies:
        ear.publish(f"motcua/v1/40/{agent}/up/{kind}", body)


def acks(ear: Ear, lane: Lane = Lane.RECORD) -> list[dict[str, Any]]:
    return ear.heard(f"down/ack/{lane}")


def last_ack(ear: Ear) -> dict[str, Any]:
    return acks(ear)[-1] if acks(ear) else {}


def online(ear: Ear, session: int = 1, state: str = "online") -> None:
    send(ear, json.dumps({"state": state, "session": session}).encode(), kind="state")


def watermark(ear: Ear, last: int, *, acked: int = 0, epoch: str = EPOCH, first: int = 1) -> None:
    mark = {"epoch": epoch, "first": first, "last": last, "head": GENESIS, "acked": acked, "pending": 0, "lost": 0}
    send(ear, json.dumps({"at": "2026-09-01T08:15:00+07:00", "lanes": {"record": mark}}).encode(), kind="watermark")


def replays(ear: Ear) -> list[tuple[int, int]]:
    orders = [json.loads(payload) for topic, payload, _ in ear.messages if "/down/command/replay/" in topic]
    return [(order["from"], order["to"]) for order in orders]


def test_what_comes_is_stored_once_and_confirmed_whatever_its_order(office: Office, ear: Ear) -> None:
    bodies = chain(6)
    send(ear, *(bodies[index] for index in (3, 0, 0, 5, 3)))
    eventually(lambda: office.seqs == [1, 4, 6])
    eventually(lambda: last_ack(ear) == {"epoch": EPOCH, "upto": 6, "missing": [[2, 3], [5, 5]]})
    send(ear, *bodies)
    eventually(lambda: last_ack(ear) == {"epoch": EPOCH, "upto": 6, "missing": []})
    assert office.rows() == list(enumerate(bodies, start=1))


def test_a_batch_and_single_events_give_the_same_bytes_and_one_chain(office: Office, ear: Ear) -> None:
    bodies = chain(120)
    send(ear, zlib.compress(b"[" + b",".join(bodies[:100]) + b"]"), kind="batch/record")
    send(ear, *bodies[95:])
    eventually(lambda: len(office.seqs) == 120)
    assert verify(office.rows()).head == chain_hash(bodies[-1])


def test_an_event_on_another_counters_topic_is_refused(
    office: Office, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = chain(2)
    send(ear, first, agent="na-0666")
    send(ear, second)
    eventually(lambda: office.seqs == [2])
    assert "came on the topic of na-0666" in caplog.text


def test_poison_is_dropped_and_what_comes_behind_it_is_stored(office: Office, ear: Ear) -> None:
    poison = chain(1)[0].replace(b'"seq":1', b'"seq":99999999999999999999')
    bomb = zlib.compress(b"[" + b" " * 50_000_000 + b"]", 9)
    send(ear, poison, b"[" * 100_000, b"\xff")
    send(ear, bomb, b"nonsense", kind="batch/record")
    send(ear, b"{}", b"\xff", kind="watermark")
    send(ear, b"7", kind="state")
    send(ear, *chain(1))
    eventually(lambda: office.seqs == [1])


def test_a_declared_gap_is_neither_confirmed_as_missing_nor_asked_for(
    office: Office, ear: Ear, impatient: None
) -> None:
    declared = b'{"lane":"record","epoch":"%s","ranges":[[2,4]],"l' % EPOCH.encode()
    gap = chain(1, EventType.GAP)[0].replace(b'{"level":1,"l', declared)
    send(ear, gap, kind="event/gap")
    online(ear)
    watermark(ear, last=7)
    bodies = chain(6)
    send(ear, bodies[0], bodies[4])
    eventually(lambda: last_ack(ear) == {"epoch": EPOCH, "upto": 5, "missing": []})
    eventually(lambda: replays(ear))
    assert replays(ear)[0] == (6, 7)


def test_what_the_watermark_covers_is_asked_for_again_and_again_more_slowly(
    office: Office, ear: Ear, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    online(ear)
    send(ear, chain(5)[1])
    watermark(ear, last=5)
    eventually(lambda: sorted(replays(ear)) == [(1, 1), (3, 5)])
    eventually(lambda: len(replays(ear)) >= 6, within_s=10)
    send(ear, *chain(5))
    eventually(lambda: office.seqs == [1, 2, 3, 4, 5])
    asked = len(replays(ear))
    watermark(ear, last=5)
    send(ear, *chain(1))
    count = len(acks(ear))
    eventually(lambda: len(acks(ear)) > count)
    assert len(replays(ear)) == asked


def test_a_counter_that_is_not_there_is_not_asked(office: Office, ear: Ear, impatient: None) -> None:
    online(ear, session=2)
    online(ear, session=1, state="lost")  # an old will: it is there all the same
    watermark(ear, last=3)
    eventually(lambda: replays(ear) == [(1, 3)])
    online(ear, session=2, state="lost")
    other = "na-0124"
    send(ear, b'{"state":"online","session":1}', kind="state", agent=other)
    mark = {"epoch": "E2", "first": 1, "last": 1, "head": "", "acked": 0, "pending": 1, "lost": 0}
    said = json.dumps({"at": "2026-09-01T08:15:00+07:00", "lanes": {"record": mark}}).encode()
    before = len(replays(ear))
    send(ear, said, kind="watermark", agent=other)
    eventually(lambda: len(replays(ear)) >= before + 2, within_s=10)
    assert set(replays(ear)[before + 1 :]) == {(1, 1)}, "only the one that is there"


def test_what_an_earlier_database_of_a_counter_had_is_not_asked_for_any_more(
    office: Office, ear: Ear, impatient: None
) -> None:
    online(ear)
    watermark(ear, last=3)
    eventually(lambda: replays(ear) == [(1, 3)])
    watermark(ear, last=2, epoch="01J6Z00000000000000000000")
    eventually(lambda: (1, 2) in replays(ear))
    before = len(replays(ear))
    eventually(lambda: len(replays(ear)) >= before + 2, within_s=10)
    assert set(replays(ear)[before:]) == {(1, 2)}


def test_a_confirmation_that_the_counter_missed_is_repeated_when_its_watermark_shows_it(
    office: Office, ear: Ear
) -> None:
    send(ear, *chain(3))
    eventually(lambda: last_ack(ear).get("upto") == 3)
    count = len(acks(ear))
    watermark(ear, last=3, acked=3)
    watermark(ear, last=3, acked=1)
    eventually(lambda: len(acks(ear)) == count + 1)
    assert last_ack(ear) == {"epoch": EPOCH, "upto": 3, "missing": []}


def test_more_holes_than_one_confirmation_names_are_confirmed_as_far_as_they_are_named(
    office: Office, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "RANGES_SAID", 3)
    odd = [body for seq, body in enumerate(chain(15), start=1) if seq % 2]
    send(ear, zlib.compress(b"[" + b",".join(odd) + b"]"), kind="batch/record")
    eventually(lambda: last_ack(ear) == {"epoch": EPOCH, "upto": 7, "missing": [[2, 2], [4, 4], [6, 6]]})


@pytest.mark.parametrize("protocol", Protocol)
def test_orders_for_many_counters_keep_the_brokers_window(
    mosquitto: Broker, ear: Ear, tmp_path: Path, impatient: None, protocol: Protocol
) -> None:
    """Thirty counters with five holes each are more orders than any window, and all of them arrive."""
    with Office(mosquitto.port, tmp_path / "province.db", protocol).open():
        for number in range(30):
            agent = f"na-{number:04}"
            send(ear, b'{"state":"online","session":1}', kind="state", agent=agent)
            odd = [body for seq, body in enumerate(chain(10, agent=agent), start=1) if seq % 2 == 0]
            send(ear, zlib.compress(b"[" + b",".join(odd) + b"]"), kind="batch/record", agent=agent)
            mark = {"epoch": EPOCH, "first": 1, "last": 10, "head": "", "acked": 0, "pending": 0, "lost": 0}
            said = json.dumps({"at": "2026-09-01T08:15:00+07:00", "lanes": {"record": mark}}).encode()
            send(ear, said, kind="watermark", agent=agent)
        eventually(
            lambda: len({(t.split("/")[3], p) for t, p, _ in ear.messages if "/replay/" in t}) >= 150, within_s=20
        )


def test_a_link_that_breaks_comes_back_and_the_store_goes_on(
    mosquitto: Broker, ear: Ear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Line(mosquitto.port) as line, Office(line.port, tmp_path / "province.db").open() as office:
        bodies = chain(4)
        send(ear, *bodies[:2])
        eventually(lambda: office.seqs == [1, 2])
        line.cut()
        send(ear, *bodies[2:])  # kept by the broker for its session
        eventually(lambda: office.seqs == [1, 2, 3, 4], within_s=15)


@pytest.mark.parametrize("refusal", ["with 0x84", "with 0x01"])
def test_a_broker_that_knows_only_3_1_1_is_served(mosquitto: Broker, ear: Ear, tmp_path: Path, refusal: Any) -> None:
    with (
        Line(mosquitto.port, refuses_mqtt5=refusal) as line,
        Office(line.port, tmp_path / "province.db").open() as office,
    ):
        send(ear, *chain(2))
        eventually(lambda: office.seqs == [1, 2])
        assert line.versions == [5, 4]


def test_a_store_that_fails_confirms_nothing_and_stores_it_when_it_can(
    mosquitto: Broker, ear: Ear, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "province.db"
    with Office(mosquitto.port, path).open() as office:
        with closing(sqlite3.connect(path)) as db:
            db.execute("create trigger fault before insert on event begin select raise(fail, 'the disk is full'); end")
            db.commit()
        send(ear, *chain(2))
        eventually(lambda: "the disk is full" in caplog.text)
        assert acks(ear) == []
        with closing(sqlite3.connect(path)) as db:
            db.execute("drop trigger fault")
            db.commit()
        eventually(lambda: office.seqs == [1, 2], within_s=15)
        eventually(lambda: last_ack(ear).get("upto") == 2)


def test_a_receiver_killed_between_its_commit_and_its_puback_stores_once_and_confirms_after_its_return(
    mosquitto: Broker, ear: Ear, tmp_path: Path
) -> None:
    path = tmp_path / "province.db"
    program = f"""
import os, signal, threading
from pathlib import Path
from agent.province.receive import Receiver
from agent.province.store import ProvinceStore
from agent.uplink.session import Door

class Fatal(ProvinceStore):
    def store(self, arrivals, *, at):
        super().store(arrivals, at=at)
        os.kill(os.getpid(), signal.SIGKILL)

door = Door("127.0.0.1", {mosquitto.port}, "province-40-receive", "province", None, None)
Receiver(door, province="40", store=Fatal(Path({str(path)!r}))).run(
    threading.Event(), connected=lambda: print("subscribed", flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "subscribed\n"
        send(ear, *chain(1))
        assert process.wait(10) == -signal.SIGKILL
    assert acks(ear) == []
    with Office(mosquitto.port, path).open() as office:
        eventually(lambda: last_ack(ear) == {"epoch": EPOCH, "upto": 1, "missing": []})
        assert office.rows() == list(enumerate(chain(1), start=1))


def test_a_receiver_that_may_not_read_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Broker(tmp_path, passwords={"province": "word"}) as broker, closing(ProvinceStore(tmp_path / "p.db")) as store:
        stop = threading.Event()
        receiver = Receiver(Door("127.0.0.1", broker.port, "p", "province", "wrong", None), province="40", store=store)
        thread = threading.Thread(target=receiver.run, args=(stop,))
        with caplog.at_level(logging.WARNING):
            thread.start()
            eventually(lambda: "Not authorized" in caplog.text)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
