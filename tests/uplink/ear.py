"""An ear and a mouth at a broker: everything it carries, byte for byte, and anything said to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.uplink.session import Protocol


class Said(NamedTuple):
    """One message as it was heard."""

    topic: str
    payload: bytes
    is_retained: bool


class Ear:
    """A client of its own with a clean session, on a thread of paho's."""

    def __init__(
        self,
        port: int,
        protocol: Protocol = Protocol.MQTT5,
        *,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self.messages: list[Said] = []
        self._port = port
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5 if protocol is Protocol.MQTT5 else mqtt.MQTTv311
        )
        self._client.username_pw_set(username, password)

    @contextmanager
    def open(self, *topics: str) -> Iterator["Ear"]:
        ready = threading.Event()
        client = self._client
        client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in topics]) if topics else ready.set()
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = lambda _c, _u, m: self.messages.append(Said(m.topic, bytes(m.payload), m.retain))
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        try:
            assert ready.wait(10), "the broker did not take the subscription"
            yield self
        finally:
            client.disconnect()
            client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, **properties: Any) -> None:
        """Say something and wait until the broker has it; *properties* are MQTT 5's by paho's names."""
        made = None
        if properties:
            made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves this one unannotated
            for name, value in properties.items():
                setattr(made, name, value)
        self._client.publish(topic, payload, qos=qos, retain=retain, properties=made).wait_for_publish(10)

    def heard(self, end: str) -> list[Any]:
        """The payloads, as JSON, on topics that end with *end*, in order."""
        return [json.loads(said.payload) for said in self.messages if said.topic.endswith(end) and said.payload]
