"""A book: a small SQLite database on a card that power cuts hurt. What is damaged is put aside for whoever wants to
look, and a new book is begun; what the old one knew is gone, and the writer goes on.
"""

import logging
import sqlite3
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""Somebody else writes."""


def open_book(path: Path, schema: str) -> sqlite3.Connection:
    """The book at *path*, whose tables *schema* makes unless they are there; a damaged one is put aside first.

    Raises:
        sqlite3.Error, OSError: the disk refuses.
    """
    try:
        return _connect(path, schema)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        _put_aside(path, error)
        return _connect(path, schema)


def put_aside_if_damaged(path: Path, error: Exception) -> bool:
    """*error* came of the book at *path*, which its writer has closed: whether that one is gone."""
    is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    if is_damaged:
        _put_aside(path, error)
    return is_damaged


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.executescript(schema)
    except BaseException:
        db.close()
        raise
    return db


def _put_aside(path: Path, error: Exception) -> None:
    log.error("%s is put aside: %s", path, error)
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{path}.damaged{suffix}")
