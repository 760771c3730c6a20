"""The review of a day: what the watchbook and the recordings tell of it, as the figures of every camera.

For any thread and any process, beside the running agent; nothing is written.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from agent.errors import TryAgain
from agent.rating.figures.opening import Span, common, union
from agent.settings.model import Camera
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.coverage import CoverageData, Loss, RecordedData, coverage, gaps, on_card
from agent.surveillance.coverage.footage import spans_in
from agent.surveillance.coverage.pulse import pulse_age
from agent.surveillance.coverage.watchbook import BOOK, boots
from agent.surveillance.process import folder_of


class Review(NamedTuple):
    """One camera in a stretch of opening hours."""

    figures: CoverageData
    gaps: list[Loss]


def review(
    folder: Path, cameras: Sequence[Camera], opening: Sequence[Span], *, until: datetime | None = None
) -> dict[str, Review]:
    """What the book in *folder*, if there is one, tells of *opening*, camera by camera; without those it does not know.

    Behind *cameras* come those that were there in that time, and are no more or have another name: all but what became
    of their recordings.

    The newest life of the agent lasts until *until*, which only that agent itself can say; else until its last sign.

    Raises:
        TryAgain: the book, or the index of a camera's recordings, cannot be read.
    """
    if not (folder / BOOK).exists():
        return {}
    with _open(folder) as db:
        book = _Book(db, folder, until)
        found = {}
        for camera in cameras:
            if fitted := book.fitted(camera.name):
                watched = common(opening, fitted)
                found[camera.name] = _seen(book, camera.name, watched, _recorded(camera, watched, book))
        for name in sorted(book.names - {camera.name for camera in cameras}):
            watched = common(opening, book.fitted(name))
            if watched:
                found[name] = _seen(book, name, watched)
        return found


def _seen(book: "_Book", camera: str, watched: Sequence[Span], recorded: RecordedData | None = None) -> Review:
    losses = book.losses(camera, Span(watched[0].start, watched[-1].end)) if watched else []
    return Review(coverage(losses, watched, recorded), gaps(losses, watched))


def _recorded(camera: Camera, watched: Sequence[Span], book: "_Book") -> RecordedData | None:
    if camera.record is None or not watched:
        return None
    span = Span(watched[0].start, watched[-1].end)
    there, expired = spans_in(folder_of(camera.name, camera.record), span, book.boots)
    return on_card(there, expired, watched)


@contextmanager
def _open(folder: Path) -> Iterator[sqlite3.Connection]:
    path = folder / BOOK
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("begin")  # all that is read is of one moment
            yield db
    except (sqlite3.Error, ValueError, KeyError) as error:
        raise TryAgain(f"{path}: {error}") from error


class _Life(NamedTuple):
    id: int
    boot: str
    booted: datetime
    span: Span


class _Book:
    """The watchbook at one moment."""

    def __init__(self, db: sqlite3.Connection, folder: Path, until: datetime | None) -> None:
        self._db = db
        self.boots = boots(db)
        self._lives: list[_Life] = []
        rows = db.execute("select id, boot, began, ended from life order by id").fetchall()
        for id_, boot, began, ended in rows:
            booted = self.boots[boot]
            start, end = booted + timedelta(seconds=began), booted + timedelta(seconds=ended)
            if id_ == rows[-1][0]:
                end = until or max(end, booted + timedelta(seconds=pulse_age(folder, id_, boot)))
            self._lives.append(_Life(id_, boot, booted, Span(start, end)))

    @property
    def until(self) -> datetime:
        """So far the book tells."""
        return self._lives[-1].span.end if self._lives else datetime.min.replace(tzinfo=UTC)

    @property
    def names(self) -> set[str]:
        """The cameras that ever were there."""
        return {name for (name,) in self._db.execute("select camera from fitted union select camera from gone")}

    def fitted(self, camera: str) -> list[Span]:
        """When *camera* was there, in order."""
        there = self._db.execute("select boot, age from fitted where camera = ?", (camera,)).fetchall()
        gone = self._db.execute("select boot, age, until_boot, until from gone where camera = ?", (camera,)).fetchall()
        return union(
            [
                *(Span(self._at(*since), max(self._at(*since), self.until)) for since in there),
                *(Span(self._at(boot, age), self._at(until_boot, until)) for boot, age, until_boot, until in gone),
            ]
        )

    def _at(self, boot: str, age: float) -> datetime:
        return self.boots[boot] + timedelta(seconds=age)

    def losses(self, camera: str, span: Span) -> list[Loss]:
        """When there was no valid video of *camera*: its lapses, and what lies between two lives."""
        found = []
        for number, life in enumerate(self._lives):
            if number:
                before = self._lives[number - 1]
                cause = Cause.AGENT if before.boot == life.boot else Cause.POWER
                if before.span.end < life.span.start:
                    found.append(Loss(cause, Span(before.span.end, life.span.start)))
            if life.span.end > span.start and life.span.start < span.end:
                found += self._lapses(camera, life, span)
        return found

    def _lapses(self, camera: str, life: _Life, span: Span) -> Iterator[Loss]:
        since, until = ((at - life.booted).total_seconds() for at in span)
        rows = self._db.execute(
            "select cause, since, until from lapse where life = ? and camera = ? and since < ?"
            " and (until is null or until > ?)",
            (life.id, camera, until, since),
        )
        for cause, first, last in rows:
            end = life.span.end if last is None else life.booted + timedelta(seconds=last)
            start = life.booted + timedelta(seconds=first)
            if start < end:
                yield Loss(Cause(cause), Span(start, end))
