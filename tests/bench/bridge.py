"""The rival that is there already: a Mosquitto beside the agent as buffer, bridged to the province's broker.

It is told to keep everything (by default it forgets all but a thousand) and is filled while the far broker is
down. Its drain is taken between the arrival of the first and of the last event at the far broker, whose
subscriber hears just these two: nobody else is served there, and no event is confirmed by anybody.
"""

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent.event import EventType, Lane
from agent.outbox.rows import events
from agent.uplink.topics import Topics
from tests.bench.drainer import LIMIT_S, Drained
from tests.bench.events import AGENT, PROVINCE
from tests.bench.processes import cpu_s
from tests.broker import Broker

QUIET = ("log_type none",)
UNBOUNDED = ("max_queued_bytes 0",)
FIRST, LAST = "bench/first", "bench/last"
FILL_WINDOW = 500


def drain(folder: Path, outbox: Path, count: int, *, far: Broker, address_port: int) -> Drained:
    """Fill a bridge with *count* events while *far* is not yet started; then let it send them to *address_port*."""
    with closing(_near(folder, address_port)) as near:
        near.start()
        _fill(near.port, outbox, count)
        os.kill(near.pid, signal.SIGSTOP)  # so that it cannot begin before somebody listens
        far.start()
        with _markers(far.port) as (first, last):
            os.kill(near.pid, signal.SIGCONT)
            assert first.wait(LIMIT_S), "the bridge never sent anything"
            began_s, near_cpu_s, far_cpu_s = time.perf_counter(), cpu_s(near.pid), cpu_s(far.pid)
            assert last.wait(LIMIT_S), "the bridge did not send everything"
            took_s = time.perf_counter() - began_s
            near_cpu_s, far_cpu_s = cpu_s(near.pid) - near_cpu_s, cpu_s(far.pid) - far_cpu_s
    return Drained(took_s, near_cpu_s, 0, 0.0, count, far_cpu_s)


def _near(folder: Path, address_port: int) -> Broker:
    folder.mkdir()
    return Broker(
        folder,
        max_queued_messages=0,
        options=(
            *QUIET,
            *UNBOUNDED,
            "max_inflight_messages 20",
            "connection up",
            f"address 127.0.0.1:{address_port}",
            "topic # out 1",
            "cleansession false",
            "notifications false",
            "try_private true",
            "restart_timeout 1",
        ),
    )


def _fill(port: int, outbox: Path, count: int) -> None:
    """Over a bare socket: a client library would take longer than everything that is measured."""
    topic = Topics(PROVINCE, AGENT).event(EventType.RATING)
    with closing(sqlite3.connect(outbox)) as db, connected(port) as line:
        bodies = [(topic, body) for _, body in islice(events(db, Lane.RECORD), count)]
        bodies[0], bodies[-1] = (FIRST, bodies[0][1]), (LAST, bodies[-1][1])
        for start in range(0, count, FILL_WINDOW):
            portion = bodies[start : start + FILL_WINDOW]
            line.sendall(b"".join(publish(*message, mid) for mid, message in enumerate(portion, 1)))
            receive(line, 4 * len(portion))


@contextmanager
def _markers(port: int) -> Iterator[tuple[threading.Event, threading.Event]]:
    first, last, ready = threading.Event(), threading.Event(), threading.Event()

    def heard(_c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        (first if message.topic == FIRST else last).set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda c, *_: c.subscribe([(FIRST, 0), (LAST, 0)])
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = heard
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert ready.wait(10)
        yield first, last
    finally:
        client.disconnect()
        client.loop_stop()


# -- MQTT 3.1.1 by hand ----------------------------------------------------------------------------


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A bare socket on which a broker has said yes."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04bare")
        assert receive(line, 4)[3] == 0, "the broker refused"
        yield line
        line.sendall(b"\xe0\x00")


def publish(topic: str, body: bytes, mid: int) -> bytes:
    """A PUBLISH packet at QoS 1."""
    rest = len(topic).to_bytes(2) + topic.encode() + mid.to_bytes(2) + body
    length = b""
    left = len(rest)
    while left > 127:
        length += bytes([left & 127 | 128])
        left >>= 7
    return b"\x32" + length + bytes([left]) + rest


def receive(line: socket.socket, count: int) -> bytes:
    """Exactly *count* bytes."""
    got = b""
    while len(got) < count:
        part = line.recv(count - len(got))
        assert part, "the broker hung up"
        got += part
    return got
