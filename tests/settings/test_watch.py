"""Saving the file is enough, however an editor saves."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.settings import watch as rules
from agent.settings.watch import ConfigWatch, Stamp, stamp
from tests.eventually import eventually
from tests.rating.running import running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LOOK_S", 0.05)
    monkeypatch.setattr(rules, "SETTLE_S", 0.01)


class Reader:
    """Who reads the file when it is told of a change, as the app does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: Stamp = stamp(path)
        self.texts: list[str | None] = []

    def again(self) -> None:
        self.read = stamp(self.path)
        self.texts.append(self.path.read_text() if self.path.exists() else None)


@contextmanager
def watching(path: Path) -> Iterator[Reader]:
    reader = Reader(path)
    with running(ConfigWatch(path, read=lambda: reader.read, changed=reader.again)):
        yield reader


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_replacing(path: Path, text: str) -> None:
    new = path.with_name(".new")
    new.write_text(text)
    new.replace(path)


def by_removing(path: Path, text: str) -> None:
    path.rename(path.with_name("config.yaml~"))
    path.write_text(text)


@pytest.mark.parametrize("save", [in_place, by_replacing, by_removing])
def test_a_saved_file_is_asked_for_once_it_is_whole(tmp_path: Path, save: Callable[[Path, str], None]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    with watching(path) as reader:
        for text in ("new one", "another new one"):
            save(path, text)
            eventually(lambda: reader.texts and reader.texts[-1] == text)  # noqa: B023 - asked within the round


def test_what_was_saved_before_it_began_to_watch_is_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    reader = Reader(path)
    by_replacing(path, "saved while the agent started")
    with running(ConfigWatch(path, read=lambda: reader.read, changed=reader.again)):
        eventually(lambda: reader.texts == ["saved while the agent started"])


def test_a_file_that_came_back_as_it_was_is_read_again(tmp_path: Path) -> None:
    """A backup moved back has its old inode, time and size."""
    path = tmp_path / "config.yaml"
    path.write_text("good")
    backup = path.with_name("backup")
    with watching(path) as reader:
        os.link(path, backup)
        by_replacing(path, "bad")
        eventually(lambda: reader.texts == ["bad"])
        backup.replace(path)
        eventually(lambda: reader.texts == ["bad", "good"])


def test_other_files_in_its_folder_are_nobodys_business(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    with watching(path) as reader:
        for number in range(20):
            (tmp_path / f"other-{number}").write_text("x")
        by_replacing(path, "new")
        eventually(lambda: reader.texts)
    assert reader.texts == ["new"]


def test_a_file_that_went_is_told_and_its_return_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old")
    with watching(path) as reader:
        path.unlink()
        eventually(lambda: reader.texts == [None])
        path.write_text("new")
        eventually(lambda: reader.texts[-1] == "new")
