"""How the province's files of events and votes are opened: durable, with a log that readers do not hold up."""

import sqlite3
import time
from pathlib import Path

from agent.errors import PersonMustAct

PATIENCE_S = 5.0
"""Somebody else has the file."""


def connect(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """The database at *path*, made unless it is there.

    Raises:
        PersonMustAct: it cannot be opened or made, is something else, or others do not let go of it.
    """
    db = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S, check_same_thread=check_same_thread)
        _begin_log(db)
        db.execute("pragma synchronous = full")
    except (OSError, sqlite3.Error) as error:
        if db is not None:
            db.close()
        raise PersonMustAct(f"{path}: {error}") from error
    return db


def _begin_log(db: sqlite3.Connection) -> None:
    """A new file gets its write-ahead log once; SQLite itself does not wait for who reads it at that moment."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            db.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
            time.sleep(0.02)
