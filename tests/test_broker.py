"""The tests' own broker does what its options say: it stands under every story."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.broker import COUNTER_ACL, Broker
from tests.certificates import Certificates
from tests.eventually import eventually


class Talker:
    """A plain MQTT client that remembers what it was told."""

    def __init__(self, name: str, *, password: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self.connected = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        if password is not None:
            self.client.username_pw_set(name, password)
        if tls is not None:
            self.client.tls_set_context(tls)
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )
        self.client.on_publish = lambda _client, _data, _mid, reason, _properties: self.refused.append(str(reason))

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self.connected.set()

    def publish(self, topic: str) -> str:
        """Publish at QoS 1 and hand back the broker's word on it."""
        before = len(self.refused)
        self.client.publish(topic, b"hello", qos=1)
        return eventually(lambda: self.refused[before:])[0]


@contextmanager
def talking(broker: Broker, name: str, **credentials: Any) -> Iterator[Talker]:
    talker = Talker(name, **credentials)
    talker.client.connect("localhost" if broker.url.startswith("mqtts") else "127.0.0.1", broker.port)
    talker.client.loop_start()
    try:
        yield talker
    finally:
        talker.client.disconnect()
        talker.client.loop_stop()


def trusting(certificates: Certificates, holder: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates.ca))
    if holder is not None:
        context.load_cert_chain(certificates.of(holder), certificates.key_of(holder))
    return context


def test_a_broker_killed_and_started_again_is_met_on_the_same_port(mosquitto: Broker) -> None:
    with talking(mosquitto, "a") as a:
        assert a.connected.wait(5)
        a.connected.clear()
        mosquitto.kill()
        assert not mosquitto.is_running
        mosquitto.start()
        assert a.connected.wait(10)


def test_a_broker_with_passwords_refuses_a_wrong_one(tmp_path: Path) -> None:
    with Broker(tmp_path, passwords={"na-0123": "right"}) as broker:
        with talking(broker, "na-0123", password="right") as right:
            assert right.connected.wait(5)
        with talking(broker, "na-0123", password="wrong") as wrong:
            eventually(lambda: "not authorised" in broker.log_file.read_text())
            assert not wrong.connected.is_set()


def test_a_counter_may_speak_below_its_own_name_only(tmp_path: Path) -> None:
    with (
        Broker(tmp_path, passwords={"na-0123": "a", "province": "b"}, acl=COUNTER_ACL) as broker,
        talking(broker, "na-0123", password="a") as counter,
        talking(broker, "province", password="b") as province,
    ):
        province.client.subscribe("motcua/v1/40/#", qos=1)
        counter.client.subscribe("motcua/v1/40/_all/down/#", qos=1)
        assert counter.publish("motcua/v1/40/na-0124/up/state") == "Not authorized"
        assert counter.publish("motcua/v1/40/na-0123/down/command/ping/1") == "Not authorized"
        counter.publish("motcua/v1/40/na-0123/up/state")
        eventually(lambda: province.heard == [("motcua/v1/40/na-0123/up/state", b"hello")])
        province.publish("motcua/v1/40/_all/down/command/ping/1")
        eventually(lambda: counter.heard == [("motcua/v1/40/_all/down/command/ping/1", b"hello")])


def test_mutual_tls_takes_the_name_from_the_certificate(tmp_path: Path, certificates: Certificates) -> None:
    with (
        Broker(tmp_path, tls="mutual", certificates=certificates, acl=COUNTER_ACL) as broker,
        talking(broker, "any", tls=trusting(certificates, "na-0123")) as counter,
    ):
        assert counter.publish("motcua/v1/40/na-0123/up/state") in ("Success", "No matching subscribers")
        assert counter.publish("motcua/v1/40/any/up/state") == "Not authorized"


@pytest.mark.parametrize("holder", [None, "expired", "stranger"])
def test_mutual_tls_refuses_a_wrong_certificate(tmp_path: Path, certificates: Certificates, holder: str | None) -> None:
    with Broker(tmp_path, tls="mutual", certificates=certificates) as broker:
        talker = Talker("na-0123", tls=trusting(certificates, holder))
        # TLS 1.3 refuses a client's certificate after its handshake returned: a connection may seem to open.
        try:
            talker.client.connect("localhost", broker.port)
            while talker.client.loop(timeout=0.1) == mqtt.MQTT_ERR_SUCCESS:
                pass
        except OSError:
            pass
        assert not talker.connected.is_set()


def test_a_broker_without_persistence_forgets_at_a_restart(mosquitto: Broker) -> None:
    assert _retained_after(mosquitto, mosquitto.restart) == []


def test_a_broker_that_saves_every_change_survives_being_killed(tmp_path: Path) -> None:
    with Broker(tmp_path, persistence="every-change") as broker:

        def kill_once_saved() -> None:
            eventually(lambda: b"hello" in _bytes_of(tmp_path / "mosquitto.db"), within_s=10)
            broker.kill()
            broker.start()

        assert _retained_after(broker, kill_once_saved) == [("kept", b"hello")]


def _retained_after(broker: Broker, happens: Any) -> list[tuple[str, bytes]]:
    with talking(broker, "before") as before:
        before.client.publish("kept", b"hello", qos=1, retain=True)
        eventually(lambda: before.refused)
    happens()
    with talking(broker, "after") as after:
        answered = threading.Event()
        after.client.on_subscribe = lambda *_: answered.set()
        assert after.connected.wait(5)
        after.client.subscribe("#", qos=1)
        assert answered.wait(5)
        after.publish("done")  # the broker answers in order: whatever it kept has been sent before this came back
        eventually(lambda: ("done", b"hello") in after.heard)
        return [message for message in after.heard if message[0] != "done"]


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
