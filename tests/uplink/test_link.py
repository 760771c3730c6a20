"""How a connection begins, ends, is fought over and comes back. At a real Mosquitto, over a line that can be cut."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.health import OK, OTHERS_EVERY_S
from agent.language import language
from agent.settings.model import Uplink
from agent.uplink import link as link_rules
from agent.uplink import service
from agent.uplink.backoff import FLAPS, TAKEN_OVER_S
from agent.uplink.commands import WAITING
from agent.uplink.link import Link
from agent.uplink.payload import Message
from agent.uplink.service import UplinkService
from agent.uplink.session import Protocol, Received
from tests.broker import AnyBroker
from tests.eventually import eventually
from tests.uplink.at_the_broker import EVERY_BROKER, Box, box, states, waking
from tests.uplink.ear import Ear
from tests.uplink.fake_broker import FakeBroker
from tests.uplink.line import Line

AT_MOSQUITTO = pytest.mark.parametrize("protocol", Protocol)
"""aMQTT keeps no orders for a client that is away, and lets two with one name live side by side."""


def is_connected(counter: Box) -> bool:
    return bool(counter.codes) and counter.codes[-1] == "OK"


@EVERY_BROKER
def test_a_birth_is_info_health_config_watermark_and_then_the_state(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    counter.health.report("disk", OK)
    with counter.connected(broker.url, protocol=protocol):
        eventually(lambda: states(ear.messages))
        kinds = [said.topic.split("/")[5] for said in ear.messages]
    birth = kinds[: kinds.index("state") + 1]
    assert birth == sorted(birth, key=["info", "health", "config", "watermark", "state"].index)
    assert set(birth) == {"info", "health", "config", "watermark", "state"}


@EVERY_BROKER
def test_a_line_cut_in_the_middle_is_told_with_the_sessions_number(
    counter: Box, broker: AnyBroker, ear: Ear, impatient: None, protocol: Protocol
) -> None:
    with Line(broker.port) as line, counter.connected(line.url, protocol=protocol):
        eventually(lambda: len(states(ear.messages)) == 1)
        line.cut()
        eventually(lambda: len(states(ear.messages)) == 3, within_s=10)
    eventually(lambda: len(states(ear.messages)) == 4)
    (_, first), _, (_, second), _ = said = states(ear.messages)
    assert first < second
    assert said == [("online", first), ("lost", first), ("online", second), ("stopping", second)]


def test_everything_retained_is_said_again_after_the_broker_forgot_it(
    counter: Box, broker: AnyBroker, impatient: None
) -> None:
    counter.health.report("disk", OK)
    with counter.connected(broker.url):
        eventually(lambda: is_connected(counter))
        broker.restart()
        with Ear(broker.port).open("motcua/#") as later:
            eventually(lambda: states(later.messages), within_s=15)
        topics = {said.topic.removeprefix(f"{counter.topics.root}/up/") for said in later.messages}
    assert {"info", "config", "watermark", "state", "health/disk", "health/uplink"} <= topics


@AT_MOSQUITTO
def test_an_order_that_waited_for_a_restarted_counter_arrives(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    """A client that starts clean, as paho does by default, would have wiped it."""
    with counter.connected(broker.url, protocol=protocol):
        eventually(lambda: is_connected(counter))
    for number in range(25):  # more than the broker sends before it is answered
        ear.publish(f"{counter.topics.root}/down/command/ping/{number}", b"{}")
    with counter.connected(broker.url, protocol=protocol):
        taken = [counter.order(within_s=10).id for _ in range(25)]
    assert taken == [str(number) for number in range(25)]


def test_what_comes_before_the_subscription_is_answered_is_not_lost(counter: Box, broker: AnyBroker, ear: Ear) -> None:
    settings = Uplink(broker=broker.url)
    with waking() as wake:
        link = Link(settings, topics=counter.topics, wake=wake, beat=lambda: None)
        link.establish(1, threading.Event())[0].close()
        ear.publish(f"{counter.topics.root}/down/command/ping/7f3a", b"{}")
        session, _ = link.establish(2, threading.Event())
        try:
            happened: list[Any] = []

            def received() -> bool:
                happened.extend(session.turn(0.05))
                return any(isinstance(happening, Received) for happening in happened)

            eventually(received)
        finally:
            session.close()


@EVERY_BROKER
def test_an_order_at_qos_0_does_not_end_the_connection(
    counter: Box, broker: AnyBroker, ear: Ear, protocol: Protocol
) -> None:
    with counter.connected(broker.url, protocol=protocol):
        eventually(lambda: is_connected(counter))
        ear.publish(f"{counter.topics.root}/down/command/ping/7f3a", b"{}", qos=0)
        assert counter.order(within_s=5).id == "7f3a"
        ear.publish(f"{counter.topics.root}/down/command/ping/7f3b", b"{}")
        assert counter.order(within_s=5).id == "7f3b"
    assert [state for state, _ in states(ear.messages)][:1] == ["online"]
    assert "UPLINK_LOST" not in counter.codes


def test_an_order_beyond_those_that_may_wait_is_rejected_and_not_dropped(
    counter: Box, broker: AnyBroker, ear: Ear
) -> None:
    with counter.connected(broker.url):
        eventually(lambda: is_connected(counter))
        for number in range(WAITING + 1):
            ear.publish(f"{counter.topics.root}/down/command/ping/{number}", b"{}")
        eventually(lambda: ear.heard(f"up/result/ping/{WAITING}"))
    assert ear.heard(f"up/result/ping/{WAITING}")[0]["status"] == "rejected"
    assert len(counter.orders) == WAITING


def test_a_callers_response_topic_is_honoured_only_below_the_counters_own(
    counter: Box, broker: AnyBroker, ear: Ear
) -> None:
    own = f"{counter.topics.root}/up/result/of/noc-02"
    asked = [own, "motcua/v1/40/na-0124/up/state", f"{counter.topics.root}/down/command/ping/1", "$SYS/x", "anything"]
    with counter.connected(broker.url):
        eventually(lambda: is_connected(counter))
        for number, topic in enumerate(asked):
            ear.publish(
                f"{counter.topics.root}/down/command/ping/{number}", b"{}", ResponseTopic=topic, CorrelationData=b"\x01"
            )
        orders = [counter.order(within_s=5) for _ in asked]
    assert [order.reply_to for order in orders] == [own, None, None, None, None]
    assert {order.correlation for order in orders} == {b"\x01"}


def test_retained_orders_broadcasts_and_strange_topics_are_told_apart(
    counter: Box, broker: AnyBroker, ear: Ear
) -> None:
    ear.publish(f"{counter.topics.root}/down/command/restart/old", b"{}", retain=True)
    with counter.connected(broker.url):
        eventually(lambda: is_connected(counter))
        ear.publish("motcua/v1/40/_all/down/command/ping/all", b"{}")
        ear.publish(f"{counter.topics.root}/down/command/no-id", b"{}")
        ear.publish(f"{counter.topics.root}/down/rating/token", b"{}")
        ear.publish(f"{counter.topics.root}/down/command/ping/last", b"{}")
        orders = [counter.order(within_s=5) for _ in range(3)]
        assert counter.orders.take(0) is None
    assert [(order.id, order.is_retained, order.is_broadcast) for order in orders] == [
        ("old", True, False),
        ("all", False, True),
        ("last", False, False),
    ]


def test_words_said_while_there_is_no_link_go_out_when_there_is_one(counter: Box, broker: AnyBroker, ear: Ear) -> None:
    counter.mailbox.say(Message(counter.topics.result("ping", "1"), b'{"status":"done"}', expiry_s=60))
    with counter.connected(broker.url):
        eventually(lambda: ear.heard("up/result/ping/1") == [{"status": "done"}])


def test_a_word_that_was_under_way_when_the_line_broke_goes_out_again(
    counter: Box, broker: AnyBroker, ear: Ear, impatient: None
) -> None:
    with Line(broker.port) as line, counter.connected(line.url):
        eventually(lambda: is_connected(counter))
        line.deafen()
        counter.mailbox.say(Message(counter.topics.result("ping", "1"), b'{"status":"done"}'))
        eventually(lambda: len(ear.heard("up/result/ping/1")) == 1)
        line.cut()
        eventually(lambda: len(ear.heard("up/result/ping/1")) == 2, within_s=10)


# -- versions of MQTT --------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", ["with 0x84", "with 0x01"])
def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_it_and_5_is_tried_again_the_next_day(
    counter: Box, broker: AnyBroker, impatient: None, refusal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Line(broker.port, refuses_mqtt5=refusal) as line, counter.connected(line.url):
        eventually(lambda: is_connected(counter), within_s=10)
        assert line.versions == [5, 4]
        line.cut()
        line.await_connection(3)
        eventually(lambda: is_connected(counter), within_s=10)
        assert line.versions == [5, 4, 4], "it is remembered"
        with monkeypatch.context() as a_day_later:
            a_day_later.setattr(link_rules, "RETRY_MQTT5_S", 0.0)
            line.cut()
            line.await_connection(4)
        eventually(lambda: is_connected(counter) and line.versions[-1] == 4, within_s=10)
    assert line.versions[3] == 5


def test_a_broker_that_closes_the_line_at_5_is_tried_three_times_before_it_counts_as_old(
    counter: Box, broker: AnyBroker, impatient: None
) -> None:
    with Line(broker.port, refuses_mqtt5="by closing") as line, counter.connected(line.url):
        eventually(lambda: is_connected(counter), within_s=10)
        assert line.versions == [5, 5, 5, 4]


def test_a_broker_that_was_only_away_is_spoken_to_in_5_again(counter: Box, broker: AnyBroker, impatient: None) -> None:
    """Behind a balancer a broker that is down looks like one that closes the line."""
    with Line(broker.port) as line, counter.connected(line.url):
        eventually(lambda: is_connected(counter))
        broker.stop()
        line.await_connection(5)
        assert line.versions[4:] == [4]
        line.await_connection(8)
        assert line.versions[7:] == [5]
        broker.start()
        eventually(lambda: is_connected(counter), within_s=15)


@pytest.mark.parametrize(("protocol", "version"), [("5", 5), ("3.1.1", 4)])
def test_a_version_that_is_asked_for_is_spoken_and_no_other(
    counter: Box, broker: AnyBroker, impatient: None, protocol: str, version: int
) -> None:
    with Line(broker.port, refuses_mqtt5="with 0x84") as line, counter.connected(line.url, protocol=protocol):
        line.await_connection(2 if version == 5 else 1)
    assert set(line.versions) == {version}


# -- two boxes with one name -------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the uplinks mean to wait before they connect again; the long waits never end."""
    meant: list[float] = []
    pause = service.UplinkService._pause

    def note(uplink: UplinkService, stop: threading.Event, wait_s: float) -> None:
        meant.append(wait_s)
        pause(uplink, stop, wait_s)

    monkeypatch.setattr(service.UplinkService, "_pause", note)
    return meant


def test_a_session_that_another_box_took_over_is_named_and_left_alone_for_a_while(
    counter: Box, waits: list[float], impatient: None
) -> None:
    with FakeBroker(receive_maximum=5) as broker, counter.connected(f"mqtt://127.0.0.1:{broker.port}"):
        eventually(lambda: is_connected(counter))
        broker.say(b"\xe0\x02\x8e\x00")
        eventually(lambda: counter.codes[-1] == "UPLINK_TAKEN_OVER")
        assert eventually(lambda: waits)[0] >= TAKEN_OVER_S
    assert "DUPLICATE BOX" in counter.health.reports()[-1].words(language("en"))[0]


@AT_MOSQUITTO
@pytest.mark.usefixtures("impatient")
def test_two_boxes_with_one_name_do_not_fight_without_end(
    broker: AnyBroker, ear: Ear, tmp_path: Path, waits: list[float], protocol: Protocol
) -> None:
    """Two clients with a plain backoff of a second flipped the state eight times in 3.5 s, and went on."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with (
        box(folders[0]) as one,
        box(folders[1]) as two,
        one.connected(broker.url, protocol=protocol),
        two.connected(broker.url, protocol=protocol),
    ):
        eventually(lambda: {one.codes[-1], two.codes[-1]} & {"UPLINK_FLAPS", "UPLINK_TAKEN_OVER"}, within_s=20)
        eventually(lambda: {one.codes[-1], two.codes[-1]} & {"OK"}, within_s=10)
        assert max(waits) >= TAKEN_OVER_S
    assert [state for state, _ in states(ear.messages)].count("online") <= 2 * FLAPS + 1


# -- what else must not end it -----------------------------------------------------------------------


def test_an_error_while_it_is_connected_is_not_told_as_an_orderly_stop(
    counter: Box, broker: AnyBroker, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a bug")

    def connected_until_it_fails() -> None:
        with counter.connected(broker.url):
            eventually(lambda: states(ear.messages))
            monkeypatch.setattr(service.UplinkService, "_repeat_health", fails)
            eventually(lambda: len(states(ear.messages)) == 2)

    with pytest.raises(RuntimeError, match="a bug"):
        connected_until_it_fails()
    assert [state for state, _ in states(ear.messages)] == ["online", "lost"]


def test_junk_on_the_line_is_a_lost_line(counter: Box, impatient: None) -> None:
    with FakeBroker(receive_maximum=5) as broker, counter.connected(f"mqtt://127.0.0.1:{broker.port}"):
        broker.await_connection(1)
        broker.say(b"\xff" * 64)
        broker.await_connection(2)
    assert "UPLINK_LOST" in counter.codes


def test_a_topic_that_is_no_text_is_nobodys(counter: Box, impatient: None) -> None:
    with FakeBroker(receive_maximum=20) as broker, counter.connected(f"mqtt://127.0.0.1:{broker.port}"):
        broker.await_connection(1)
        broker.say(b"\x32\x08\x00\x02\xff\xfe\x00\x07\x00x")
        topic = f"{counter.topics.root}/down/command/ping/7f3a".encode()
        body = len(topic).to_bytes(2, "big") + topic + b"\x00\x08\x00{}"
        broker.say(b"\x32" + bytes([len(body)]) + body)
        assert counter.order(within_s=5).id == "7f3a"
    assert len(broker.connections) == 1


def test_on_5_a_word_about_health_expires_by_itself(counter: Box, impatient: None) -> None:
    """After three missed publications: what is stale disappears for a reader who comes later."""
    counter.health.report("disk", OK)
    with FakeBroker(receive_maximum=20) as broker, counter.connected(f"mqtt://127.0.0.1:{broker.port}"):
        eventually(lambda: any(b"up/health/disk" in said for said in broker.said))
        said = next(said for said in broker.said if b"up/health/disk" in said)
    assert b"\x02" + (3 * OTHERS_EVERY_S).to_bytes(4, "big") in said


def test_an_end_while_connecting_is_quick(counter: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, counter.connected(f"mqtt://127.0.0.1:{mute.getsockname()[1]}"):
        eventually(lambda: counter.codes == ["UPLINK_CONNECTING"])
