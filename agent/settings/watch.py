"""Saving the file is enough: notices that the configuration file changed and asks for a reload.

The folder is watched, not the file, because editors replace files; and the file's own time is looked at
every few seconds, because inotify loses events. Only what changed since the last look counts.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.service import Service

LOOK_S = 5.0
SETTLE_S = 0.2
"""An editor's save is several events; one reload is enough."""


class ConfigWatch(Service):
    """Calls *changed* whenever the file at *path* is another one than before."""

    name = "config"

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        super().__init__()
        self._path = path.absolute()
        self._changed = changed

    def run(self, stop: threading.Event) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - needed on this thread only
        from watchdog.observers import Observer  # noqa: PLC0415

        wake = threading.Event()

        class Bell(FileSystemEventHandler):
            def dispatch(self, event: FileSystemEvent) -> None:
                if event.event_type in {"closed", "moved", "created", "deleted"}:
                    wake.set()

        observer: Any = Observer()
        observer.name = "config-watch"
        observer.schedule(Bell(), str(self._path.parent), recursive=False)
        observer.start()
        try:
            seen = self._stamp()
            while not stop.is_set():
                self.progress.beat()
                if wake.wait(1.0):
                    stop.wait(SETTLE_S)
                    wake.clear()
                stamp = self._stamp()
                if stamp != seen:
                    seen = stamp
                    self._changed()
        finally:
            observer.stop()
            observer.join()

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
