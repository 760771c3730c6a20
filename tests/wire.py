"""A bad network between two ends of TCP: slow, deaf, silent or cut, as a test says.

Bytes are only ever kept back, never dropped: TCP would send them again. What a dead link loses is what was on
the way when it was cut. One thread; all switches may be set from any other.
"""

import selectors
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

CHUNK = 65536
LONGEST_WAIT_S = 0.5


@dataclass(eq=False)
class _Way:
    """One direction of one connection: what was read and is not yet passed on."""

    source: socket.socket
    target: socket.socket
    is_answer: bool
    """From the far end back to whoever connected."""
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    """With the moment at which each may go on."""
    has_ended: bool = False
    is_deaf: bool = False
    """Kept back for as long as the connection lives, whatever the switches say."""


class Wire:
    """Passes TCP on from a port of its own to *target* on loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.delay_s = 0.0
        """How long every chunk takes, each way."""
        self.is_deaf = False
        """The far end hears everything, its answers do not come through: the message arrives, its PUBACK does not."""
        self.is_hole = False
        """Nothing comes through either way, and nobody is told: a half-open link."""
        self._ways: list[_Way] = []
        self._lock = threading.Lock()
        self._bell, self._rope = socket.socketpair()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="wire")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._wake()
        self._thread.join(5)
        self.cut()
        for end in (self._listener, self._bell, self._rope):
            end.close()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def heal(self) -> None:
        """A good network again; what was kept back goes on."""
        self.delay_s, self.is_deaf, self.is_hole = 0.0, False, False
        self._wake()

    def deafen(self) -> None:
        """Nothing that is said back on the present connections comes through any more; later ones are not concerned."""
        with self._lock:
            for way in self._ways:
                way.is_deaf = way.is_answer

    def cut(self) -> None:
        """Reset every connection; what was on the way is lost."""
        with self._lock:
            for end in {way.source for way in self._ways}:
                _reset(end)
            self._ways.clear()
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):
            self._rope.send(b"\0")

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop:
            with self._lock:
                ways = list(self._ways)
            try:
                ready = self._wait(ways)
            except (OSError, ValueError):  # an end was cut while we looked
                continue
            if self._bell in ready:
                self._bell.recv(CHUNK)
            if self._listener in ready:
                self._accept()
            with self._lock:
                for way in self._ways.copy():
                    if way.source in ready:
                        self._read(way)
                for way in self._ways.copy():
                    self._pass_on(way)

    def _wait(self, ways: list[_Way]) -> set[socket.socket]:
        now_s = time.monotonic()
        due_s = min(
            (way.waiting[0][0] for way in ways if way.waiting and not self._is_kept_back(way)), default=now_s + 9
        )
        with selectors.DefaultSelector() as selector:
            for end in (self._bell, self._listener, *(way.source for way in ways if not way.has_ended)):
                selector.register(end, selectors.EVENT_READ)
            ready = selector.select(max(0.0, min(LONGEST_WAIT_S, due_s - now_s)))
        return {key.fileobj for key, _ in ready if isinstance(key.fileobj, socket.socket)}

    def _is_kept_back(self, way: _Way) -> bool:
        return self.is_hole or way.is_deaf or (self.is_deaf and way.is_answer)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        greeting = self._greeting(near)
        if greeting is None:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            far.sendall(greeting)
        except OSError:
            _reset(near)
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._ways += [_Way(near, far, is_answer=False), _Way(far, near, is_answer=True)]

    def _greeting(self, near: socket.socket) -> bytes | None:  # noqa: ARG002 - who overrides it looks at it
        """What was taken from *near* already and goes ahead of everything; None: it is not let in."""
        return b""

    def _read(self, way: _Way) -> None:
        try:
            data = way.source.recv(CHUNK)
        except OSError:
            data = b""
        way.has_ended = not data
        way.waiting.append((time.monotonic() + self.delay_s, data))

    def _pass_on(self, way: _Way) -> None:
        while way in self._ways and way.waiting and not self._is_kept_back(way):
            due_s, data = way.waiting[0]
            if due_s > time.monotonic():
                return
            way.waiting.popleft()
            try:
                if data:
                    way.target.sendall(data)
                    continue
            except OSError:
                pass
            self._close(way)

    def _close(self, ended: _Way) -> None:
        ends = {ended.source, ended.target}
        self._ways = [way for way in self._ways if way.source not in ends]
        for end in ends:
            end.close()


def _reset(end: socket.socket) -> None:
    """Close as a cut does: the other side is told nothing but a reset."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
