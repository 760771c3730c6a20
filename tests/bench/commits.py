"""Sees a commit the moment it happens, from another process and without asking SQLite.

The wal-index, which every connection to a database shares through the file beside it, counts transactions in
its header (sqlite.org/walformat.html, "The WAL-Index File Format"). It is written after the log is durable.
"""

import mmap
import time
from pathlib import Path
from typing import Self

_COUNT = slice(8, 12)
"""`iChange`, in the machine's own byte order."""


class Commits:
    """Counts the commits of the database at *path*, which somebody else has open."""

    def __init__(self, path: Path) -> None:
        with path.with_name(f"{path.name}-shm").open("rb") as file:
            self._index = mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ)

    @property
    def count(self) -> int:
        return int.from_bytes(self._index[_COUNT], "little")

    def await_next(self, before: int, *, within_s: float = 10.0) -> float:
        """When the count left *before* (`time.perf_counter`). It spins: the wait is a millisecond or two."""
        until = time.perf_counter() + within_s
        while self.count == before:
            if time.perf_counter() > until:
                raise TimeoutError(f"nothing was committed within {within_s:g} s")
        return time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._index.close()
