"""An ingest with its service in a thread, as the agent runs it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.screen.media.ingest import Ingest, IngestService
from agent.screen.media.store import MediaStore


def plenty(_: Path) -> int:
    """Room without end."""
    return 2**50


@contextmanager
def running_ingest(path: Path, free_bytes: Callable[[Path], int] = plenty) -> Iterator[Ingest]:
    """An ingest into a store at *path* that takes in what it is handed."""
    ingest = Ingest(MediaStore(path, free_bytes=free_bytes))
    with serving(ingest):
        yield ingest


@contextmanager
def serving(ingest: Ingest) -> Iterator[None]:
    service, stop = IngestService(ingest), threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,), name="ingest")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(service.goodbye_s)
        assert not thread.is_alive(), "the ingest did not say goodbye in time"
