"""One MQTT connection, driven from one thread: connect, turn, publish, close.

paho's external loop is used, so no thread of paho's exists, every callback runs inside `turn` and
only appends to a list: an exception there could otherwise kill a network thread that still claims to
be connected. paho never holds more than the window; its own queue would flood the broker on reconnect.
A session is used once: a lost one is thrown away with everything paho remembered.
"""

import logging
import select
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.uplink import tls

WINDOW = 20
"""At most so many unacknowledged messages; less where the broker's Receive Maximum is smaller."""
SESSION_EXPIRY_S = 7 * 24 * 3600
CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 120


class Protocol(StrEnum):
    MQTT5 = "5"
    MQTT311 = "3.1.1"


class LinkDown(Exception):
    """No connection could be made; `code` names why for health."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Connected:
    window: int
    max_packet_bytes: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    code: str
    text: str
    is_protocol_refused: bool


@dataclass(frozen=True, slots=True)
class Subscribed:
    refused: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    mid: int
    reason: int
    """The PUBACK's reason code; 0 on 3.1.1, where a broker has no way to say more."""
    text: str


@dataclass(frozen=True, slots=True)
class Received:
    mid: int
    """0 for a message that was sent at QoS 0."""
    topic: str
    payload: bytes
    is_retained: bool
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    reason: str
    is_taken_over: bool


Happening = Connected | Refused | Subscribed | Acknowledged | Received | Lost


class Wake:
    """Ends another thread's wait in `Session.turn`; `set` may be called from anywhere."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)
        self._writer.settimeout(0)

    def set(self) -> None:
        try:
            self._writer.send(b"\0")
        except (BlockingIOError, OSError):
            return  # full: a wake is pending already; closed: nobody waits

    def clear(self) -> None:
        try:
            while self.reader.recv(4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        self.reader.close()
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Door:
    """Where to knock, and as whom."""

    host: str
    port: int
    client_id: str
    username: str | None
    password: str | None
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says, retained, when the line breaks without a goodbye."""

    topic: str
    payload: bytes


class Session:
    """One connection to the broker, at QoS 1."""

    def __init__(
        self,
        door: Door,
        protocol: Protocol,
        *,
        wake: Wake,
        will: Will | None = None,
        expiry_s: int = SESSION_EXPIRY_S,
    ) -> None:
        """*expiry_s*: how long the broker keeps what comes for this client while it is away; 0: begin afresh."""
        self.protocol = protocol
        self._expiry_s = expiry_s
        self._door = door
        self._is_v5 = protocol is Protocol.MQTT5
        self._wake = wake
        self._happened: list[Happening] = []
        self._complaint = _Complaint()
        client = self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=door.client_id,
            clean_session=None if self._is_v5 else expiry_s == 0,
            protocol=mqtt.MQTTv5 if self._is_v5 else mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)
        client.max_queued_messages_set(0)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        if door.username is not None:
            client.username_pw_set(door.username, door.password)
        if door.tls is not None:
            client.tls_set_context(door.tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.enable_logger(self._complaint.logger)

    def connect(self) -> None:
        """Open the line and say CONNECT; `turn` then yields Connected or Refused.

        Raises:
            LinkDown: no line (name, network, TLS).
        """
        options: dict[str, Any] = {}
        if self._is_v5:
            properties = _properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self._expiry_s
            options = {"clean_start": self._expiry_s == 0, "properties": properties}
        try:
            self._client.connect(self._door.host, self._door.port, keepalive=KEEPALIVE_S, **options)
        except OSError as error:
            raise LinkDown(tls.code_of(error), f"{self._door.host}:{self._door.port}: {error}") from error

    def subscribe(self, topics: Iterable[str]) -> None:
        if self._is_v5:
            self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str | None = None,
        expiry_s: int | None = None,
        correlation: bytes | None = None,
    ) -> int:
        """Send one message at QoS 1; returns the id its `Acknowledged` will carry. The last three are MQTT 5's."""
        properties = None
        if self._is_v5 and (content_type or expiry_s or correlation is not None):
            properties = _said_of(content_type, expiry_s, correlation)
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    def acknowledge(self, message: Received) -> None:
        """Tell the broker that *message* has been taken care of; of one sent at QoS 0 it does not want to know."""
        if message.mid:
            self._client.ack(message.mid, 1)

    def turn(self, timeout_s: float) -> list[Happening]:
        """Wait for the line, the wake or the timeout; returns what happened, in order."""
        line = self._client.socket()
        if line is not None and not self._happened:
            self._move(line, timeout_s)
        happened, self._happened = self._happened, []
        return happened

    def keep(self, happenings: Iterable[Happening]) -> None:
        """Hand these out again, before anything newer: whoever took them was waiting for something else."""
        self._happened = [*happenings, *self._happened]

    def _move(self, line: Any, timeout_s: float) -> None:
        pending = isinstance(line, ssl.SSLSocket) and line.pending() > 0
        wants_write = [line] if self._client.want_write() else []
        readable, writable, _ = select.select([line, self._wake.reader], wants_write, [], 0 if pending else timeout_s)
        if self._wake.reader in readable:
            self._wake.clear()
        if (pending or line in readable) and self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        if writable and self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        self._client.loop_misc()

    @property
    def has_unsent(self) -> bool:
        """Bytes of ours still wait for the line."""
        return self._client.want_write()

    def close(self) -> None:
        """Say DISCONNECT if the line is still there: a planned end, so the will stays unsaid."""
        if self._client.socket() is not None:
            self._client.disconnect()
            self._client.loop_write()
        self.drop()

    def drop(self) -> None:
        """Cut the line without a word: the broker speaks the will."""
        line = self._client.socket()
        if line is not None:
            line.close()

    # -- paho's callbacks: they only append --------------------------------------------------------

    def _on_connect(
        self, _c: mqtt.Client, _u: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._happened.append(Refused(_refusal(reason), str(reason), _is_protocol_refusal(reason)))
            return
        window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._happened.append(Connected(window, getattr(properties, "MaximumPacketSize", None)))

    def _on_subscribe(self, _c: mqtt.Client, _u: Any, _mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        self._happened.append(Subscribed(any(reason.is_failure for reason in reasons)))

    def _on_publish(self, _c: mqtt.Client, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        self._happened.append(Acknowledged(mid, reason.value, str(reason)))

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        properties = message.properties
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._happened.append(
            Received(
                message.mid,
                topic,
                bytes(message.payload),
                message.retain,
                getattr(properties, "ResponseTopic", None),
                getattr(properties, "CorrelationData", None),
            )
        )

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _flags: Any, reason: ReasonCode, _p: Any) -> None:
        self._happened.append(Lost(self._complaint.text or str(reason), reason.value == 0x8E))


class _Complaint(logging.Handler):
    """The last error paho told its logger. Not its `on_log`: with that set it spells out every packet it handles."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.logger = logging.Logger("paho", logging.ERROR)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


@lru_cache(maxsize=16)
def _said_of(content_type: str | None, expiry_s: int | None, correlation: bytes | None) -> Properties:
    """What MQTT 5 says beside a message. Kept: making it takes paho longer than sending the message does."""
    properties = _properties(PacketTypes.PUBLISH)
    if content_type:
        properties.ContentType = content_type
    if expiry_s:
        properties.MessageExpiryInterval = expiry_s
    if correlation is not None:
        properties.CorrelationData = correlation
    return properties


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call] # paho leaves this one unannotated


def _refusal(reason: ReasonCode) -> str:
    """The health code for a CONNACK that says no (MQTT 5 section 3.2.2.2; paho maps 3.1.1's to the same)."""
    if reason.value in (0x86, 0x87, 0x8C):
        return "UPLINK_NOT_AUTHORISED"
    if reason.value == 0x8A:
        return "UPLINK_BANNED"
    if reason.value in (0x88, 0x89, 0x97, 0x9F):
        return "UPLINK_BROKER_BUSY"
    return "UPLINK_REFUSED"


def _is_protocol_refusal(reason: ReasonCode) -> bool:
    return reason.value == 0x84
