"""The schema grows by whole steps; one that was interrupted is finished at the next start."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.event import Lane, Stream
from agent.outbox import schema
from agent.outbox.database import VERSION
from tests.outbox.conftest import fact, outbox_at, seqs


def test_the_version_is_the_number_of_steps() -> None:
    assert len(schema.STEPS._migrations) == VERSION


@pytest.mark.parametrize("step", range(VERSION))
def test_a_migration_that_failed_in_a_step_is_finished_at_the_next_open(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    outbox = outbox_at(tmp_path / "outbox.db", clock)
    whole = schema.STEPS._migrations[step].fn

    def half(db: object) -> None:
        whole(db)  # type: ignore[arg-type] # sqlite-utils' own protocol
        raise sqlite3.OperationalError("disk I/O error")

    with closing(outbox):
        with monkeypatch.context() as patch:
            patch.setattr(schema.STEPS._migrations[step], "fn", half)
            with pytest.raises(TryAgain, match="disk I/O error"):
                outbox.open()
        assert outbox.append(fact(clock))[0].seq == 1
        assert seqs(outbox) == [1]


@pytest.mark.parametrize("step", range(VERSION))
def test_a_process_killed_between_two_steps_leaves_a_database_that_the_next_one_finishes(
    tmp_path: Path, clock: ManualClock, step: int
) -> None:
    path = tmp_path / "outbox.db"
    program = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from agent.clock import ManualClock
from agent.outbox import schema
from agent.outbox.store import Outbox
migration = schema.STEPS._migrations[{step}]
whole = migration.fn
def fatal(db):
    whole(db)
    os.kill(os.getpid(), signal.SIGKILL)
migration.fn = fatal
Outbox(Path({str(path)!r}), province="40", agent="na-0123", clock=ManualClock(datetime.now(UTC)), keep_days=0).open()
"""
    done = subprocess.run([sys.executable, "-c", program], env=os.environ, check=False)
    assert done.returncode == -9
    outbox = outbox_at(path, clock)
    with closing(outbox):
        assert outbox.append(fact(clock))[0].seq == 1
        assert outbox.next_session() == 1
        assert outbox.open_commands() == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma user_version").fetchone() == (VERSION,)
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)


def test_opening_twice_migrates_once(tmp_path: Path, clock: ManualClock) -> None:
    outbox = outbox_at(tmp_path / "outbox.db", clock)
    outbox.open()
    epoch = outbox.epoch
    outbox.append(fact(clock))
    outbox.close()
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute(f"pragma user_version = {VERSION - 1}")  # killed after the last step, before saying so
    with closing(outbox):
        outbox.open()
        assert outbox.epoch == epoch
        assert len(outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 9)) == 1
