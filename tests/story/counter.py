"""A whole counter for stories: the daemon as a process, a keypad on a pseudo-terminal, and the province's end.

Everything here is what runs in production, but for the keypad's plastic.
"""

import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from agent.event import Lane
from agent.outbox.chain import verify
from agent.outbox.rows import events
from agent.province.arrival import Key
from agent.province.receive import Receiver
from agent.province.store import ProvinceStore
from agent.uplink.session import Door
from drivers.keypad.sim import PtyKeypad
from tests.broker import Broker
from tests.eventually import eventually

AGENT = "na-0123"
_numbers = itertools.count()
CAMERA_WORKS = ("OK", "CAMERA_WHOLE")
"""What health may say of a camera that works; the second where OpenCV cannot find faces by itself."""
CODES = ("31", "32", "33", "34")
"""What the four keys send, best first."""


class Counter:
    """One box: its folder, its keypad, and the daemon's process while it runs."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.outbox = folder / "state" / "outbox.db"
        self.log = folder / "agent.log"
        (folder / "media").mkdir(parents=True)
        self.keypad = PtyKeypad(folder / "keypad")
        self.settings: dict[str, Any] = {
            "counter": {
                "province": "40",
                "agent": AGENT,
                "commune": "17329",
                "name": "Bộ phận Một cửa Công an xã Kim Liên",
                "hours": {"mon-sun": ["00:00-24:00"]},
                "holidays": "none",
            },
            "uplink": {"broker": broker_url},
            "outbox": {"path": str(self.outbox)},
            "rating": {"privacy": {"bucket_min": 0}},
            "keypads": [
                {
                    "driver": "serial",
                    "port": str(self.keypad.path),
                    "keys": dict(zip(CODES, (3, 2, 1, 0), strict=True)),
                    "repeat_gap_ms": 0,
                }
            ],
            "screen": {"media": str(folder / "media")},
            "web": {"listen": "127.0.0.1:0"},
        }
        self.under: Sequence[str] = ()
        """A command that the daemon runs under, as its own child: a tracer."""
        self.source: Path | None = None
        """A folder with another build of the source; None: this one."""
        self.program = ["-m", "agent", "run"]
        """What Python runs; a story may start the daemon on a machine of another time."""
        self._process: subprocess.Popen[bytes] | None = None
        self._notify: socket.socket | None = None

    def write_config(self) -> None:
        """Save `settings` as an editor does: a new file in the old one's place."""
        new = self.config.with_name(".config.new")
        new.write_text(yaml.safe_dump(self.settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
        new.replace(self.config)

    def start(self) -> None:
        """Start the daemon and wait until it says READY, as systemd would."""
        self.launch()
        self.await_ready()

    def await_ready(self) -> None:
        self.await_word("READY=1")

    def launch(self) -> None:
        """Start the daemon, and wait for nothing."""
        self.write_config()
        if self._notify is not None:
            self._notify.close()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = f"\0counter-agent-{os.getpid()}-{next(_numbers)}"
        self._notify.bind(path)
        self._notify.settimeout(30)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.under, sys.executable, *self.program, "--config", str(self.config)],
                cwd=self.source,
                env={**os.environ, "NOTIFY_SOCKET": f"@{path[1:]}"},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def await_word(self, word: str) -> None:
        """Wait until the daemon tells its service manager *word*."""
        assert self._notify is not None
        try:
            while word not in self._notify.recv(4096).decode():
                pass
        except TimeoutError as error:
            self.abort()
            raise AssertionError(f"the daemon never said {word}:\n{self.said}") from error

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "the daemon was not started"
        return self._process

    @property
    def said(self) -> str:
        """The daemon's log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self, *, after_s: float = 0) -> None:
        """SIGKILL, as a crash would, *after_s* seconds from now."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(after_s)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def abort(self) -> None:
        """SIGABRT, as systemd's watchdog sends to what hangs: where each thread was is in its log then."""
        self.process.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.kill()

    def stop(self) -> float:
        """SIGTERM; the seconds it took to end. The exit code must be 0."""
        if self._process is None:
            return 0.0
        self._process.send_signal(signal.SIGTERM)
        began = _now()
        try:
            code = self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.abort()
            raise AssertionError(f"the daemon did not end after SIGTERM:\n{self.said}") from None
        self._process = None
        assert code == 0, f"exit code {code}:\n{self.said}"
        return _now() - began

    def close(self) -> None:
        self.kill()
        self.keypad.close()
        if self._notify is not None:
            self._notify.close()

    # -- what is on its disk -----------------------------------------------------------------------

    def stored(self, lane: Lane = Lane.RECORD) -> list[tuple[int, bytes]]:
        """What the outbox holds on disk, as `(seq, bytes)`; read beside the running daemon."""
        if not self.outbox.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=5)) as db:
            try:
                return list(events(db, lane))
            except sqlite3.OperationalError:
                return []

    @property
    def epoch(self) -> str:
        with closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=5)) as db:
            return str(db.execute("select epoch from store").fetchone()[0])

    def press(self, code: str = "31") -> None:
        """Press a key and wait until the rating is on the disk."""
        before = len(self.stored())
        self.keypad.press(code)
        eventually(lambda: len(self.stored()) > before, within_s=10)

    @property
    def web(self) -> str:
        """The address of its pages, as its log says."""

        def address() -> str | None:
            found = [line for line in self.said.splitlines() if "web: http://" in line]
            return found[-1].rpartition("web: ")[2].rstrip("/") if found else None

        return eventually(address, within_s=10) or ""


class Province:
    """The province's receiver on a thread, with its store; may be stopped and started with another store."""

    def __init__(self, broker: Broker, store: Path, *, door: Door | None = None) -> None:
        self.path = store
        self._door = door or Door("127.0.0.1", broker.port, "province-40-receive", "province", None, None)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_subscribed = threading.Event()
        """Since its last start: from then on the broker keeps for it what comes while it is away."""

    def start(self) -> None:
        self._stop.clear()
        self.is_subscribed.clear()
        self._thread = threading.Thread(target=self._run, name="province")
        self._thread.start()

    def _run(self) -> None:
        store = ProvinceStore(self.path)
        try:
            Receiver(self._door, province="40", store=store).run(self._stop, connected=self.is_subscribed.set)
        finally:
            store.close()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
            assert not self._thread.is_alive(), "the receiver hangs"
        self._thread = None

    def events(self, lane: Lane = Lane.RECORD) -> list[dict[str, Any]]:
        """What is stored of a lane, in order."""
        return [json.loads(body) for _, body in self._bodies(lane)]

    def seqs(self, lane: Lane = Lane.RECORD) -> list[int]:
        return [seq for seq, _ in self._bodies(lane)]

    def bodies(self, key: Key) -> list[tuple[int, bytes]]:
        return [(seq, body) for seq, body in self._bodies(key.lane, key.epoch)]

    def _bodies(self, lane: Lane, epoch: str | None = None) -> list[tuple[int, bytes]]:
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as db:
            try:
                return db.execute(
                    "select seq, body from event where lane = ? and epoch = coalesce(?, epoch) order by seq",
                    (lane, epoch),
                ).fetchall()
            except sqlite3.OperationalError:
                return []


@dataclass
class Ear:
    """Hears everything a broker carries; what a technician's `mosquitto_sub` would show."""

    port: int
    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)

    @contextmanager
    def open(self, *topics: str) -> Iterator["Ear"]:
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        ready = threading.Event()
        client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in topics])
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = lambda _c, _u, m: self.messages.append((m.topic, bytes(m.payload), m.retain))
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            assert ready.wait(10), "the broker did not take the subscription"
            self._client = client
            yield self
        finally:
            client.disconnect()
            client.loop_stop()

    def say(self, topic: str, payload: object, *, retain: bool = False) -> None:
        """Publish JSON."""
        self._client.publish(topic, json.dumps(payload), qos=1, retain=retain).wait_for_publish(10)

    def hand_down(self, topic: str, payload: bytes) -> None:
        """Publish bytes."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def heard(self, end: str) -> list[Any]:
        """The payloads, as JSON, on topics that end with *end*, in order."""
        return [json.loads(payload) for topic, payload, _ in self.messages if topic.endswith(end) and payload]

    def last(self, end: str) -> Any:
        found = self.heard(end)
        return found[-1] if found else None


def same_events(counter: Counter, province: Province, lane: Lane = Lane.RECORD) -> bool:
    """Whether the province has exactly the counter's events, byte for byte, and the chain holds at both ends."""
    ours = counter.stored(lane)
    theirs = province.bodies(Key(AGENT, counter.epoch, lane))
    assert theirs == ours, f"the counter has {[s for s, _ in ours]}, the province {[s for s, _ in theirs]}"
    checked = verify(theirs)
    assert checked.broken is None, checked.broken
    return True


def _now() -> float:
    import time

    return time.monotonic()
