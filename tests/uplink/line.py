"""The line between a counter and its broker, in a test's hands: cut, deaf, or refusing a version of MQTT."""

import select
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal, Self

from tests.eventually import eventually

Refusal = Literal["nothing", "with 0x84", "with 0x01", "by closing"]
"""How the far end takes an MQTT 5 CONNECT; 0x01 is what a broker says that knows 3.1.1 only."""

CONNACKS: dict[Refusal, bytes] = {
    "with 0x84": b"\x20\x03\x00\x84\x00",
    "with 0x01": b"\x20\x02\x00\x01",
    "by closing": b"",
}


class Line:
    """Forwards TCP from a port of its own to a broker's."""

    def __init__(self, port: int, *, refuses_mqtt5: Refusal = "nothing") -> None:
        self._target = port
        self._refusal: Refusal = refuses_mqtt5
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ears, self._mouth = socket.socketpair()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._stop = False
        self.versions: list[int] = []
        """The MQTT version of every CONNECT, in order: 4 is 3.1.1."""
        self.answers: list[bytes] = []
        """The first byte of everything the broker said, chunk by chunk."""
        self._deaf: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._run, name="line")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._mouth.send(b"\0")
        self._thread.join(5)
        self.cut()
        for end in (self._listener, self._ears, self._mouth):
            end.close()

    def cut(self) -> None:
        """Break every connection as a pulled cable and a reset would: no goodbye at either end."""
        with self._lock:
            for end in list(self._pairs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.close()
            self._pairs.clear()
        with suppress(OSError):
            self._mouth.send(b"\0")

    def deafen(self) -> None:
        """What the broker says on the present connections is not passed on any more, and they stay up."""
        with self._lock:
            self._deaf = set(self._pairs)

    @property
    def is_up(self) -> bool:
        return bool(self._pairs)

    def await_connection(self, number: int) -> None:
        """Wait until the *number*-th CONNECT came."""
        eventually(lambda: len(self.versions) >= number, within_s=10)

    def _run(self) -> None:
        while not self._stop:
            with self._lock:
                ends = list(self._pairs)
            with suppress(OSError, ValueError):  # an end was cut while we looked
                for ready in select.select([self._listener, self._ears, *ends], [], [], 1)[0]:
                    if ready is self._ears:
                        self._ears.recv(4096)
                    elif ready is self._listener:
                        self._accept()
                    else:
                        self._forward(ready)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        near.settimeout(5)
        with suppress(OSError):
            first = near.recv(65536)
            version = first[first.index(b"MQTT") + 4]
            self.versions.append(version)
            if version == 5 and self._refusal != "nothing":
                near.sendall(
                    {"with 0x84": b"\x20\x03\x00\x84\x00", "with 0x01": b"\x20\x02\x00\x01"}.get(self._refusal, b"")
                )
            else:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                far.sendall(first)
                with self._lock:
                    self._pairs |= {near: far, far: near}
                return
        near.close()

    def _forward(self, ready: socket.socket) -> None:
        other = self._pairs.get(ready)
        if other is None:  # its pair was closed in this same round
            return
        try:
            data = ready.recv(65536)
            is_from_broker = ready.getpeername()[1] == self._target
            if data and is_from_broker:
                self.answers.append(data[:1])
            if data and not (ready in self._deaf and is_from_broker):
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            with self._lock:
                for end in (ready, other):
                    self._pairs.pop(end, None)
                    end.close()
