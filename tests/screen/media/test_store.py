"""The store: whole or absent, known by content, never the last room of the card."""

import os
import shutil
from pathlib import Path

import pytest

from agent.screen.media import store as store_module
from agent.screen.media.medium import Medium, Record, Refusal, content_id, medium_id
from agent.screen.media.store import MediaStore, NoRoom, free_above_floor
from tests.screen.pictures import plain
from tests.screen.shelf import shelved
from tests.screen.taking_in import plenty

A, B, C = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "shown", free_bytes=plenty)


def enter(store: MediaStore, source: str, pages: int = 0) -> Record:
    """Something made of *source*."""
    ids = [medium_id(source, page) for page in range(1, pages + 1)] or [source]
    folder = store.empty_workshop()
    files = [folder / f"{number}.png" for number in range(len(ids))]
    for file in files:
        file.write_bytes(b"made")
    record = Record(source, tuple(Medium(id_, "", "image", 4, 1, 1) for id_ in ids))
    store.enter(record, files)
    return record


def visible(store: MediaStore) -> list[str]:
    return sorted(file.name for file in store.path.iterdir() if not file.name.startswith("."))


def test_what_was_made_is_found_by_its_id_and_nothing_by_a_crooked_one(store: MediaStore) -> None:
    medium = shelved(store, plain((200, 30, 30)))
    assert medium.id == content_id(plain((200, 30, 30)))
    assert store.find(medium.id) == (store.path / f"{medium.id}.png", "image/png")
    for crooked in ("", A, "../" + "a" * 29, f"{medium.id}.png", f"{medium.id}-0", f"{medium.id}-", f".{medium.id}"):
        assert store.find(crooked) is None


def test_what_became_of_a_content_is_known_to_the_next_life(store: MediaStore, tmp_path: Path) -> None:
    made, refused = enter(store, A, pages=3), Record(B, refusal=Refusal("", "pages", {"seen": 87, "limit": 20}))
    store.enter(refused)
    later = MediaStore(tmp_path / "shown")
    assert later.known(A) == made
    assert later.known(B) == refused
    assert later.known(C) is None


def test_another_version_of_the_software_decides_anew_what_it_refuses(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(store, A)
    store.enter(Record(B, refusal=Refusal("", "crashed", {"how": "SIGSEGV"})))
    monkeypatch.setattr(store_module, "__version__", "99.0")
    assert store.known(B) is None
    assert store.known(A) is not None, "what is shown stays as it is"


@pytest.mark.parametrize("rot", [b"", b"{", b"[]", b'{"refused": null, "media": [{"id": 1}]}', b"\xff\xfe"])
def test_a_damaged_record_is_as_good_as_none(store: MediaStore, rot: bytes) -> None:
    enter(store, A)
    [record] = list(store.path.glob(".a*"))
    record.write_bytes(rot)
    assert store.known(A) is None


def test_a_record_without_its_rendition_is_as_good_as_none(store: MediaStore) -> None:
    enter(store, A, pages=2)
    (store.path / f"{A}-2.png").unlink()
    assert store.known(A) is None


def test_what_nobody_refers_to_goes_with_its_record(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(store, A, pages=2)
    enter(store, B)
    monkeypatch.setattr(store_module, "GRACE_S", -1)
    store.keep([f"{A}-1"])
    assert visible(store) == [f"{A}-1.png"]
    assert store.known(B) is None
    store.keep([])
    assert [file.name for file in store.path.iterdir()] == [".work"]


def test_what_was_made_of_a_content_stays_as_long_as_that_is_needed(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "GRACE_S", 0.0)
    document, other = enter(store, "a" * 32, pages=2), enter(store, "b" * 32)
    store.keep((), {document.source})
    assert store.known(document.source) == document
    assert store.known(other.source) is None


def test_what_has_just_come_in_stays_before_anybody_refers_to_it(store: MediaStore) -> None:
    enter(store, A)
    store.keep([])
    assert visible(store) == [f"{A}.png"]


def test_refusals_are_remembered_but_not_without_end(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "REFUSED_KEPT", 2)
    store.empty_workshop()
    for number, source in enumerate((A, B, C)):
        store.enter(Record(source, refusal=Refusal("", "broken")))
        os.utime(store.path / f".{source}.refused", (number, number))
    store.keep([])
    assert [store.known(source) is not None for source in (A, B, C)] == [False, True, True]


def test_a_store_that_is_not_there_has_nothing_to_let_go_of(store: MediaStore) -> None:
    store.keep([])
    assert not store.path.exists()


def test_the_last_room_of_the_card_is_not_for_media(tmp_path: Path) -> None:
    store = MediaStore(tmp_path, free_bytes=lambda _: 1000)
    store.check_room(500)
    with pytest.raises(NoRoom):
        store.check_room(501)


@pytest.mark.parametrize(
    ("total_gb", "floor_gb"), [(8, 1), (32, 3.2), (1000, 8)], ids=["small card", "usual card", "laptop"]
)
def test_a_tenth_stays_free(tmp_path: Path, total_gb: float, floor_gb: float, monkeypatch: pytest.MonkeyPatch) -> None:
    total = int(total_gb * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(total, 0, total))
    assert total - free_above_floor(tmp_path) == int(floor_gb * 2**30)
