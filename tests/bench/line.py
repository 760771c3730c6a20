"""A line between a counter and its broker: as long as one likes, and every byte on it counted.

`python -m tests.bench.line BROKER_PORT DELAY_S` says its own port, forwards until its input ends, then says what
it carried as JSON. A process of its own, so that its work is nobody's CPU time. One thread; every delay is
the same, so what came first leaves first. The kernel's own count of segments (tcp(7), TCP_INFO) tells the headers.
"""

import json
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HEADER_BYTES = 20 + 32
"""IPv4 and TCP with timestamps, on every segment."""
SEGMENT_BYTES = 1448
"""What is left of an Ethernet frame."""
PUBACK = 0x40
_SEGMENTS = struct.Struct("@136xII")
"""`tcpi_segs_out` and `tcpi_segs_in` in `struct tcp_info` of linux/tcp.h."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What went over the line in both directions."""

    wire_bytes: int
    """IP packets of both directions, acknowledgements included."""
    pubacks_at_s: list[float]
    """When something from the broker that begins with a PUBACK was handed to the counter (`time.perf_counter`)."""


class Line:
    """Runs the line for as long as the block lasts; `port` is its near end, `carried` is known after the block."""

    carried: Carried

    def __init__(self, broker_port: int, *, rtt_s: float = 0) -> None:
        self._command = [sys.executable, "-m", "tests.bench.line", str(broker_port), str(rtt_s / 2)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        said, _ = self._process.communicate("", timeout=10)
        if kind is None:
            self.carried = Carried(**json.loads(said))


class _Wire:
    """The connections that go through, what is travelling on them, and the count."""

    def __init__(self, broker_port: int, delay_s: float) -> None:
        self._broker_port = broker_port
        self._delay_s = delay_s
        self._other: dict[socket.socket, socket.socket] = {}
        self._counters: set[socket.socket] = set()
        self._travelling: deque[tuple[float, socket.socket, bytes]] = deque()
        self.wire_bytes = 0
        self.pubacks_at_s: list[float] = []

    def carry(self) -> None:
        """Forward until the input ends."""
        with socket.create_server(("127.0.0.1", 0)) as door:
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
            print(door.getsockname()[1], flush=True)
            while True:
                due_s = self._travelling[0][0] if self._travelling else None
                wait_s = None if due_s is None else max(0.0, due_s - time.perf_counter())
                readable, _, _ = select.select([sys.stdin, door, *self._other], [], [], wait_s)
                if sys.stdin in readable:
                    break
                if door in readable:
                    self._let_in(door.accept()[0])
                arrives_s = time.perf_counter() + self._delay_s
                for end in self._other.keys() & readable:
                    self._travelling.append((arrives_s, self._other[end], _received(end)))
                self._deliver()
        for end in self._counters:
            self.wire_bytes += _wire_bytes(end)

    def _let_in(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._broker_port))
        except OSError:
            near.close()  # as the broker would: nobody is there
            return
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._other |= {near: far, far: near}
        self._counters.add(near)

    def _deliver(self) -> None:
        """Hand over what has travelled long enough; nothing: that side has hung up."""
        while self._travelling and self._travelling[0][0] <= time.perf_counter():
            _, end, data = self._travelling.popleft()
            if end not in self._other:
                continue
            if not data:
                self._hang_up(end)
                continue
            if end in self._counters and data[0] == PUBACK:
                self.pubacks_at_s.append(time.perf_counter())
            with suppress(OSError):  # it has hung up: its own end of file is on its way
                end.sendall(data)

    def _hang_up(self, end: socket.socket) -> None:
        for one in (end, self._other[end]):
            del self._other[one]
            if one in self._counters:
                self._counters.remove(one)
                self.wire_bytes += _wire_bytes(one)
            one.close()


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(1 << 18)
    except OSError:
        return b""


def _wire_bytes(end: socket.socket) -> int:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    received, acknowledged = struct.unpack_from("@QQ", info, 120)
    return int(received + acknowledged + HEADER_BYTES * sum(_SEGMENTS.unpack_from(info)))


if __name__ == "__main__":
    wire = _Wire(int(sys.argv[1]), float(sys.argv[2]))
    wire.carry()
    print(json.dumps({"wire_bytes": wire.wire_bytes, "pubacks_at_s": wire.pubacks_at_s}))
