"""What most people write: paho with its default window of 20, one event a message, deleted when the broker has it.

`python -m tests.bench.one_by_one OUTBOX BROKER_PORT COUNT` sends the first COUNT events and says as JSON what it took.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent.event import EventType
from agent.outbox.rows import Forms
from agent.uplink.topics import Topics
from tests.bench.drainer import Drained
from tests.bench.events import AGENT, PROVINCE

WINDOW = 20
DELETE_EVERY = 500
READ = 1000


def drain(path: str, port: int, count: int) -> Drained:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma synchronous = full")
    waiting = _events(db, count)
    topic = Topics(PROVINCE, AGENT).event(EventType.RATING)
    in_flight: dict[int, int] = {}
    done: list[int] = []

    def acknowledged(_c: mqtt.Client, _u: Any, mid: int, _r: Any, _p: Any) -> None:
        done.append(in_flight.pop(mid))
        if len(done) == DELETE_EVERY:
            _delete(db, done)

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_publish = acknowledged
    client.max_inflight_messages_set(WINDOW)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    client.connect("127.0.0.1", port)
    while not client.is_connected():
        client.loop(0.1)
    is_over = False
    while in_flight or not is_over:
        while not is_over and len(in_flight) < WINDOW:
            event = next(waiting, None)
            if event is None:
                is_over = True
            else:
                in_flight[client.publish(topic, event[1], qos=1).mid] = event[0]
        client.loop(0.5)
    _delete(db, done)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    client.disconnect()
    db.close()
    return Drained(took_s, cpu_s, 0, 0.0)


def _events(db: sqlite3.Connection, count: int) -> Iterator[tuple[int, bytes]]:
    forms = Forms(db)
    for first in range(1, count + 1, READ):
        last = min(first + READ - 1, count)
        for seq, packed, form, crc in db.execute(
            "select seq, body, form, crc from record where seq between ? and ? order by seq", (first, last)
        ).fetchall():
            body = forms.event(packed, form, crc)
            assert body is not None
            yield seq, body


def _delete(db: sqlite3.Connection, done: list[int]) -> None:
    if done:
        db.execute("delete from record where seq <= ?", (max(done),))
        done.clear()


if __name__ == "__main__":
    print(json.dumps(asdict(drain(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
