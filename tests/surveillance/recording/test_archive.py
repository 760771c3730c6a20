"""The archive on real files: what can be played, what has expired, and an index that breaks."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.clock import ClockQuality, Moment
from agent.errors import TryAgain
from agent.rating.figures.opening import Span
from agent.surveillance.coverage.footage import spans_in
from agent.surveillance.recording.archive import INDEX, REMEMBERED, Archive, Finished, Stock
from agent.surveillance.recording.retention import Limits

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
MOMENT = Moment(NOW, ClockQuality.NTP, NOW - timedelta(hours=5))
EVERYTHING = Limits(keep_days=15, limit_bytes=10**12, free_bytes=0)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path / "video")
    made.open()
    yield made
    made.close()


def record(archive: Archive, number: int, *, age_days: float = 0, size_bytes: int = 100) -> Path:
    file = f"quay/202609{number:02}/081500-1-{number}.mp4"
    path = archive.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size_bytes)
    end = NOW - timedelta(days=age_days)
    archive.enter(Finished(file, end - timedelta(minutes=1), end, MOMENT, "boot", size_bytes, 600))
    return path


def test_a_recording_is_found_again_after_a_restart(archive: Archive) -> None:
    record(archive, 1)
    archive.close()
    again = Archive(archive.folder)
    again.open()
    assert [each.file for each in again.recordings()] == ["quay/20260901/081500-1-1.mp4"]
    assert again.size_bytes() == 100
    again.close()


def test_entering_a_recording_twice_changes_nothing(archive: Archive) -> None:
    record(archive, 1)
    record(archive, 1)
    assert len(archive.recordings()) == 1


def test_what_can_be_played_is_known_by_its_age_and_size(archive: Archive) -> None:
    assert archive.stock() == Stock(None, 0)
    record(archive, 1, age_days=20)
    record(archive, 2, age_days=3)
    assert archive.stock() == Stock(NOW - timedelta(days=20, minutes=1), 200)
    archive.keep_to(EVERYTHING, MOMENT)
    assert archive.stock() == Stock(NOW - timedelta(days=3, minutes=1), 100)


def test_an_expired_recording_is_remembered_as_one_that_was_there(archive: Archive) -> None:
    old, new = record(archive, 1, age_days=20), record(archive, 2)
    assert archive.keep_to(EVERYTHING, MOMENT) == 1
    assert not old.exists()
    assert not old.parent.exists()
    assert new.exists()
    assert len(archive.recordings()) == 1
    with closing(sqlite3.connect(archive.folder / INDEX)) as db:
        assert db.execute("select count(*), count(expired_at) from recording").fetchone() == (2, 1)


def test_hundreds_go_at_once_when_the_limit_was_lowered(archive: Archive) -> None:
    for number in range(1, 300):
        record(archive, number)
    assert archive.keep_to(Limits(15, 1000, free_bytes=0), MOMENT) == 289
    assert archive.size_bytes() == 1000
    assert archive.keep_to(Limits(15, 1000, free_bytes=0), MOMENT) == 0


def test_a_full_disk_makes_video_go_and_never_what_is_not_video(archive: Archive) -> None:
    record(archive, 1)
    other = archive.folder / "index-of-somebody-else"
    other.write_bytes(b"x")
    assert archive.keep_to(Limits(15, 10**12, free_bytes=2**62), MOMENT) == 1
    assert other.exists()
    assert archive.recordings() == []


def test_a_file_that_somebody_deleted_does_not_stop_retention(archive: Archive) -> None:
    record(archive, 1, age_days=20).unlink()
    assert archive.keep_to(EVERYTHING, MOMENT) == 1


def test_a_damaged_index_is_put_aside_and_made_anew_from_the_files(archive: Archive) -> None:
    path = record(archive, 1)
    archive.close()
    (archive.folder / INDEX).write_bytes(b"no database at all" * 100)
    again = Archive(archive.folder)
    again.open()
    assert [(each.file, each.size_bytes) for each in again.recordings()] == [
        (str(path.relative_to(archive.folder)), 100)
    ]
    assert (archive.folder / f"{INDEX}.damaged").exists()
    again.close()


def test_a_recording_of_which_nobody_was_told_is_found_and_expires_like_the_others(archive: Archive) -> None:
    record(archive, 1, age_days=20)
    archive.close()
    untold = archive.folder / "20260902" / "081600-ab.mp4"
    untold.parent.mkdir()
    untold.write_bytes(b"x" * 50)
    before = (NOW - timedelta(days=19)).timestamp()
    os.utime(untold, (before, before))
    archive.open()
    assert {each.file: each.size_bytes for each in archive.recordings()} == {
        "quay/20260901/081500-1-1.mp4": 100,
        "20260902/081600-ab.mp4": 50,
    }
    assert archive.keep_to(EVERYTHING, MOMENT) == 2
    assert not untold.exists()


def test_what_was_guessed_from_a_file_is_put_right_when_it_is_told(archive: Archive) -> None:
    path = record(archive, 1)
    archive._execute("delete from recording")
    archive.close()
    archive.open()
    record(archive, 1)
    (found,) = archive.recordings()
    assert (found.file, found.ended_at) == (str(path.relative_to(archive.folder)), NOW)


def test_an_index_that_rots_while_it_is_used_is_made_anew(archive: Archive) -> None:
    for number in range(1, 200):
        record(archive, number)
    archive.close()
    index = archive.folder / INDEX
    content = bytearray(index.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    index.write_bytes(content)
    with pytest.raises(TryAgain):
        archive.recordings()
    assert len(archive.recordings()) == 199


def test_a_disk_that_refuses_asks_to_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "video").write_bytes(b"a file in the folder's place")
    with pytest.raises(TryAgain, match="video"):
        Archive(tmp_path / "video").open()


LOST = Moment(datetime(1970, 1, 1, 1, tzinfo=UTC), ClockQuality.NONE, datetime(1970, 1, 1, tzinfo=UTC))
"""An hour after a boot without a clock."""


def record_lost(archive: Archive, number: int, *, boot: str) -> Path:
    """Recorded by a clock that nobody can believe."""
    path = archive.folder / f"19700101/{number:06}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 100)
    file = str(path.relative_to(archive.folder))
    archive.enter(Finished(file, LOST.at - timedelta(minutes=1), LOST.at, LOST, boot, 100, 600))
    return path


def test_what_was_recorded_before_the_network_told_the_time_is_dated_by_it_and_stays_its_days(archive: Archive) -> None:
    path = record_lost(archive, 1, boot="boot")
    archive.put_right(MOMENT, "boot")
    assert [recording.ended_at for recording in archive.recordings()] == [MOMENT.booted + timedelta(hours=1)]
    assert archive.keep_to(EVERYTHING, MOMENT) == 0
    later = Moment(NOW + timedelta(days=16), ClockQuality.NTP, MOMENT.booted)
    assert archive.keep_to(EVERYTHING, later) == 1
    assert not path.exists()


def test_what_nobody_can_date_is_no_older_than_what_was_recorded_after_it(archive: Archive) -> None:
    record_lost(archive, 1, boot="another")
    archive.put_right(MOMENT, "boot")
    assert archive.keep_to(EVERYTHING, MOMENT) == 0
    record(archive, 2, age_days=14)
    assert archive.keep_to(EVERYTHING, MOMENT) == 0
    later = Moment(NOW + timedelta(days=2), ClockQuality.NTP, MOMENT.booted)
    assert archive.keep_to(EVERYTHING, later) == 2


def test_what_expired_is_forgotten_after_a_hundred_days(archive: Archive) -> None:
    record(archive, 1, age_days=99)
    record(archive, 2, age_days=20)
    record(archive, 3)
    archive.keep_to(EVERYTHING, MOMENT)
    archive.forget(NOW)
    assert count(archive) == 3
    archive.forget(NOW + REMEMBERED - timedelta(days=98))
    assert count(archive) == 2
    archive.forget(NOW + 2 * REMEMBERED)
    assert [recording.file[-5:] for recording in archive.recordings()] == ["3.mp4"]
    assert count(archive) == 1


def count(archive: Archive) -> int:
    with closing(sqlite3.connect(archive.folder / INDEX)) as db:
        (number,) = db.execute("select count(*) from recording").fetchone()
    return int(number)


def test_of_a_day_only_what_was_recorded_near_it_is_read_whatever_the_clock_said(archive: Archive) -> None:
    record(archive, 1)
    record(archive, 2, age_days=3)
    for number in range(3, 60):
        record_lost(archive, number, boot=f"boot-{number}")
    boots = {f"boot-{number}": NOW - timedelta(days=number) for number in range(3, 60)}
    there, expired = spans_in(archive.folder, Span(NOW - timedelta(hours=1), NOW), boots)
    assert there == [Span(NOW - timedelta(minutes=1), NOW)]
    there, expired = spans_in(archive.folder, Span(NOW - timedelta(days=9), NOW - timedelta(days=9, hours=-1)), boots)
    minute = Span(NOW - timedelta(days=9) + timedelta(minutes=59), NOW - timedelta(days=9) + timedelta(hours=1))
    assert minute in there
    assert len(there) == 3  # a day before and after are near
    assert expired == []
