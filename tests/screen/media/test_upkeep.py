"""Upkeep: bytes that a card has lost are found, and nothing else is ever let go of."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.screen.media import upkeep
from agent.screen.media.medium import Medium, content_id
from agent.screen.media.store import MediaStore
from agent.screen.media.upkeep import PIECE_BYTES, Upkeep
from tests.eventually import eventually
from tests.screen.documents import pdf
from tests.screen.pictures import noise, plain
from tests.screen.shelf import shelved
from tests.screen.taking_in import plenty, running_ingest


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MediaStore:
    monkeypatch.setattr(upkeep, "ROUND_S", 0.0)
    return MediaStore(tmp_path / "shown", free_bytes=plenty)


def file_of(store: MediaStore, medium: Medium) -> Path:
    found = store.find(medium.id)
    assert found is not None
    return found[0]


def flip(file: Path, at: int) -> None:
    """One bit, as a worn card does it: same length, same times."""
    times = file.stat()
    body = bytearray(file.read_bytes())
    body[at] ^= 4
    with file.open("r+b") as opened:
        opened.write(body)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def go_round(store: MediaStore, steps: int = 40) -> Upkeep:
    keeper = Upkeep(store)
    for _ in range(steps):
        keeper.step()
    return keeper


def test_a_bit_that_fell_is_found_wherever_it_was(store: MediaStore) -> None:
    media = [shelved(store, noise((1900, 1000))) for _ in range(3)]
    assert media[0].bytes > PIECE_BYTES, "it is read in pieces"
    for medium, at in zip(media, (0, media[1].bytes // 2, -1), strict=True):
        flip(file_of(store, medium), at)
    go_round(store)
    assert store.losses == 3
    assert [store.find(medium.id) for medium in media] == [None] * 3
    assert store.known(media[0].id) is None, "it is to be made again"


def test_what_is_as_it_was_made_stays_and_is_read_again_and_again(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    poster, page = shelved(store, plain((9, 9, 9))), shelved(store, pdf((595, 842)))
    go_round(store)
    assert store.losses == 0
    assert store.has([poster, page])
    monkeypatch.setattr(upkeep, "ROUND_S", 3600.0)
    keeper = go_round(store)
    flip(file_of(store, page), 20)
    for _ in range(40):
        keeper.step()
    assert store.losses == 0, "between two rounds it rests"


@pytest.mark.parametrize("damage", [lambda file: os.truncate(file, 10), lambda file: file.write_bytes(b"")])
def test_a_file_that_was_cut_is_found(store: MediaStore, damage: Callable[[Path], None]) -> None:
    medium = shelved(store, noise((400, 300)))
    damage(file_of(store, medium))
    go_round(store)
    assert store.losses == 1


def test_what_goes_or_is_made_anew_while_it_is_read_is_no_loss(store: MediaStore) -> None:
    data = noise((1900, 1000))
    medium = shelved(store, data)
    for replace in (lambda: shelved(store, data), lambda: file_of(store, medium).unlink()):
        keeper = Upkeep(store)
        keeper.step()
        keeper.step()
        replace()
        for _ in range(40):
            keeper.step()
    assert store.losses == 0


def test_reading_keeps_nothing_that_nobody_needs(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    medium = shelved(store, plain((9, 9, 9)))
    monkeypatch.setattr("agent.screen.media.store.GRACE_S", -1)
    go_round(store)
    store.keep([])
    assert store.find(medium.id) is None


def test_an_ingest_that_has_nothing_to_do_looks_after_what_it_took_in(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.screen.media.ingest.WAIT_S", 0.01)
    medium = shelved(store, plain((9, 9, 9)))
    flip(file_of(store, medium), 30)
    with running_ingest(store.path) as running:
        eventually(lambda: running.store.losses == 1)
    assert store.known(content_id(plain((9, 9, 9)))) is None
