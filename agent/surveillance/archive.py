"""The archive: which recordings there are, and which there were.

An index in SQLite beside the recordings. A row stays when its file has expired, so that "recorded and expired" is
never taken for "never recorded". The files are the truth about what can be played: an index that is damaged
is put aside and made anew from them. One thread.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.clock import Moment
from agent.errors import TryAgain
from agent.event import stamp
from agent.rating.opening import Span
from agent.surveillance.book import open_book, put_aside_if_damaged
from agent.surveillance.retention import Limits, Recording, expired

INDEX = "index.db"
NEAR = timedelta(days=1)
"""No recording is as long, and no clock that is believed drifts so far."""
_PORTION = 64
"""Recordings looked at together when some have to go."""
_SCHEMA = """
create table if not exists recording (
    id integer primary key, camera text not null, file text not null unique,
    began_at text not null, ended_at text not null, clock text not null, booted text not null,
    boot text not null, size_bytes integer not null, pictures integer not null, expired_at text
);
create index if not exists recording_there on recording (id) where expired_at is null;
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A segment as it is entered: when it was recorded, by a clock that may be put right later."""

    camera: str
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
            "insert into recording (camera, file, began_at, ended_at, clock, booted, boot, size_bytes, pictures)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (file) do update set began_at = excluded.began_at,"
            " ended_at = excluded.ended_at, clock = excluded.clock, booted = excluded.booted, boot = excluded.boot,"
            " size_bytes = excluded.size_bytes, pictures = excluded.pictures",
            segment.camera,
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
        rows = self._execute(
            "select id, file, ended_at, size_bytes from recording where expired_at is null order by id limit ?", limit
        )
        return [Recording(id_, file, datetime.fromisoformat(ended_at), size) for id_, file, ended_at, size in rows]

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
                "insert into recording (camera, file, began_at, ended_at, clock, booted, boot, size_bytes, pictures)"
                " values (?, ?, ?, ?, 'none', ?, '', ?, 0) on conflict (file) do nothing",
                self.folder.name,
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


def spans_in(folder: Path, span: Span, boots: Mapping[str, datetime]) -> tuple[list[Span], list[Span]]:
    """When the recordings in *folder* were made, as far as in *span*: those that can be played, and those that expired.

    *boots*: when each boot began, where that is known better than when a recording was entered. What was found without
    anybody having told when it began is left out.

    Raises:
        TryAgain: the index cannot be read.
    """
    there: list[Span] = []
    expired: list[Span] = []
    path = folder / INDEX
    if not path.exists():
        return there, expired
    near = [stamp(at) for at in (span.start - NEAR, span.end + NEAR)]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "select began_at, ended_at, booted, boot, expired_at from recording"
                " where began_at < ended_at and (began_at between ? and ? or clock not in ('ntp', 'rtc'))",
                near,
            ).fetchall()
    except sqlite3.Error as error:
        raise TryAgain(f"{path}: {error}") from error
    for began_at, ended_at, booted, boot, expired_at in rows:
        began, ended, said = map(datetime.fromisoformat, (began_at, ended_at, booted))
        moved = boots[boot] - said if boot in boots else timedelta()
        (there if expired_at is None else expired).append(Span(began + moved, ended + moved))
    return there, expired


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()  # a day's folder, when it was the last


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
