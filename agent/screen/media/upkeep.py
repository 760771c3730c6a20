"""Upkeep: what lies in the store is read again, a little at a time, and what is not as it was made is let go of.

Memory cards lose bytes without a word, and a browser draws a damaged picture as if it were right. What was let go of is
missed by whoever had brought it, the folder or the province, made again, and shown under another address. What
is read comes from the card itself, not from what the kernel remembers of it. No thread of its own, and nothing to
write: one step reads a piece, and then somebody else has his turn.
"""

import hashlib
import logging
import os
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

from agent.screen.media.store import MediaStore

log = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024
"""A step a second reads 22 GB a day."""
ROUND_S = 3600.0
"""From the end of one round to the next."""


class Upkeep:
    """Goes round the store, piece by piece."""

    def __init__(self, store: MediaStore) -> None:
        self._store = store
        self._round: Iterator[None] = iter(())
        self._rests_until_s = 0.0

    def step(self) -> None:
        """Read the next piece, if it is time."""
        if time.monotonic() < self._rests_until_s:
            return
        with suppress(OSError):  # a store that cannot be written is told of by those who write
            for _ in self._round:
                return
            self._rests_until_s = time.monotonic() + ROUND_S
            self._round = self._pieces()

    def _pieces(self) -> Iterator[None]:
        for record in self._store.records():
            for medium in record.media:
                found = self._store.find(medium.id)
                if found is not None and medium.sha256 and (yield from _is_another(found[0], medium.sha256)):
                    log.warning("screen: what was made of %s was damaged on the card; it is made again", record.source)
                    self._store.lose(record.source, medium)


def _is_another(file: Path, sha256: str) -> Generator[None, None, bool]:
    """Whether *file* holds other bytes, or cannot be read; no, if it comes or goes meanwhile."""
    digest, at, inode = hashlib.sha256(), 0, None
    while True:
        try:
            with file.open("rb", buffering=0) as opened:  # not held over pieces: what is let go of has to make room
                status = os.fstat(opened.fileno())
                if inode not in (None, status.st_ino):
                    return False
                inode = status.st_ino
                os.posix_fadvise(opened.fileno(), at, PIECE_BYTES, os.POSIX_FADV_DONTNEED)
                opened.seek(at)
                piece = opened.read(PIECE_BYTES)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        if not piece:
            return digest.hexdigest() != sha256
        digest.update(piece)
        at += len(piece)
        yield
