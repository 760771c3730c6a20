"""Messages between a camera's child and its parent: a few words in JSON, and bytes beside them.

The child parses what a camera on the network sends, so its parent trusts it with nothing:
messages are bounded, nothing is unpickled, and no call on the parent's side blocks longer than it says.
"""

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

WORDS_LIMIT_BYTES = 256 * 1024
BODY_LIMIT_BYTES = 32 * 1024 * 1024
Tell = Callable[[Mapping[str, Any], bytes], None]
"""How one end tells the other; raises OSError when that is gone."""
_LENGTHS = struct.Struct("!II")


class Message(NamedTuple):
    words: dict[str, Any]
    body: bytes


class Wire:
    """One end. `receive` belongs to one thread; sending is for any."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)

    def send(self, words: Mapping[str, Any], body: bytes = b"") -> None:
        """Send, waiting for the other end as long as it takes.

        Raises:
            OSError: the other end is gone.
        """
        with self._lock:
            self._socket.sendall(_frame(words, body))

    def offer(self, words: Mapping[str, Any]) -> None:
        """Send at once, or not at all.

        Raises:
            OSError: the other end is gone, or has not read for long.
        """
        frame = _frame(words, b"")
        with self._lock:
            if self._socket.send(frame, socket.MSG_DONTWAIT) != len(frame):
                self._socket.shutdown(socket.SHUT_RDWR)  # half a message is the end of the conversation
                raise BrokenPipeError("the other end does not read")

    def receive(self, timeout_s: float | None = None) -> Message | None:
        """The next message, or None when none was complete within *timeout_s* seconds.

        Raises:
            EOFError: the other end is gone.
            ValueError: it does not speak this language.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while (message := self._take()) is None:
            left_ms = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            if not self._poll.poll(left_ms):
                return None
            try:
                chunk = self._socket.recv(256 * 1024)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise EOFError
            self._buffer += chunk
        return message

    def finish(self) -> None:
        """Say that nothing more will be sent; the other end's `receive` raises EOFError."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is gone already, which is as good

    def close(self) -> None:
        self._socket.close()

    def _take(self) -> Message | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        words_bytes, body_bytes = _LENGTHS.unpack_from(self._buffer)
        if words_bytes > WORDS_LIMIT_BYTES or body_bytes > BODY_LIMIT_BYTES:
            raise ValueError(f"a message of {words_bytes} + {body_bytes} bytes")
        end = _LENGTHS.size + words_bytes + body_bytes
        if len(self._buffer) < end:
            return None
        words = json.loads(self._buffer[_LENGTHS.size : _LENGTHS.size + words_bytes])
        if not isinstance(words, dict):
            raise TypeError("a message without words")
        body = bytes(self._buffer[_LENGTHS.size + words_bytes : end])
        del self._buffer[:end]
        return Message(words, body)


def _frame(words: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(words).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body
