"""Messages between the camera's child and its parent, also from a child that stops in the middle or talks nonsense."""

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from agent.surveillance.wire import BODY_LIMIT_BYTES, Wire

Ends = tuple[Wire, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A wire, and the bare other end of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours), theirs


def test_words_and_bytes_arrive_whole_and_in_order(ends: Ends) -> None:
    wire, other = ends
    far = Wire(other)
    picture = bytes(range(256)) * 8000

    def send_three() -> None:
        for number in range(3):
            far.send({"id": number, "tên": "quầy"}, picture)

    sender = threading.Thread(target=send_three)
    sender.start()
    messages = [wire.receive(5) for _ in range(3)]
    sender.join()
    assert [message and message.words for message in messages] == [{"id": n, "tên": "quầy"} for n in range(3)]
    assert all(message is not None and message.body == picture for message in messages)


def test_half_a_message_holds_nobody_up(ends: Ends) -> None:
    wire, other = ends
    other.sendall(struct.pack("!II", 20, 1000) + b"half")
    began = time.monotonic()
    assert wire.receive(0.1) is None
    assert time.monotonic() - began < 1


def test_nobody_there_is_the_end(ends: Ends) -> None:
    wire, other = ends
    other.close()
    with pytest.raises(EOFError):
        wire.receive(5)
    with pytest.raises(OSError, match="pipe"):
        wire.offer({"id": 1})


@pytest.mark.parametrize(
    "nonsense",
    [
        struct.pack("!II", 2**31, 0),
        struct.pack("!II", 2, BODY_LIMIT_BYTES + 1),
        struct.pack("!II", 2, 0) + b"}{",
        struct.pack("!II", 2, 0) + b"\xff\xff",
        struct.pack("!II", 2, 0) + b"[]",
    ],
)
def test_nonsense_is_refused_before_it_costs_memory(ends: Ends, nonsense: bytes) -> None:
    wire, other = ends
    other.sendall(nonsense)
    with pytest.raises((ValueError, TypeError)):
        wire.receive(1)


def test_an_offer_never_waits_for_somebody_who_does_not_read(ends: Ends) -> None:
    wire, _ = ends

    def offer_for_good() -> None:
        while True:
            wire.offer({"kind": "still", "id": 1})

    began = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011 - whichever way the kernel says it
        offer_for_good()
    assert time.monotonic() - began < 10
