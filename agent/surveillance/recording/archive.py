"""The archive: which recordings there are, and which there were.

An index in SQLite beside the recordings. A row stays for a hundred days when its file has expired, so that "recorded
and expired" is never taken for "never recorded". The files are the truth about what can be played: an index that is
damaged is put aside and made anew from them. One thread.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.clock import BUILT, Moment
from agent.errors import TryAgain
from agent.event import stamp
from agent.surveillance.book import open_book, put_aside_if_damaged
from agent.surveillance.recording.retention import Limits, Recording, expired

INDEX = "recordings.db"
REMEMBERED = timedelta(days=100)
"""An expired recording is forgotten so long after it was made: no earlier day is asked for."""
_PORTION = 64
"""Recordings looked at together when some have to go."""
_SCHEMA = """
create table if not exists recording (
    id integer primary key, file text not null unique,
    began_at text not null, ended_at text not null, clock text not null, booted text not null,
    boot text not null, size_bytes integer not null, pictures integer not null, expired_at text
);
create index if not exists recording_there on recording (id) where expired_at is null;
create index if not exists recording_when on recording (began_at);
create index if not exists recording_unsure on recording (boot, booted) where clock not in ('ntp', 'rtc');
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A segment as it is entered: when it was recorded, by a clock that may be put right later."""

    file: str
    """Its path below the archive's folder."""
    began_at: datetime
    ended_at: datetime
    told: Moment
    """What the clock said when this was known."""
    boot: str
    size_bytes: int
    pictures: int


@dataclass(frozen=True, slots=True)
class Stock:
    """What can be played."""

    since: datetime | None
    """When the oldest was recorded; None: there is nothing."""
    size_bytes: int


class Archive:
    """The recordings below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create the index, and enter the recordings that it does not know: nobody was there to be told.

        Raises:
            TryAgain: the disk refuses.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._db = open_book(self.folder / INDEX, _SCHEMA)
            self._catch_up()
        except (OSError, sqlite3.Error) as error:
            self.close()
            put_aside_if_damaged(self.folder / INDEX, error)
            raise TryAgain(f"{self.folder}: {error}") from error

    def close(self) -> None:
        """Idempotent."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def enter(self, segment: Finished) -> None:
        """Keep *segment*; entering it again changes nothing, but for what was only guessed from its file.

        Raises:
            TryAgain: the disk refuses.
        """
        self._execute(
            "insert into recording (file, began_at, ended_at, clock, booted, boot, size_bytes, pictures)"
            " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (file) do update set began_at = excluded.began_at,"
            " ended_at = excluded.ended_at, clock = excluded.clock, booted = excluded.booted, boot = excluded.boot,"
            " size_bytes = excluded.size_bytes, pictures = excluded.pictures",
            segment.file,
            stamp(segment.began_at),
            stamp(segment.ended_at),
            segment.told.quality,
            stamp(segment.told.booted),
            segment.boot,
            segment.size_bytes,
            segment.pictures,
        )

    def recordings(self, *, limit: int = -1) -> list[Recording]:
        """What can be played, in the order of recording.

        Raises:
            TryAgain: the disk refuses.
        """
        return self._dated(
            self._execute(
                "select id, file, ended_at, size_bytes, boot, clock in ('ntp', 'rtc') from recording"
                " where expired_at is null order by id limit ?",
                limit,
            )
        )

    def _dated(self, rows: Sequence[Any]) -> list[Recording]:
        """What *rows* tell, each dated by a clock that can be believed: its own, or that of a later one."""
        if not rows:
            return []
        later = self._execute(
            "select ended_at from recording where id > ? and clock in ('ntp', 'rtc') order by id limit 1", rows[-1][0]
        )
        ended_at = datetime.fromisoformat(later[0][0]) if later else None
        found = []
        for id_, file, said, size_bytes, boot, is_sure in reversed(rows):
            said_at = datetime.fromisoformat(said)
            if is_sure or (not boot and said_at >= BUILT):  # a file's own time, where it can be right
                ended_at = said_at
            found.append(Recording(id_, file, ended_at, size_bytes))
        return found[::-1]

    def stock(self) -> Stock:
        """What there is.

        Raises:
            TryAgain: the disk refuses.
        """
        oldest = self._execute("select began_at from recording where expired_at is null order by id limit 1")
        return Stock(datetime.fromisoformat(oldest[0][0]) if oldest else None, self.size_bytes())

    def size_bytes(self) -> int:
        """What all recordings take.

        Raises:
            TryAgain: the disk refuses.
        """
        ((total,),) = self._execute("select coalesce(sum(size_bytes), 0) from recording where expired_at is null")
        return int(total)

    def keep_to(self, limits: Limits, moment: Moment) -> int:
        """Let go of what has to go by *limits*; how many recordings that were.

        Raises:
            TryAgain: the disk refuses.
        """
        gone = 0
        now = moment.at if moment.quality.is_trusted else None
        while True:
            portion = list(
                expired(
                    self.recordings(limit=_PORTION),
                    limits,
                    total_bytes=self.size_bytes(),
                    free_bytes=_free_bytes(self.folder),
                    now=now,
                )
            )
            for recording in portion:
                self._let_go(recording, moment)
            gone += len(portion)
            if len(portion) < _PORTION:
                return gone

    def put_right(self, moment: Moment, boot: str) -> None:
        """*moment* can be believed: date what was entered in the same *boot* by a clock that could not.

        Raises:
            TryAgain: the disk refuses.
        """
        unsure = self._execute(
            "select id, began_at, ended_at, booted from recording where boot = ? and clock not in ('ntp', 'rtc')", boot
        )
        if not unsure:
            return
        self._execute("begin immediate")
        for id_, *said in unsure:
            began_at, ended_at, booted = map(datetime.fromisoformat, said)
            moved = moment.booted - booted
            self._execute(
                "update recording set began_at = ?, ended_at = ?, booted = ?, clock = ? where id = ?",
                stamp(began_at + moved),
                stamp(ended_at + moved),
                stamp(moment.booted),
                moment.quality,
                id_,
            )
        self._execute("commit")

    def forget(self, now: datetime) -> None:
        """Forget what expired and was recorded long before *now*, which can be believed.

        Raises:
            TryAgain: the disk refuses.
        """
        rows = self._execute(
            "select id, file, ended_at, size_bytes, boot, clock in ('ntp', 'rtc') from recording"
            " where expired_at is not null order by id limit ?",
            _PORTION,
        )
        for each in self._dated(rows):
            if each.ended_at is None or each.ended_at >= now - REMEMBERED:
                return
            self._execute("delete from recording where id = ?", each.id)

    def make_room(self, limits: Limits) -> int:
        """Let go of the oldest files until what is to be free is free, without the index, which on a full disk can
        neither be written nor opened; it catches up when it is opened again. How many files that were.

        Raises:
            TryAgain: the disk refuses.
        """
        try:
            missing = limits.free_bytes - _free_bytes(self.folder)
            if missing <= 0:
                return 0
            self.close()
            gone = 0
            found = sorted((status.st_mtime, path, status.st_size) for path, status in self._files())
            for _, path, size_bytes in found:
                _remove(path)
                gone += 1
                missing -= size_bytes
                if missing <= 0:
                    break
        except OSError as error:
            raise TryAgain(f"{self.folder}: {error}") from error
        return gone

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        return ((path, path.stat()) for path in self.folder.rglob("*.mp4"))

    def _let_go(self, recording: Recording, moment: Moment) -> None:
        try:
            _remove(self.folder / recording.file)
        except OSError as error:
            raise TryAgain(f"{self.folder / recording.file}: {error.strerror}") from error
        self._execute("update recording set expired_at = ? where id = ?", stamp(moment.at), recording.id)

    def _catch_up(self) -> None:
        """The files are the truth: what went without the index has expired, and what it does not know is entered."""
        gone = [
            (id_,)
            for id_, file in self._reach().execute("select id, file from recording where expired_at is null")
            if not (self.folder / file).exists()
        ]
        self._reach().executemany("update recording set expired_at = ended_at where id = ?", gone)
        unknown = [
            (found.st_mtime, path, found)
            for path, found in self._files()
            if not self._execute("select 1 from recording where file = ?", str(path.relative_to(self.folder)))
        ]
        for _, path, found in sorted(unknown):
            ended_at = stamp(datetime.fromtimestamp(found.st_mtime).astimezone())
            self._execute(
                "insert into recording (file, began_at, ended_at, clock, booted, boot, size_bytes, pictures)"
                " values (?, ?, ?, 'none', ?, '', ?, 0) on conflict (file) do nothing",
                str(path.relative_to(self.folder)),
                ended_at,
                ended_at,
                ended_at,
                found.st_size,
            )

    def _reach(self) -> sqlite3.Connection:
        if self._db is None:
            self.open()
        if self._db is None:
            raise TryAgain(f"{self.folder} is closed")
        return self._db

    def _execute(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._reach().execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self.close()
            put_aside_if_damaged(self.folder / INDEX, error)
            raise TryAgain(f"{self.folder / INDEX}: {error}") from error


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()  # a day's folder, when it was the last


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
