"""What goes over the link: over both versions of MQTT, in a small window, decided by reason codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.event import EventType, Fact, Lane, Stream
from agent.outbox.chain import verify
from agent.uplink import connection as rules
from agent.uplink import hush, link
from agent.uplink.batch import unpack
from agent.uplink.payload import Message
from agent.uplink.session import Protocol
from tests.broker import COUNTER_ACL, AnyBroker, Broker, OtherBroker
from tests.eventually import eventually
from tests.province.office import Office
from tests.uplink.at_the_broker import EVERY_BROKER, Box, states
from tests.uplink.ear import Ear
from tests.uplink.fake_broker import FakeBroker
from tests.uplink.line import Line


def bodies(ear: Ear) -> list[bytes]:
    """Every event heard, single or in a batch, in order, as its bytes."""
    found: list[bytes] = []
    for topic, payload, _ in ear.messages:
        if "/up/event/" in topic:
            found.append(payload)
        if "/up/batch/" in topic:
            found += [element.body for element in unpack(payload)]
    return found


def confirm(ear: Ear, counter: Box, upto: int, missing: list[list[int]] | None = None) -> None:
    said = {"epoch": counter.outbox.epoch, "upto": upto, "missing": missing or []}
    ear.publish(f"{counter.topics.root}/down/ack/record", json.dumps(said).encode())


@EVERY_BROKER
def test_an_event_goes_out_as_it_was_stored_and_is_let_go_when_the_province_has_it(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    with counter.connected(broker.url, protocol=protocol):
        event = counter.press()[0]
        eventually(lambda: bodies(ear) == [event.encode()])
        assert counter.pending == 1, "a PUBACK is not a confirmation"
        confirm(ear, counter, 1)
        eventually(lambda: counter.pending == 0)
        eventually(lambda: ear.heard("up/watermark")[-1]["lanes"]["record"]["acked"] == 1, within_s=10)


@EVERY_BROKER
def test_a_backlog_goes_in_batches_of_the_same_bytes_and_today_singly(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    events = counter.press(250)
    with counter.connected(broker.url, protocol=protocol):
        eventually(lambda: len(bodies(ear)) == 250)
        events += counter.press()
        eventually(lambda: len(bodies(ear)) == 251)
    assert bodies(ear) == [event.encode() for event in events]
    sizes = [len(unpack(payload)) for topic, payload, _ in ear.messages if "/up/batch/record" in topic]
    assert sizes == [100, 100, 50]


@EVERY_BROKER
def test_a_receiver_that_cannot_read_batches_is_served_singly(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    events = counter.press(50)
    with counter.connected(broker.url, protocol=protocol, batch="never"):
        eventually(lambda: bodies(ear) == [event.encode() for event in events])
    assert not any("/up/batch/" in topic for topic, _, _ in ear.messages)


@EVERY_BROKER
def test_the_weaker_mode_lets_go_at_the_puback_and_health_says_that_it_is_weak(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    counter.press(30)
    with counter.connected(broker.url, protocol=protocol, acknowledge="broker"):
        eventually(lambda: counter.pending == 0)
        eventually(lambda: counter.codes[-1] == "UPLINK_BROKER_ONLY")


@EVERY_BROKER
def test_what_the_province_misses_is_sent_again_once_it_cannot_be_travelling(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TRAVEL_S", -2.0)
    counter.press(3)
    with counter.connected(broker.url, protocol=protocol):
        eventually(lambda: len(bodies(ear)) == 3)
        eventually(lambda: ear.heard("up/watermark")[-1]["lanes"]["record"]["last"] == 3)
        confirm(ear, counter, 3, missing=[[2, 2]])
        eventually(lambda: len(bodies(ear)) == 4)
        assert json.loads(bodies(ear)[3])["seq"] == 2


@EVERY_BROKER
def test_a_replay_sends_the_same_events_with_the_same_ids(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    counter.press(5)
    with counter.connected(broker.url, protocol=protocol):
        eventually(lambda: len(bodies(ear)) == 5)
        confirm(ear, counter, 5)
        eventually(lambda: counter.pending == 0)
        counter.mailbox.replay(Stream(counter.outbox.epoch, Lane.RECORD), 5, 5)
        eventually(lambda: len(bodies(ear)) == 6)
    assert bodies(ear)[5] == bodies(ear)[4]


def test_a_confirmation_that_is_retained_foreign_or_nonsense_lets_go_of_nothing(
    counter: Box, broker: AnyBroker, ear: Ear
) -> None:
    counter.press(2)
    topic = f"{counter.topics.root}/down/ack/record"
    whole = json.dumps({"epoch": counter.outbox.epoch, "upto": 2}).encode()
    ear.publish(topic, whole, retain=True)
    with counter.connected(broker.url):
        eventually(lambda: len(bodies(ear)) == 2)
        ear.publish(topic, whole.replace(counter.outbox.epoch.encode(), b"01J6X4Q0000000000000000000"))
        for nonsense in (b"", b"{", b"[" * 50_000, b'{"epoch":1,"upto":-1}'):
            ear.publish(topic, nonsense)
        ear.publish(f"{counter.topics.root}/down/ack/parcel", whole)
        confirm(ear, counter, 1)
        eventually(lambda: counter.pending < 2)
        assert counter.pending == 1
    assert "UPLINK_LOST" not in counter.codes


# -- the behaviours of libraries and brokers that lost other people's data --------------------------


def test_never_more_in_flight_than_the_broker_allows_also_after_a_reconnect(counter: Box, impatient: None) -> None:
    """paho with a window of its own sent 20, and 300 at once after the link dropped; the broker had said 5."""
    counter.press(300)
    with FakeBroker(receive_maximum=5) as broker, counter.connected(f"mqtt://127.0.0.1:{broker.port}", batch="never"):
        for number in (1, 2):
            published = broker.await_connection(number)
            eventually(lambda: len(published) == 5)  # noqa: B023 - asked within the round
            broker.puback(published[0])
            eventually(lambda: len(published) == 6)  # noqa: B023 - one for one
            broker.drop()
        last = broker.await_connection(3)
        eventually(lambda: len(last) == 5)
    assert [len(published) for published in broker.connections] == [6, 6, 5]
    assert not any(broker.clean_starts)


def test_a_link_on_which_nothing_is_acknowledged_is_given_up(
    counter: Box, broker: AnyBroker, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half open: the broker hears us, we do not hear it. Flags say connected; only progress tells."""
    monkeypatch.setattr(rules, "PUBACK_S", 0.5)
    with Line(broker.port) as line, counter.connected(line.url):
        eventually(lambda: counter.codes[-1] == "OK")
        before = len(counter.codes)
        line.deafen()
        counter.press()
        eventually(lambda: "UPLINK_LOST" in counter.codes[before:])
        line.await_connection(2)
        eventually(lambda: counter.codes[-1] in ("OK", "UPLINK_NO_CONSUMER"))


def restricted(tmp_path: Path, *acl: str) -> Broker:
    """A broker at which a counter may do what *acl* says, and the province everything."""
    passwords = {"na-0123": "box", "province": "office"}
    (tmp_path / "password").write_text("box")
    folder = tmp_path / "broker"
    folder.mkdir()
    return Broker(folder, passwords=passwords, acl=acl)


def office(broker: Broker) -> Ear:
    return Ear(broker.port, username="province", password="office")


DENIED_EVENTS = (
    "user na-0123",
    "topic write motcua/v1/40/na-0123/up/+",
    "topic write motcua/v1/40/na-0123/up/health/+",
    "topic read motcua/v1/40/na-0123/down/#",
    "user province",
    "topic readwrite motcua/#",
)


def test_on_5_an_event_that_the_access_list_denies_is_kept_and_health_says_so(counter: Box, tmp_path: Path) -> None:
    """paho's `is_published()` is True for it."""
    with restricted(tmp_path, *DENIED_EVENTS) as broker, office(broker).open("motcua/#") as ear:
        counter.press()
        with counter.connected(broker.url, password_file=str(tmp_path / "password"), acknowledge="broker"):
            eventually(lambda: counter.codes[-1] == "UPLINK_TOPIC_DENIED")
            assert counter.pending == 1
            eventually(lambda: ear.heard("up/health/uplink")[-1]["code"] == "UPLINK_TOPIC_DENIED")
    assert bodies(ear) == []


def test_on_3_1_1_the_broker_confirms_what_its_access_list_denies_and_the_province_does_not(
    counter: Box, tmp_path: Path
) -> None:
    with restricted(tmp_path, *DENIED_EVENTS) as broker, office(broker).open("motcua/#") as ear:
        counter.press()
        settings = {"password_file": str(tmp_path / "password"), "protocol": "3.1.1"}
        with counter.connected(broker.url, **settings):
            eventually(lambda: states(ear.messages))
            eventually(lambda: f"Denied PUBLISH from {counter.topics.agent}" in broker.log_file.read_text())
            confirm(ear, counter, 1, missing=[[1, 1]])
            eventually(lambda: counter.codes[-1] == "OK")
            assert counter.pending == 1
    assert bodies(ear) == []


def test_the_two_lines_of_the_protocols_access_list_are_all_a_counter_needs(counter: Box, tmp_path: Path) -> None:
    with restricted(tmp_path, *COUNTER_ACL) as broker, office(broker).open("motcua/#") as ear:
        event = counter.press()[0]
        with counter.connected(broker.url, password_file=str(tmp_path / "password")):
            eventually(lambda: bodies(ear) == [event.encode()])
            confirm(ear, counter, 1)
            eventually(lambda: counter.pending == 0)
    assert counter.codes[-1] == "OK"


def test_a_counter_whose_subscription_is_refused_says_so(counter: Box, impatient: None) -> None:
    with FakeBroker(receive_maximum=5, suback=0x87) as broker:
        with counter.connected(f"mqtt://127.0.0.1:{broker.port}"):
            eventually(lambda: counter.codes[-1] == "UPLINK_TOPIC_DENIED")
        assert broker.connections[0] == [], "it says nothing where it is told nothing"


def test_an_event_that_nobody_subscribes_to_is_kept_and_asks_again_one_at_a_time(
    counter: Box, broker: AnyBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0x10 is no failure to paho, yet the message is gone. A backlog to nobody must not be sent over and over."""
    monkeypatch.setattr(hush, "FIRST_WAIT_S", 0.1)
    monkeypatch.setattr(hush, "LONGEST_WAIT_S", 0.1)
    counter.press(5000)
    with counter.connected(broker.url):
        eventually(lambda: counter.codes[-1] == "UPLINK_NO_CONSUMER")
        log = broker.log_file

        def sent() -> int:
            return log.read_text().count("up/batch/record")

        first = sent()
        assert first <= 15
        eventually(lambda: sent() >= first + 3, within_s=10)
        assert counter.pending == 5000
        with Ear(broker.port).open("motcua/#") as ear:
            eventually(lambda: len({json.loads(body)["seq"] for body in bodies(ear)}) == 5000, within_s=15)
            eventually(lambda: counter.codes[-1] == "OK")


def test_alerts_go_first(counter: Box, broker: AnyBroker, ear: Ear) -> None:
    counter.press(3)
    counter.outbox.append(Fact(EventType.ALERT, counter.clock.now(), counter.clock.quality(), {}))
    with counter.connected(broker.url):
        eventually(lambda: len(bodies(ear)) == 4)
    assert [json.loads(body)["lane"] for body in bodies(ear)] == ["alert", "record", "record", "record"]


@pytest.mark.parametrize("broker", [OtherBroker], indirect=True, ids=["amqtt"])
@pytest.mark.usefixtures("impatient")
def test_at_a_broker_that_is_not_mosquitto_a_backlog_arrives_once_whole_and_is_confirmed(
    counter: Box, broker: AnyBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows 3.1.1 only, does not answer to anything else, and dies in the middle with all it knows."""
    monkeypatch.setattr(link, "CONNECT_TIMEOUT_S", 1.0)
    counter.press(250)
    with (
        Office(broker.port, tmp_path / "province.db", Protocol.MQTT311).open() as office,
        counter.connected(broker.url),
    ):
        eventually(lambda: counter.pending == 0, within_s=20)
        broker.kill()
        broker.start()
        assert office.subscribed.acquire(timeout=20), "whoever sends before the province listens sends to nobody"
        events = counter.press(30)
        eventually(lambda: counter.pending == 0, within_s=30)
        assert office.rows()[-1] == (280, events[-1].encode())
        assert verify(office.rows()).count == 280


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Broker]:
    """A broker that hangs up on whoever sends a packet of more than 1,200 bytes, as it says at every connect."""
    folder = tmp_path / "narrow"
    folder.mkdir()
    with Broker(folder, options=("max_packet_size 1200",)) as broker:
        yield broker


def test_what_a_broker_finds_too_large_goes_in_smaller_batches(counter: Box, narrow: Broker) -> None:
    events = counter.press(250)
    with Ear(narrow.port).open("motcua/#") as ear, counter.connected(narrow.url):
        eventually(lambda: len(bodies(ear)) == 250)
    assert bodies(ear) == [event.encode() for event in events]
    batches = [payload for topic, payload, _ in ear.messages if "/up/batch/record" in topic]
    assert max(map(len, batches)) < 1200
    assert len(batches) < 30
    assert "UPLINK_LOST" not in counter.codes


def test_an_event_too_large_for_the_broker_stays_here_and_does_not_keep_the_others(
    counter: Box, narrow: Broker
) -> None:
    counter.press(3)
    counter.outbox.append(Fact(EventType.RATING, counter.clock.now(), counter.clock.quality(), {"words": "x" * 2000}))
    counter.press(3)
    with Ear(narrow.port).open("motcua/#") as ear, counter.connected(narrow.url, acknowledge="broker"):
        eventually(lambda: counter.pending == 1)
        eventually(lambda: counter.codes[-1] == "UPLINK_PACKET_LIMIT")
        eventually(lambda: [json.loads(body)["seq"] for body in bodies(ear)] == [1, 2, 3, 5, 6, 7])
    assert "UPLINK_LOST" not in counter.codes


def test_a_word_too_large_for_the_broker_is_left_unsaid_and_what_is_said_in_parts_is_said_in_smaller_ones(
    counter: Box, narrow: Broker
) -> None:
    with Ear(narrow.port).open("motcua/#") as ear, counter.connected(narrow.url):
        eventually(lambda: counter.mailbox.largest_bytes == 1200)
        counter.mailbox.say(Message(counter.topics.bulk("7f3a", 0), b"x" * 2000))
        counter.mailbox.say(Message(counter.topics.bulk("7f3a", 1), b"x" * 700))
        eventually(lambda: any(message.topic == counter.topics.bulk("7f3a", 1) for message in ear.messages))
    assert "UPLINK_LOST" not in counter.codes


def test_what_goes_at_leisure_goes_part_by_part_and_a_rating_waits_for_one_part_at_most(
    counter: Box, mosquitto: Broker
) -> None:
    def parts() -> int:
        return sum("/up/bulk/" in topic for topic, _, _ in ear.messages)

    counter.press(30)
    with Ear(mosquitto.port).open("motcua/#") as ear, Line(mosquitto.port) as line:
        line.delay_s = 0.02
        with counter.connected(line.url, acknowledge="broker"):
            eventually(lambda: counter.pending == 0)
            answered: list[int] = []
            line.is_deaf = True
            number = counter.mailbox.link
            assert number is not None
            still = [Message(counter.topics.bulk("w-1-1", part), bytes(8192)) for part in range(12)]
            counter.mailbox.say_leisurely(still, link=number, answered=lambda: answered.append(1))
            eventually(lambda: parts() == 1)
            counter.press()
            eventually(lambda: len(bodies(ear)) == 31)
            assert (parts(), answered) == (1, [])
            line.heal()
            eventually(lambda: len(answered) == 12)
        assert parts() == 12
