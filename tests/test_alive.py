"""The alive mark is whole or it is not there, and says how the life before ended."""

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.alive import AliveMark, Ending, last_life, read_mark, write_mark
from agent.clock import ClockQuality, Moment

AT = datetime(2026, 9, 1, 8, 15, 0, 250_000, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
MARK = AliveMark("9f2c00000000", Moment(AT, ClockQuality.NTP, AT - timedelta(seconds=3600.5)), AT, is_clean=False)


def test_a_mark_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_mark(tmp_path / "alive.json", MARK)
    assert read_mark(tmp_path / "alive.json") == MARK
    assert [path.name for path in tmp_path.iterdir()] == ["alive.json"]


def test_a_person_can_read_it(tmp_path: Path) -> None:
    write_mark(tmp_path / "alive.json", MARK)
    assert json.loads((tmp_path / "alive.json").read_text()) == {
        "boot": "9f2c00000000",
        "age_s": 3600.5,
        "at": "2026-09-01T08:15:00.250+07:00",
        "clock": "ntp",
        "floor": "2026-09-01T08:15:00.250+07:00",
        "clean": False,
    }


def test_no_file_is_no_mark(tmp_path: Path) -> None:
    assert read_mark(tmp_path / "alive.json") is None
    assert read_mark(tmp_path) is None


@given(st.integers(0, len(MARK.encode()) - 3))
def test_a_torn_mark_is_no_mark(length: int) -> None:
    with pytest.raises(ValueError, match="not an alive mark"):
        AliveMark.decode(MARK.encode()[:length])


@given(st.binary())
def test_garbage_is_no_mark(body: bytes) -> None:
    with pytest.raises(ValueError, match="not an alive mark"):
        AliveMark.decode(body)


@given(
    st.sampled_from(["boot", "age_s", "at", "clock", "floor", "clean"]),
    st.one_of(
        st.none(),
        st.integers(),
        st.floats(),
        st.text(),
        st.lists(st.integers()),
        st.sampled_from(["2026-09-01T08:15:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]),
    ),
)
def test_a_mark_with_a_strange_value_is_refused_or_can_be_used(key: str, value: Any) -> None:
    body = json.dumps({**json.loads(MARK.encode()), key: value}).encode()
    try:
        mark = AliveMark.decode(body)
    except ValueError:
        return
    assert mark.moment.at.astimezone(UTC) - mark.moment.booted == mark.moment.age
    assert mark.floor.tzinfo is UTC
    assert AliveMark.decode(mark.encode()).boot == mark.boot


@pytest.mark.parametrize("refusing", ["fsync", "write"])
def test_a_disk_that_refuses_leaves_the_mark_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    path = tmp_path / "alive.json"
    write_mark(path, MARK)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*{"fsync": (os, "fsync", refuse), "write": (Path, "open", refuse)}[refusing])
    with pytest.raises(OSError, match="No space"):
        write_mark(path, AliveMark("other", MARK.moment, AT, is_clean=True))
    monkeypatch.undo()
    assert read_mark(path) == MARK


def test_the_file_is_flushed_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename that overtakes the bytes tears the mark at a power cut; one that is not flushed is undone by it."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(number: int) -> None:
        done.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink().name}")
        fsync(number)

    def note_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write_mark(tmp_path / "alive.json", MARK)
    assert done == ["fsync .alive.json.new", "rename", f"fsync {tmp_path.name}"]


@pytest.mark.parametrize(
    ("is_clean", "boot", "ending"),
    [
        (True, "9f2c00000000", Ending.CLEAN),
        (True, "another", Ending.CLEAN),
        (False, "9f2c00000000", Ending.KILLED),
        (False, "another", Ending.POWER),
    ],
)
def test_how_a_life_ended_follows_from_its_mark_and_the_boot(is_clean: bool, boot: str, ending: Ending) -> None:
    life = last_life(AliveMark(MARK.boot, MARK.moment, AT, is_clean), boot)
    assert life is not None
    assert (life.ending, life.boot, life.moment) == (ending, MARK.boot, MARK.moment)


def test_a_first_life_has_none_before_it() -> None:
    assert last_life(None, "9f2c00000000") is None
