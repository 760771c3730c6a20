"""A broker of a few lines, for what no real one does: a tiny Receive Maximum, and PUBACKs that never come."""

import socket
import threading
from contextlib import suppress
from typing import Self

from tests.eventually import eventually

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 1, 3, 8, 12


class FakeBroker:
    """Speaks MQTT 5 to one client at a time; it never acknowledges a PUBLISH unless told to."""

    def __init__(self, receive_maximum: int, *, suback: int = 1) -> None:
        """*suback* answers the first topic of a SUBSCRIBE: 1 grants it, 0x87 does not."""
        self._receive_maximum = receive_maximum
        self._suback = suback
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[list[int]] = []
        """For every connection the packet ids of the PUBLISHes it brought, in order."""
        self.clean_starts: list[bool] = []
        self.said: list[bytes] = []
        """The bodies of all PUBLISHes, whole."""
        self._line: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="fake-broker")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.drop()
        self._thread.join(5)
        self._listener.close()

    def drop(self) -> None:
        """Break the line."""
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def say(self, raw: bytes) -> None:
        """Bytes as they are."""
        assert self._line is not None
        self._line.sendall(raw)

    def puback(self, packet_id: int) -> None:
        assert self._line is not None
        self._line.sendall(b"\x40\x02" + packet_id.to_bytes(2, "big"))

    def await_connection(self, number: int) -> list[int]:
        """The publications of the *number*-th connection, as they grow."""
        return eventually(lambda: self.connections[number - 1 : number], within_s=15)[0]

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                self._line, _ = self._listener.accept()
                with suppress(OSError, EOFError), self._line:
                    while True:
                        self._answer(self._line, *_packet(self._line))

    def _answer(self, line: socket.socket, kind: int, body: bytes) -> None:
        if kind == CONNECT:
            self.clean_starts.append(bool(body[7] & 0x02))
            self.connections.append([])
            properties = b"\x21" + self._receive_maximum.to_bytes(2, "big")
            line.sendall(b"\x20\x06\x00\x00\x03" + properties)
        elif kind == SUBSCRIBE:
            line.sendall(b"\x90\x05" + body[:2] + bytes([0, self._suback, 1]))
        elif kind == PINGREQ:
            line.sendall(b"\xd0\x00")
        elif kind == PUBLISH:
            self.said.append(body)
            start = 2 + int.from_bytes(body[:2], "big")
            self.connections[-1].append(int.from_bytes(body[start : start + 2], "big"))


def _packet(line: socket.socket) -> tuple[int, bytes]:
    kind = _exactly(line, 1)[0] >> 4
    size = shift = 0
    while True:
        byte = _exactly(line, 1)[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind, _exactly(line, size)


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
