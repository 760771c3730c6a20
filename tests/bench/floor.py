"""The physical floor: one 4 KiB page written through to the device, with no file system cache and no database.

Nothing can make an event durable for less; every durable thing is held against it.
"""

import mmap
import os
from pathlib import Path
from typing import Self

from tests.bench.figures import NotPossible

PAGE_BYTES = 4096
PAGES = 256


class DevicePage:
    """A file that exists in full; each `write` overwrites the next page of it, durable on return."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(PAGES * PAGE_BYTES))
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
        except OSError as error:
            raise NotPossible(f"{path.parent} refuses O_DIRECT ({error.strerror}): no file system on a disk") from error
        os.fsync(self._fd)
        self._page = mmap.mmap(-1, PAGE_BYTES)  # aligned, as O_DIRECT wants it
        self._next = 0

    def write(self) -> None:
        os.pwrite(self._fd, self._page, self._next * PAGE_BYTES)
        self._next = (self._next + 1) % PAGES

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
        self._page.close()
