"""Saving the file is enough: notices that the configuration file is not the one that was read, and asks for a reload.

The folder is watched, not the file, because editors replace files; and the file itself is looked at
every second, because inotify loses events. A file that was asked about once is not asked about again.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.service import Service

LOOK_S = 1.0
SETTLE_S = 0.2
"""An editor's save is several events; one reload is enough."""


Stamp = tuple[int, int, int] | None
"""Tells one state of a file from another: inode, time of change, size; None where there is no file."""


def stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class ConfigWatch(Service):
    """Calls *changed* when the file at *path* is another one than what was *read* last."""

    name = "config"

    def __init__(self, path: Path, *, read: Callable[[], Stamp], changed: Callable[[], None]) -> None:
        super().__init__()
        self._path = path.absolute()
        self._read = read
        self._changed = changed
        self._bell = threading.Event()

    def run(self, stop: threading.Event) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - needed on this thread only
        from watchdog.observers import Observer  # noqa: PLC0415

        bell = self._bell

        class Bell(FileSystemEventHandler):
            def dispatch(self, event: FileSystemEvent) -> None:
                if event.event_type in {"closed", "moved", "created", "deleted"}:
                    bell.set()

        observer: Any = Observer()
        observer.name = "config-watch"
        observer.schedule(Bell(), str(self._path.parent), recursive=False)
        observer.start()
        try:
            asked = self._read()
            while not stop.is_set():
                self.progress.beat()
                now = stamp(self._path)
                if now not in (asked, self._read()):
                    asked = now
                    self._changed()
                if bell.wait(LOOK_S):
                    stop.wait(SETTLE_S)
                    bell.clear()
        finally:
            observer.stop()
            observer.join()

    def wake(self) -> None:
        self._bell.set()
