"""What the book of missed video knows after kills, power cuts, wrong clocks and damage."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.alive import Ending, LastLife
from agent.clock import ClockQuality, ManualClock
from agent.errors import TryAgain
from agent.rating.figures.opening import Span
from agent.settings.model import Camera, Record
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.pulse import PULSE
from agent.surveillance.coverage.review import Review, review
from agent.surveillance.coverage.watchbook import BOOK, KEEP, Entry, Watchbook
from agent.surveillance.process import folder_of
from agent.surveillance.recording.archive import Archive, Finished
from agent.surveillance.recording.retention import Limits
from tests.rating.days import ZONE, at
from tests.surveillance.conftest import camera

QUAY = camera("sim")
DAY = [Span(at(8), at(16))]
Begin = Callable[..., Watchbook]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at(7))


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """A life of the agent."""

    def make(clock: ManualClock, last: LastLife | None = None) -> Watchbook:
        (tmp_path / "run").mkdir(exist_ok=True)
        book = Watchbook(tmp_path, clock, last, memory=tmp_path / "run")
        book.fit(["quay"])
        book.beat(is_kept=True)
        return book

    return make


def told(folder: Path, until: datetime | None = None, *, settings: Camera = QUAY, day: list[Span] = DAY) -> Review:
    return review(folder, [settings], day, until=until)["quay"]


def lapse(clock: ManualClock, cause: Cause, first: float, last: float | None, number: int = 1) -> Entry:
    """*cause* from *first* to *last* hours of the day."""
    start = clock.read().booted.astimezone(ZONE)
    since, until = (
        None if hour is None else (at(0) + timedelta(hours=hour) - start).total_seconds() for hour in (first, last)
    )
    assert since is not None
    return Entry("quay", number, cause, since, until)


def test_a_day_without_a_lapse_is_covered_whole(begin: Begin, clock: ManualClock, tmp_path: Path) -> None:
    begin(clock)
    figures = told(tmp_path, at(17)).figures
    assert (figures.opening_s, figures.percent, figures.gaps) == (8 * 3600, 100.0, {})


def test_a_lapse_that_is_told_again_stands_in_for_what_was_told(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    book.enter([lapse(clock, Cause.STALL, 9, None)])
    assert told(tmp_path, at(10)).figures.gaps[Cause.STALL].seconds == 3600
    book.enter([lapse(clock, Cause.NETWORK, 9, 9.5)])
    figures = told(tmp_path, at(17)).figures
    assert {cause: each.seconds for cause, each in figures.gaps.items()} == {Cause.NETWORK: 1800}
    assert figures.percent == 93.75


def test_a_killed_agent_is_a_gap_from_its_last_pulse_and_ends_what_was_open(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    book.enter([lapse(clock, Cause.TAMPER, 9, None)])
    clock.advance(3 * 3600)
    book.beat(is_kept=False)
    book.close()
    clock.advance(600)
    begin(clock)
    figures = told(tmp_path, at(17)).figures
    assert {cause: each.seconds for cause, each in figures.gaps.items()} == {Cause.AGENT: 600, Cause.TAMPER: 3600}


def test_a_killed_agent_is_dated_to_the_second_though_the_card_is_written_seldom(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    clock.advance(3 * 3600)
    book.beat(is_kept=True)
    kept = (tmp_path / PULSE).stat()
    clock.advance(9)
    book.beat(is_kept=False)
    assert (tmp_path / PULSE).stat().st_mtime_ns == kept.st_mtime_ns
    book.close()
    clock.advance(60)
    begin(clock)
    assert told(tmp_path, at(17)).gaps[0].span.start == at(10, 0, 9)


def test_a_power_cut_is_dated_right_by_a_box_that_learns_the_time_later(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    clock.advance(3 * 3600)
    book.beat(is_kept=True)
    book.close()
    after = ManualClock(at(10, 1), boot="fedcba987654", quality=ClockQuality.FLOOR)  # it is eleven
    book = begin(after)
    after.advance(60)
    book.enter([Entry("quay", 1, Cause.POWER, 1000.0, 1030.0), Entry("quay", 2, Cause.STALL, 1040.0, 1050.0)])
    after.set_wall(at(11, 1), ClockQuality.NTP)
    book.enter([])
    found = told(tmp_path, at(17)).gaps
    assert [(gap.cause, gap.span.start, gap.span.seconds) for gap in found] == [
        (Cause.POWER, at(10), 3630.0),
        (Cause.STALL, at(11, 0, 40), 10.0),
    ]


def test_a_clock_that_is_set_back_and_forth_moves_no_gap(begin: Begin, clock: ManualClock, tmp_path: Path) -> None:
    book = begin(clock)
    first = lapse(clock, Cause.STALL, 9, 9.25)
    clock.set_wall(at(7, days=-400), ClockQuality.NONE)
    book.enter([first])
    assert told(tmp_path, at(17)).gaps[0].span == Span(at(9), at(9, 15))
    clock.set_wall(at(7), ClockQuality.NTP)
    book.enter([])
    assert told(tmp_path, at(17)).gaps[0].span == Span(at(9), at(9, 15))


def test_a_pulse_that_was_torn_is_none_and_the_alive_mark_dates_the_end(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    clock.advance(3 * 3600)
    book.beat(is_kept=True)
    book.close()
    line = (tmp_path / PULSE).read_bytes()
    for folder in (tmp_path, tmp_path / "run"):
        (folder / PULSE).write_bytes(line[:20] + b"x" + line[21:])
    last = LastLife(Ending.KILLED, clock.boot, clock.read().before(30))
    clock.advance(60)
    begin(clock, last)
    assert told(tmp_path, at(17)).figures.gaps[Cause.AGENT].seconds == 90


def test_beside_a_dead_agent_the_book_tells_until_its_last_pulse(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    clock.advance(2 * 3600)
    book.beat(is_kept=True)
    assert told(tmp_path).figures.opening_s == 3600


def test_nothing_is_said_of_the_time_before_a_camera_was_fitted(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    clock.advance(5 * 3600)
    book.fit(["quay", "hall"])
    found = review(tmp_path, [QUAY, QUAY.model_copy(update={"name": "hall"})], DAY, until=at(16))
    assert {name: each.figures.opening_s for name, each in found.items()} == {"quay": 8 * 3600, "hall": 4 * 3600}


def test_a_camera_that_has_another_name_or_is_no_more_is_told_for_the_hours_in_which_it_was_there(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    book = begin(clock)
    book.enter([lapse(clock, Cause.STALL, 9, 9.25)])
    clock.advance(3 * 3600)
    book.fit(["hall"])
    clock.advance(2 * 3600)
    book.beat(is_kept=True)
    book.close()
    clock.advance(3600)
    Watchbook(tmp_path, clock).fit(["gate"])
    found = review(tmp_path, [QUAY.model_copy(update={"name": "gate"})], DAY, until=at(16))
    assert {name: each.figures.opening_s / 3600 for name, each in found.items()} == {"gate": 3, "hall": 2, "quay": 2}
    assert [gap.span for gap in found["quay"].gaps] == [Span(at(9), at(9, 15))]
    assert list(review(tmp_path, [], [Span(at(13), at(16))], until=at(16))) == ["gate"]


def test_where_no_book_was_begun_nothing_is_told(tmp_path: Path) -> None:
    assert review(tmp_path, [QUAY], DAY, until=at(16)) == {}


def test_a_disk_that_refuses_is_tried_again(clock: ManualClock, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where the folder should be")
    book = Watchbook(blocked, clock)
    with pytest.raises(TryAgain):
        book.fit(["quay"])
    blocked.unlink()
    book.fit(["quay"])
    assert told(blocked, at(17)).figures.percent == 100.0


def test_a_damaged_book_is_put_aside_and_a_new_one_begun(begin: Begin, clock: ManualClock, tmp_path: Path) -> None:
    begin(clock).close()
    (tmp_path / BOOK).write_bytes(b"no database" * 1000)
    clock.advance(2 * 3600)
    begin(clock)
    assert told(tmp_path, at(17)).figures.opening_s == 7 * 3600
    assert (tmp_path / f"{BOOK}.damaged").exists()


def test_what_is_long_over_is_forgotten(begin: Begin, clock: ManualClock, tmp_path: Path) -> None:
    book = begin(clock)
    book.enter([lapse(clock, Cause.STALL, 9, 9.25)])
    book.close()
    clock.advance(KEEP.total_seconds() + 86_400)
    begin(clock).close()
    clock.advance(60)
    begin(clock).close()
    with closing(sqlite3.connect(tmp_path / BOOK)) as db:
        assert db.execute("select count(*) from lapse").fetchone() == (0,)
        assert db.execute("select count(*) from life").fetchone() == (2,)


def test_recorded_and_expired_is_kept_apart_from_never_recorded(
    begin: Begin, clock: ManualClock, tmp_path: Path
) -> None:
    settings = QUAY.model_copy(update={"record": Record(path=tmp_path / "recordings")})
    assert settings.record is not None
    book = begin(clock)
    archive = Archive(folder_of("quay", settings.record))
    for number, hour in enumerate((8, 9, 10)):
        moment = clock.read()
        archive.enter(Finished(f"{number}.mp4", at(hour), at(hour + 1), moment, clock.boot, 10, 36_000))
    clock.set_wall(clock.now() + timedelta(minutes=30), ClockQuality.NTP)  # all of it was half an hour later
    book.enter([])
    clock.advance(12 * 3600)
    archive.keep_to(Limits(keep_days=15, limit_bytes=20, free_bytes=0), clock.read())
    archive.close()
    recorded = told(tmp_path, at(17), settings=settings).figures.recorded
    assert recorded is not None
    assert (recorded.there_s, recorded.expired_s, recorded.never_s) == (2 * 3600, 3600, 5 * 3600)
