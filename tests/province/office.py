"""The province's receiver on a thread, and what is in its store."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.event import Lane
from agent.province.receive import Receiver
from agent.province.store import ProvinceStore
from agent.uplink.session import Door, Protocol


class Office:
    """Opened once; stores with real disks in the way."""

    def __init__(self, port: int, path: Path, protocol: Protocol = Protocol.MQTT5) -> None:
        self.path = path
        self._door = Door("127.0.0.1", port, "province-40-receive", "province", None, None)
        self._protocol = protocol
        self._stop = threading.Event()
        self.subscribed = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name="office")

    def _run(self) -> None:
        with closing(ProvinceStore(self.path)) as store:
            receiver = Receiver(self._door, province="40", store=store, protocol=self._protocol)
            receiver.run(self._stop, connected=self.subscribed.release)

    @contextmanager
    def open(self) -> Iterator["Office"]:
        self._thread.start()
        try:
            assert self.subscribed.acquire(timeout=10), "no subscription"
            yield self
        finally:
            self._stop.set()
            self._thread.join(10)
            assert not self._thread.is_alive()

    def rows(self, lane: Lane = Lane.RECORD) -> list[tuple[int, bytes]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute("select seq, body from event where lane = ? order by seq", (lane,)).fetchall()

    @property
    def seqs(self) -> list[int]:
        return [seq for seq, _ in self.rows()]
