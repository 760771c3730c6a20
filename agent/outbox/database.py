"""The SQLite file under the outbox: how it is opened, what its errors mean, and how a damaged one is replaced.

Durable is what `commit` returned for: WAL with `synchronous=FULL`, both read back at every open. The WAL
is grown to its full size once and then overwritten, because a growing file costs a journal write of the
file system on every commit. Knows nothing of events.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import PersonMustAct
from agent.files import flush_folder

VERSION = 6
"""How many schema steps this code expects (`agent.outbox.schema`)."""
PAGE_BYTES = 512
"""The smallest there is: a commit writes whole pages to the card, also those that only say where others are.
A rating of 570 bytes costs 7 KB for life; with pages of 1 KiB, each holding one rating, 11 KB."""
WAL_PAGES = 2000
"""Checkpoint every so many pages."""
RESERVE_BYTES = 2 * 1024 * 1024
"""Given back to the file system when the disk is full: room for some four thousand ratings."""
KEPT_DAMAGED = 2
"""Damaged files kept for whoever wants to look; older ones are removed."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the database at *path*, durable and with the newest schema.

    Raises:
        sqlite3.Error: the disk refuses, or the file is damaged (see `is_damage`).
        PersonMustAct: the folder cannot be written, or the file is from a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PersonMustAct(f"{path.parent}: {error.strerror}; the outbox needs a folder it may write") from error
    with _in_sqlites_words():
        _finish_replacement(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5, cached_statements=64)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(f"pragma page_size = {PAGE_BYTES}")
    mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
    connection.execute("pragma synchronous = full")
    if mode != "wal" or connection.execute("pragma synchronous").fetchone()[0] != 2:
        raise PersonMustAct(f"{path}: this file system refuses SQLite's write-ahead log")
    connection.execute("pragma secure_delete = on")  # a vote that left the ballot box leaves no bytes where it lay
    connection.execute(f"pragma wal_autocheckpoint = {WAL_PAGES}")
    found = connection.execute("pragma user_version").fetchone()[0]
    if found > VERSION:
        raise PersonMustAct(f"{path} was written by a newer version (schema {found}, this one knows {VERSION})")
    if found < VERSION:
        from agent.outbox.schema import migrate  # noqa: PLC0415 - sqlite-utils is slow to import

        migrate(connection)
        connection.execute(f"pragma user_version = {VERSION}")
    _grow_wal(connection, path)


def _grow_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Write the WAL to its full size once, so that no later commit has to grow the file."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size >= WAL_PAGES * (PAGE_BYTES + 24):
        return
    connection.execute("begin immediate")
    connection.execute("create table growth (filler blob)")
    connection.execute("insert into growth values (zeroblob(?))", (WAL_PAGES * PAGE_BYTES,))
    connection.execute("drop table growth")
    connection.execute("commit")
    connection.execute("pragma wal_checkpoint(restart)").fetchone()


def is_damage(error: BaseException | None) -> bool:
    """Whether *error* says that the file is not what SQLite wrote (malformed, or no database at all)."""
    code = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, sqlite3.DatabaseError) and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: BaseException | None) -> bool:
    """Whether *error* says that the disk is full."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the rows take; pages freed inside the file are not counted, they are used again."""
    pages = connection.execute("pragma page_count").fetchone()[0]
    free = connection.execute("pragma freelist_count").fetchone()[0]
    return int(pages - free) * PAGE_BYTES


def draft_beside(path: Path) -> Path:
    """Where a database that is to replace the one at *path* is written; nothing is there."""
    draft = path.with_name(f"{path.name}.draft")
    with _in_sqlites_words():
        _remove(draft)
    return draft


def replace(path: Path, draft: Path, mark: str) -> None:
    """Put the database at *path* aside, under the name of `aside`, and the closed one at *draft* in its place.

    Until the draft is renamed the old database is all there; from then on `connect` finishes what was begun.
    """
    with _in_sqlites_words():
        draft.rename(path.with_name(f"{path.name}.after-{mark}"))
        flush_folder(path.parent)
        _finish_replacement(path)


def _finish_replacement(path: Path) -> None:
    for new in sorted(path.parent.glob(f"{path.name}.after-*")):
        old = aside(path, new.name.rpartition(".after-")[2])
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(old.with_name(old.name + suffix))
        flush_folder(path.parent)  # the new database must not meet the old one's log
        new.rename(path)
        flush_folder(path.parent)
        older = sorted(path.parent.glob(f"{path.name}.damaged-*[!mw]"), key=lambda file: file.stat().st_mtime)
        for file in older[:-KEPT_DAMAGED]:
            _remove(file)


_SUFFIXES = ("-wal", "-shm", "")


def aside(path: Path, mark: str) -> Path:
    """Where the database at *path* is kept for whoever wants to look, once it was replaced."""
    return path.with_name(f"{path.name}.damaged-{mark}")


@contextmanager
def _in_sqlites_words() -> Iterator[None]:
    """What the file system refuses is told as SQLite would tell it."""
    try:
        yield
    except OSError as error:
        raise sqlite3.OperationalError(f"{error.filename}: {error.strerror}") from error


def _remove(path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class Reserve:
    """A file that holds space for ratings and is given up when the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_there(self) -> bool:
        return self._path.exists()

    def release(self) -> bool:
        """Give the space back; False when it was given back before."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def make(self) -> None:
        """Take the space again where there is plenty; does nothing where there is not."""
        if self.is_there:
            return
        try:
            found = os.statvfs(self._path.parent)
            if found.f_bavail * found.f_frsize < 4 * RESERVE_BYTES:
                return
            handle = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(handle, 0, RESERVE_BYTES)
            finally:
                os.close(handle)
        except OSError:
            self._path.unlink(missing_ok=True)
