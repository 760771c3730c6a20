"""The sets on the disk: active in one step or not at all, never older, and back by order."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.screen.content.manifest import ContentRefused, Word, parsed
from agent.screen.content.sets import STATE, Sets
from agent.screen.media.store import MediaStore
from tests.screen.content.words import NOTICE, a_set, file_item
from tests.screen.pictures import plain
from tests.screen.shelf import shelved

BLUE, GREEN = plain((0, 0, 128)), plain((0, 128, 0))


def word(*items: Any, version: int = 1) -> Word:
    return parsed(a_set(*items, version=version).text())


OLD, NEW = word(file_item("cũ.png", BLUE), version=1), word(NOTICE, file_item("mới.png", GREEN), version=2)


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    store = MediaStore(tmp_path / "screen")
    shelved(store, BLUE)
    shelved(store, GREEN)
    return store


@pytest.fixture
def sets(tmp_path: Path, store: MediaStore) -> Sets:
    return Sets(tmp_path / "content", store)


def names(sets: Sets) -> list[str]:
    return [entry.name for entry in sets.entries()]


def test_nothing_is_shown_before_anything_came(sets: Sets) -> None:
    assert (sets.entries(), sets.kept(), sets.lost) == ((), [], None)
    assert not sets.roll_back(is_order=True)
    assert not sets.folder.exists()


def test_a_set_plays_as_the_province_listed_it_and_over_restarts(sets: Sets, store: MediaStore) -> None:
    sets.activate(NEW)
    assert names(sets) == ["Nghỉ Tết", "mới.png"]
    assert {entry.origin for entry in sets.entries()} == {"province"}
    assert sets.entries() is sets.entries()
    again = Sets(sets.folder, store)
    assert again.entries() == sets.entries()
    assert not again.judge(NEW)


def test_an_older_word_however_genuine_changes_nothing(sets: Sets) -> None:
    sets.activate(NEW)
    for other in (OLD, word(NOTICE, version=2)):
        with pytest.raises(ContentRefused, match="older"):
            sets.judge(other)
    assert sets.judge(word(NOTICE, version=3))


def test_by_order_the_set_before_plays_again_and_the_one_taken_back_never_does(sets: Sets, store: MediaStore) -> None:
    sets.activate(OLD)
    sets.activate(NEW)
    assert sets.roll_back(is_order=True)
    assert names(sets) == ["cũ.png"]
    for life in (sets, Sets(sets.folder, store)):
        with pytest.raises(ContentRefused, match="withdrawn"):
            life.judge(NEW)
        assert life.lost is None
        assert not life.judge(OLD)
    assert not sets.roll_back(is_order=True), "there was nothing before that"
    assert names(sets) == ["cũ.png"]
    sets.activate(word(NOTICE, version=3))
    assert names(sets) == ["Nghỉ Tết"]


def test_a_set_taken_back_while_it_was_being_mended_stays_back(sets: Sets) -> None:
    sets.activate(OLD)
    sets.activate(NEW)
    sets.loading = NEW
    assert sets.roll_back(is_order=True)
    with pytest.raises(ContentRefused, match="withdrawn"):
        sets.activate(NEW)
    assert names(sets) == ["cũ.png"]


def test_an_active_word_that_was_damaged_is_taken_when_it_comes_again(sets: Sets, store: MediaStore) -> None:
    sets.activate(NEW)
    (sets.folder / f"{NEW.digest}.word").write_bytes(b"damaged")
    again = Sets(sets.folder, store)
    assert names(again) == []
    assert again.missing(NEW) == [], "its files are all here"
    assert again.judge(NEW)
    again.activate(NEW)
    assert names(again) == ["Nghỉ Tết", "mới.png"]


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_set_gives_way_to_the_one_before_and_is_fetched_again(
    sets: Sets, store: MediaStore, damage: str
) -> None:
    sets.activate(OLD)
    sets.activate(NEW)
    medium = sets.entries()[1].media[0]
    found = store.find(medium.id)
    assert found is not None
    found[0].unlink() if damage == "gone" else os.truncate(found[0], 10)
    again = Sets(sets.folder, store)
    assert not again.check(lambda: None)
    assert names(again) == ["Nghỉ Tết"], "what is left of it plays"
    assert again.roll_back(is_order=False)
    assert names(again) == ["cũ.png"]
    assert again.lost == NEW
    assert again.missing(NEW) == list(NEW.manifest.files)
    assert again.judge(NEW)
    shelved(store, GREEN)
    again.activate(NEW)
    assert names(again) == ["Nghỉ Tết", "mới.png"]
    assert again.check(lambda: None)
    assert again.pointer.previous == OLD.digest


def test_on_a_card_that_went_read_only_a_damaged_set_ends_nothing(
    sets: Sets, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets.activate(NEW)
    found = store.find(sets.entries()[1].media[0].id)
    assert found is not None
    os.truncate(found[0], 10)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert not sets.check(lambda: None)


def test_a_damaged_set_with_nothing_before_it_is_fetched_again(sets: Sets, store: MediaStore) -> None:
    sets.activate(NEW)
    for medium in sets.kept():
        found = store.find(medium.id)
        assert found is not None
        found[0].unlink()
    assert not sets.check(lambda: None)
    assert not sets.roll_back(is_order=False)
    assert sets.lost == NEW
    assert sets.judge(NEW)


def test_what_is_active_before_it_and_on_its_way_is_kept_in_the_store(sets: Sets, store: MediaStore) -> None:
    third = plain((128, 0, 0))
    medium = shelved(store, third)
    sets.activate(OLD)
    sets.activate(NEW)
    sets.loading = word(file_item("đến.png", third), version=3)
    assert len(sets.kept()) == 3
    assert medium.id in {each.id for each in sets.kept()}
    sets.activate(sets.loading)
    assert len(sets.kept()) == 2
    assert len(list(sets.folder.glob("*.word"))) == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"active": 3}', b'{"floor": "x"}', b"\xff", b'{"a": 1}'])
def test_a_damaged_pointer_shows_nothing_and_stumbles_over_nothing(sets: Sets, store: MediaStore, body: bytes) -> None:
    sets.activate(NEW)
    (sets.folder / STATE).write_bytes(body)
    again = Sets(sets.folder, store)
    assert again.entries() == ()
    assert again.judge(NEW)


def test_a_word_that_was_changed_on_the_disk_is_not_shown(sets: Sets, store: MediaStore) -> None:
    sets.activate(NEW)
    path = sets.folder / f"{NEW.digest}.word"
    path.write_text(path.read_text().replace("Nghỉ Tết", "Nghỉ Hè"))
    assert Sets(sets.folder, store).entries() == ()


CUT = """
import os, sys
from pathlib import Path
from agent.screen.content.sets import Sets
from agent.screen.media.store import MediaStore
from tests.screen.content.test_sets import NEW, names

def killed(real, left):
    def call(*args, **kwargs):
        if left[0] == 0:
            os.kill(os.getpid(), 9)
        left[0] -= 1
        return real(*args, **kwargs)
    return call

folder, store = Path(sys.argv[1]), MediaStore(Path(sys.argv[2]))
for step in range(60):
    if (child := os.fork()) == 0:
        sets, left = Sets(folder, store), [step]
        for name in ("fsync", "rename", "replace", "unlink", "open", "fchmod"):
            setattr(os, name, killed(getattr(os, name), left))
        sets.activate(NEW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    again = Sets(folder, store)
    print(os.waitstatus_to_exitcode(status), again.check(lambda: None), "|".join(names(again)))
    if status == 0:
        break
"""


def test_a_kill_at_any_step_of_the_activation_leaves_the_old_set_or_the_new_one(sets: Sets, store: MediaStore) -> None:
    sets.activate(OLD)
    done = subprocess.run(
        [sys.executable, "-c", CUT, str(sets.folder), str(store.path)], check=True, capture_output=True, text=True
    )
    lives = [line.split(" ", 2) for line in done.stdout.splitlines()]
    assert len(lives) > 6
    assert [code for code, _, _ in lives] == ["-9"] * (len(lives) - 1) + ["0"]
    assert {(whole, shown) for _, whole, shown in lives} == {("True", "cũ.png"), ("True", "Nghỉ Tết|mới.png")}
    assert json.loads((sets.folder / STATE).read_bytes())["active"] == NEW.digest
