"""The line between a counter and its broker: a bad network that also knows a CONNECT and may refuse its version."""

import socket
from contextlib import suppress
from typing import Literal

from tests.eventually import eventually
from tests.wire import CHUNK, Wire

Refusal = Literal["nothing", "with 0x84", "with 0x01", "by closing"]
"""How the far end takes an MQTT 5 CONNECT; 0x01 is what a broker says that knows 3.1.1 only."""

CONNACKS: dict[Refusal, bytes] = {
    "with 0x84": b"\x20\x03\x00\x84\x00",
    "with 0x01": b"\x20\x02\x00\x01",
    "by closing": b"",
}


class Line(Wire):
    """Passes MQTT on to a broker's port, and says which versions came."""

    def __init__(self, port: int, *, refuses_mqtt5: Refusal = "nothing") -> None:
        super().__init__(port)
        self._refusal: Refusal = refuses_mqtt5
        self.versions: list[int] = []
        """The MQTT version of every CONNECT, in order: 4 is 3.1.1."""

    def await_connection(self, number: int) -> None:
        """Wait until the *number*-th CONNECT came."""
        eventually(lambda: len(self.versions) >= number, within_s=10)

    def _greeting(self, near: socket.socket) -> bytes | None:
        near.settimeout(5)
        with suppress(OSError):
            first = near.recv(CHUNK)
            self.versions.append(first[first.index(b"MQTT") + 4])
            if self.versions[-1] != 5 or self._refusal == "nothing":
                near.settimeout(None)
                return first
            near.sendall(CONNACKS[self._refusal])
        return None
