"""The bad network itself: late, one-sided, silent or cut, and never with a byte out of place."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.wire import Wire


@pytest.fixture
def echo() -> Iterator[int]:
    """A port that answers what it hears, in capitals."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                end, _ = listener.accept()
                threads.append(threading.Thread(target=answer, args=(end,)))
                threads[-1].start()

    def answer(end: socket.socket) -> None:
        with closing(end), suppress(OSError):
            while data := end.recv(4096):
                heard.append(data)
                end.sendall(data.upper())

    heard: list[bytes] = []
    threads = [threading.Thread(target=serve)]
    threads[0].start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join(5)


@pytest.fixture
def wire(echo: int) -> Iterator[Wire]:
    with Wire(echo) as made:
        yield made


def line(wire: Wire) -> socket.socket:
    return socket.create_connection(("127.0.0.1", wire.port), timeout=5)


def is_silent(end: socket.socket, for_s: float = 0.2) -> bool:
    end.settimeout(for_s)
    try:
        return not end.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        end.settimeout(5)


def test_a_good_network_passes_everything_on(wire: Wire) -> None:
    with line(wire) as one, line(wire) as two:
        one.sendall(b"one")
        two.sendall(b"two")
        assert (one.recv(9), two.recv(9)) == (b"ONE", b"TWO")
        big = bytes(range(97, 123)) * 20_000
        threading.Thread(target=one.sendall, args=(big,)).start()
        got = b""
        while len(got) < len(big):
            got += one.recv(65536)
    assert got == big.upper()


def test_a_slow_network_takes_its_time_both_ways(wire: Wire) -> None:
    with line(wire) as end:
        wire.delay_s = 0.15
        began_s = time.monotonic()
        end.sendall(b"slow")
        assert end.recv(9) == b"SLOW"
        assert time.monotonic() - began_s >= 0.3


@pytest.mark.parametrize("how", ["is_deaf", "is_hole"])
def test_what_was_kept_back_comes_after_it_in_order(wire: Wire, how: str) -> None:
    with line(wire) as end:
        end.sendall(b"a")
        assert end.recv(9) == b"A"
        setattr(wire, how, True)
        end.sendall(b"b")
        assert is_silent(end)
        end.sendall(b"c")
        wire.heal()
        got = b""
        while len(got) < 2:
            got += end.recv(9)
        assert got == b"BC"


def test_a_cut_resets_and_a_new_line_works(wire: Wire) -> None:
    with line(wire) as end:
        end.sendall(b"a")
        assert end.recv(9) == b"A"
        wire.cut()
        with pytest.raises(ConnectionResetError):
            end.recv(9)
    with line(wire) as end:
        end.sendall(b"b")
        assert end.recv(9) == b"B"


def test_a_far_end_that_is_not_there_is_a_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Wire(port) as wire, pytest.raises(ConnectionResetError), line(wire) as end:
        end.recv(9)


def test_a_goodbye_comes_through(wire: Wire) -> None:
    with line(wire) as end:
        end.sendall(b"a")
        assert end.recv(9) == b"A"
        end.shutdown(socket.SHUT_WR)
        assert end.recv(9) == b""
