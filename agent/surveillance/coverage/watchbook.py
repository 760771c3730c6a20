"""The watchbook: when there was no valid video of the counter, kept on the card.

Instants are kept as the age of a boot, which no setting of the clock changes; beside each boot stands when it began,
by the best clock that it ever had. So a box that learns the time at noon dates its morning right. A life of the agent
is a row too: what lies between two lives is a loss for every camera, to the power if the boot is another, else to the
agent. Of a camera that is in no lapse and in a life, there is valid video.

How long a life lasted is told by two pulses (`agent.surveillance.coverage.pulse`): every second in memory, where there
is a folder for that which outlives the agent, so a killed agent is dated to the second; and now and then on the card,
which is all that a power cut leaves. One thread writes; `agent.surveillance.coverage.review` reads. A damaged book is
put aside, and what it knew is gone; until somebody fits the cameras again, the new one knows nothing of this life
(`is_blank`).
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from agent.alive import LastLife
from agent.clock import Clock, ClockQuality, Moment
from agent.errors import TryAgain
from agent.event import stamp
from agent.surveillance.book import open_book, put_aside_if_damaged
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.pulse import Pulse, pulse_age

BOOK = "coverage.db"
KEEP = timedelta(days=100)
SURER = timedelta(seconds=0.2)
"""A boot's beginning that moves by less is not written again."""
_RANK = [ClockQuality.NONE, ClockQuality.FLOOR, ClockQuality.RTC, ClockQuality.NTP]

_SCHEMA = """
create table if not exists boot (boot text primary key, booted text not null, clock text not null);
create table if not exists life (id integer primary key, boot text not null, began real not null, ended real not null);
create table if not exists fitted (camera text primary key, boot text not null, age real not null);
create table if not exists gone (
    camera text not null, boot text not null, age real not null, until_boot text not null, until real not null
);
create table if not exists lapse (
    life integer not null, camera text not null, number integer not null, cause text not null,
    since real not null, until real, primary key (life, camera, number)
) without rowid;
"""


class Entry(NamedTuple):
    """A lapse of a camera in this life; told again, it stands in for what was told with its `number`."""

    camera: str
    number: int
    cause: Cause
    since: float
    """Seconds after this boot began, and so is `until`; None: still."""
    until: float | None


class Watchbook:
    """The writer's hand."""

    def __init__(self, folder: Path, clock: Clock, last: LastLife | None = None, *, memory: Path | None = None) -> None:
        """This life begins now; *last* is what the alive mark tells of the one before.

        *memory*: a folder that is none on the card, and is still there when the agent was killed.
        """
        self.folder = folder
        self._clock = clock
        self._last = last
        self.began = clock.read()
        self._db: sqlite3.Connection | None = None
        self._card, self._memory = Pulse(folder), Pulse(memory) if memory is not None else None
        self._life: int | None = None
        self._told: tuple[ClockQuality, datetime] | None = None

    def close(self) -> None:
        """Idempotent."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        for pulse in self._pulses():
            pulse.close()

    @property
    def is_blank(self) -> bool:
        """Nothing of this life stands in the book: the cameras are to be fitted, and what is still so told again."""
        return self._life is None

    def fit(self, cameras: Collection[str]) -> None:
        """From now on these cameras are there, and no others. The first time, this life is entered too.

        One that is no longer there, or has another name, was there until now, or until the last life ended.

        Raises:
            TryAgain: the disk refuses.
        """
        with self._transaction() as db:
            age = self._clock.read().age.total_seconds()
            life, end = self._life or self._begin_life(db), (self._clock.boot, age)
            if self._life is None:
                before = db.execute("select boot, ended from life where id < ? order by id desc", (life,))
                end = before.fetchone() or end
            known = {camera for (camera,) in db.execute("select camera from fitted")}
            for camera in known - set(cameras):
                db.execute("insert into gone select *, ?, ? from fitted where camera = ?", (*end, camera))
                db.execute("delete from fitted where camera = ?", (camera,))
            new = [(camera, self._clock.boot, age) for camera in cameras if camera not in known]
            db.executemany("insert into fitted values (?, ?, ?)", new)
        self._life = life

    def enter(self, entries: Iterable[Entry]) -> None:
        """Keep *entries*, and what the clock has learned of this boot.

        Raises:
            TryAgain: the disk refuses, or the book is blank; nothing was kept.
        """
        now = self._clock.read()
        entries, is_news = list(entries), self._is_news(now)
        if not (entries or is_news) and self._db is not None:
            return
        with self._transaction() as db:
            if self._life is None:
                raise TryAgain("nothing of this life stands in it")
            db.executemany(
                "insert into lapse values (?, ?, ?, ?, ?, ?) on conflict do update"
                " set cause = excluded.cause, until = excluded.until",
                [(self._life, *entry) for entry in entries],
            )
            if is_news:
                self._learn(db, now)

    def beat(self, *, is_kept: bool) -> None:
        """This life lasts until now. What is kept is written on the card.

        Raises:
            TryAgain: the disk refuses.
        """
        if self._life is None:
            return
        for pulse in self._pulses():
            if is_kept or pulse is not self._card:
                pulse.beat(self._life, self._clock.boot, self._clock.read().age.total_seconds())

    def _pulses(self) -> list[Pulse]:
        return [self._card] if self._memory is None else [self._card, self._memory]

    # -- the database ------------------------------------------------------------------------------

    @property
    def _path(self) -> Path:
        return self.folder / BOOK

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything or nothing."""
        try:
            self._db = self._db or self._open()
            self._db.execute("begin immediate")
            yield self._db
            self._db.execute("commit")
        except (OSError, sqlite3.Error, TryAgain) as error:
            self.close()
            self._told = None
            if put_aside_if_damaged(self._path, error):
                self._life = None
            raise TryAgain(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        """The book; a new one if this life is not in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        db = open_book(self._path, _SCHEMA)
        if (self._clock.boot,) not in db.execute("select boot from life where id = ?", (self._life,)):
            self._life = None
        return db

    def _begin_life(self, db: sqlite3.Connection) -> int:
        """Enter this life; the one before ended with its last sign, and so did what was open in it."""
        found = db.execute("select id, boot, ended from life order by id desc limit 1").fetchone()
        if found is not None:
            life, boot, ended = found
            signs = [ended, *(pulse_age(pulse.path.parent, life, boot) for pulse in self._pulses())]
            if self._last is not None and self._last.boot == boot:
                signs.append(self._last.moment.age.total_seconds())
            db.execute("update life set ended = ? where id = ?", (max(signs), life))
            db.execute("update lapse set until = max(since, ?) where life = ? and until is null", (max(signs), life))
        number, age = (found[0] if found is not None else 0) + 1, self.began.age.total_seconds()
        db.execute("insert into life values (?, ?, ?, ?)", (number, self._clock.boot, age, age))
        self._learn(db, self._clock.read())
        self._forget(db)
        return number

    def _is_news(self, now: Moment) -> bool:
        return self._told is None or self._told[0] is not now.quality or abs(self._told[1] - now.booted) > SURER

    def _learn(self, db: sqlite3.Connection, now: Moment) -> None:
        """When this boot began: a better clock's word stands, and of equals the newest."""
        found = db.execute("select clock from boot where boot = ?", (self._clock.boot,)).fetchone()
        if found is None or _RANK.index(now.quality) >= _RANK.index(ClockQuality(found[0])):
            db.execute(
                "insert or replace into boot values (?, ?, ?)", (self._clock.boot, stamp(now.booted), now.quality)
            )
        self._told = (now.quality, now.booted)

    def _forget(self, db: sqlite3.Connection) -> None:
        """What is long over goes; by a clock that is to be believed."""
        now = self._clock.read()
        if not now.quality.is_trusted:
            return
        began = boots(db)
        for life, boot, ended in db.execute("select id, boot, ended from life").fetchall():
            if boot in began and began[boot] + timedelta(seconds=ended) < now.at - KEEP:
                db.execute("delete from lapse where life = ?", (life,))
                db.execute("delete from life where id = ?", (life,))
        for row, boot, until in db.execute("select rowid, until_boot, until from gone").fetchall():
            if boot in began and began[boot] + timedelta(seconds=until) < now.at - KEEP:
                db.execute("delete from gone where rowid = ?", (row,))
        db.execute(
            "delete from boot where boot not in (select boot from life union select boot from fitted"
            " union select boot from gone union select until_boot from gone)"
        )


def boots(db: sqlite3.Connection) -> dict[str, datetime]:
    return {
        boot: datetime.fromisoformat(booted).astimezone(UTC)
        for boot, booted in db.execute("select boot, booted from boot")
    }
