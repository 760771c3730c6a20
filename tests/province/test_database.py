"""The province's files: made while somebody looks, and refused in words."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import PersonMustAct
from agent.province import database
from agent.province.database import connect


def held_open(path: Path) -> sqlite3.Connection:
    """Somebody who is in the middle of reading a file that has no log yet."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("create table it (was integer)")
    other.execute("begin")
    other.execute("select * from it").fetchall()
    return other


def test_a_file_that_somebody_reads_at_that_moment_is_waited_for(tmp_path: Path) -> None:
    with closing(held_open(tmp_path / "new.db")) as other:
        leaving = threading.Timer(0.3, lambda: other.execute("commit"))
        leaving.start()
        with closing(connect(tmp_path / "new.db")) as db:
            assert db.execute("pragma journal_mode").fetchone() == ("wal",)
            assert db.execute("pragma synchronous").fetchone() == (2,)
        leaving.join()


def test_one_that_is_never_let_go_of_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.1)
    with closing(held_open(tmp_path / "new.db")), pytest.raises(PersonMustAct, match=r"new\.db: database is locked"):
        connect(tmp_path / "new.db")


def test_what_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "photo.db").write_bytes(b"\xff\xd8" * 1000)
    with pytest.raises(PersonMustAct, match=r"photo\.db: file is not a database"):
        connect(tmp_path / "photo.db")
    (tmp_path / "file").touch()
    with pytest.raises(PersonMustAct, match="file"):
        connect(tmp_path / "file" / "province.db")
