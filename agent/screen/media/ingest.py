"""Ingest: the one way in, whoever brings a file: the watched folder, a stick, the province.

Files are developed one at a time, each in a process of its own (`agent.screen.media.darkroom`), so that no file can
take a rating along and none keeps the board busy beside the others. What is known by its content is not
decoded again; a file that makes its darkroom crash is refused by content, until it changes. While nothing waits,
what was taken in is looked after.

`Ingest` may be used from any thread and outlives its service, which does the work on a thread of its own.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from agent.errors import TryAgain
from agent.screen.media.develop import Refused, develop
from agent.screen.media.medium import Record, Refusal, Refusals, shown_name
from agent.screen.media.store import MediaStore
from agent.screen.media.upkeep import Upkeep
from agent.service import Service

WAIT_S = 1.0


class Ingest:
    """Files on their way in, and what became of them."""

    def __init__(self, store: MediaStore) -> None:
        self.store = store
        self.refusals = Refusals()
        """What is not shown, for whoever tells people."""
        self._upkeep = Upkeep(store)
        self._waiting: queue.SimpleQueue[tuple[Path, Future[Record]]] = queue.SimpleQueue()

    def submit(self, file: Path) -> "Future[Record]":
        """Have *file* looked into when its turn comes; never waits. May be cancelled until then.

        The future gives a record under the file's own name, or raises NoRoom, another TryAgain (it changed while
        it was read, or the agent stops) or OSError (the store cannot be written).
        """
        future: Future[Record] = Future()
        self._waiting.put((file, future))
        return future

    def work(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Do what waits, until *stop*; *beat* is called at least once a second."""

        def turn() -> None:
            beat()
            if stop.is_set():
                raise TryAgain("the agent stops")

        if self.store.workshop.is_dir():
            with suppress(OSError):  # half a film of an earlier life; a disk that refuses says so with the first file
                self.store.empty_workshop()
        while not stop.is_set():
            beat()
            try:
                file, future = self._waiting.get(timeout=WAIT_S)
            except queue.Empty:
                self._upkeep.step()
            else:
                if future.set_running_or_notify_cancel():
                    self._serve(file, future, turn)

    def _serve(self, file: Path, future: "Future[Record]", turn: Callable[[], None]) -> None:
        try:
            future.set_result(self._record(file, turn).named(shown_name(file.name)))
        except (TryAgain, OSError) as error:
            future.set_exception(error)
        finally:
            if not future.done():
                future.set_exception(TryAgain("the ingest ended"))

    def _record(self, file: Path, turn: Callable[[], None]) -> Record:
        """What became of *file*, now or before."""
        with suppress(OSError):  # the darkroom will say why it cannot be read
            self.store.check_room(file.stat().st_size)
        workshop = self.store.empty_workshop()
        try:
            made = develop(file, workshop, known=self._stop_if_known, turn=turn)
            return self.store.enter(Record(made.source, made.media), made.files)
        except _Known as known:
            return known.record
        except Refused as refused:
            record = Record(refused.source, refusal=Refusal("", refused.reason, refused.values))
            return self.store.enter(record) if refused.source else record
        finally:
            self.store.empty_workshop()

    def _stop_if_known(self, source: str, size_bytes: int) -> None:
        known = self.store.known(source)
        if known is not None:
            raise _Known(known)
        self.store.check_room(size_bytes)


class _Known(Exception):
    """This content has been here before."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record


class IngestService(Service):
    """The thread on which files are taken in."""

    name = "ingest"

    def __init__(self, ingest: Ingest) -> None:
        super().__init__()
        self._ingest = ingest

    def run(self, stop: threading.Event) -> None:
        self._ingest.work(stop, self.progress.beat)
