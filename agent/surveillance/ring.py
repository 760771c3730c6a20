"""The last seconds of coded video in memory: whole groups of pictures, never more than a fixed size.

A group starts with a key frame, so each can be decoded by itself. Written by the child's capturing
thread, read by the one that answers.
"""

import threading
from collections.abc import Sequence

from drivers.base import Packet

LIMIT_BYTES = 24 * 1024 * 1024
"""Two seconds of 4K at 40 Mbit/s twice over."""


class Ring:
    """The group that is being received, and the complete one before it."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._groups: list[list[Packet]] = []
        self._size_bytes = 0

    def add(self, packet: Packet) -> None:
        """Keep *packet*. What comes before the first key frame, or beyond the limit, is let go."""
        with self._lock:
            if packet.is_keyframe:
                self._groups = [*self._groups[-1:], []]
                self._size_bytes = sum(kept.size_bytes for group in self._groups for kept in group)
            if self._groups and self._has_room(packet):
                self._groups[-1].append(packet)
                self._size_bytes += packet.size_bytes

    def groups(self) -> list[Sequence[Packet]]:
        """What is kept, newest group first; each begins with a key frame."""
        with self._lock:
            return [tuple(group) for group in reversed(self._groups) if group]

    def _has_room(self, packet: Packet) -> bool:
        """Whether *packet* fits, at the cost of the older group if need be.

        A group that outgrows the limit stops growing: a later packet could not be decoded without those before it.
        """
        if self._size_bytes + packet.size_bytes > self._limit_bytes and len(self._groups) > 1:
            self._size_bytes -= sum(kept.size_bytes for kept in self._groups.pop(0))
        if self._size_bytes + packet.size_bytes > self._limit_bytes:
            self._size_bytes = self._limit_bytes
            return False
        return True
