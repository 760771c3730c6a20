"""The watched folder: when a file counts as copied, what is remembered of it, and what plays meanwhile."""

import errno
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.screen.media import folder, ingest
from agent.screen.media.develop import Developed, Refused
from agent.screen.media.folder import AGAIN_S, CHANCE_S, MediaFolder
from agent.screen.media.ingest import Ingest
from agent.screen.media.medium import Offer, content_id
from agent.screen.media.store import MediaStore
from tests.eventually import eventually
from tests.screen.documents import pdf
from tests.screen.pictures import noise, plain
from tests.screen.shelf import develop_here
from tests.screen.taking_in import plenty, running_ingest, serving

LONG_AGO = 1_000_000_000.0
NOW = LONG_AGO + 1000


class Box:
    """A watched folder and its ingest."""

    def __init__(self, path: Path, running: Ingest) -> None:
        self.path = path / "media"
        self.path.mkdir(exist_ok=True)
        self.ingest = running
        self.folder = MediaFolder(self.path, running)

    def put(self, name: str, data: bytes, *, at: float = LONG_AGO) -> None:
        (self.path / name).write_bytes(data)
        os.utime(self.path / name, (at, at))

    def look(self, monotonic: float = 0.0, *, wall_s: float = NOW) -> Offer:
        return self.folder.look(wall_s=wall_s, monotonic=monotonic)

    def settled(self, monotonic: float = 0.0, *, wall_s: float = NOW) -> Offer:
        """What there is at that moment once everything that can be looked into has been."""

        def quiet() -> Offer | None:
            offer = self.look(monotonic, wall_s=wall_s)
            return None if offer.is_settling else offer

        return eventually(quiet, within_s=20)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "develop", develop_here)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with running_ingest(tmp_path / "shown") as running:
        yield Box(tmp_path, running)


@pytest.fixture
def idle(tmp_path: Path) -> Box:
    """A box whose ingest is not running: whatever is handed in waits."""
    return Box(tmp_path, Ingest(MediaStore(tmp_path / "shown", free_bytes=plenty)))


def handed_in(box: Box) -> int:
    return box.ingest._waiting.qsize()


def names(offer: Offer) -> list[str]:
    return [medium.name for medium in offer.media]


def test_files_come_in_the_order_of_their_names_pages_in_theirs_and_a_copy_plays_once(box: Box) -> None:
    for name, grey in (("02.png", 20), ("01.png", 10), ("03 copy of 01.png", 10)):
        box.put(name, plain((grey, grey, grey)))
    box.put("01 thông báo.jpg", pdf((595, 842), (842, 595)))
    offer = box.settled()
    assert names(offer) == ["01 thông báo.jpg", "01 thông báo.jpg", "01.png", "02.png"]
    assert [medium.page for medium in offer.media] == [1, 2, None, None]
    assert offer.media[2].id == content_id(plain((10, 10, 10)))


def test_what_cannot_be_shown_is_refused_by_name_and_the_rest_plays(box: Box) -> None:
    (box.path / "loop.png").symlink_to("loop.png")
    box.put(unicodedata.normalize("NFD", "Ẳng.png"), b"broken")
    box.put(f"hai\ndòng{os.fsdecode(bytes([255]))}.jpg", noise((400, 300))[:900])
    box.put("good.png", plain((10, 90, 60)))
    offer = box.settled()
    assert names(offer) == ["good.png"]
    assert {(refusal.name, refusal.reason) for refusal in offer.refusals} == {
        ("loop.png", "unreadable"),
        ("Ẳng.png", "unknown"),
        ("hai�dòng�.jpg", "broken"),
    }
    assert box.ingest.refusals.all() == offer.refusals


def test_what_is_no_file_is_not_there(box: Box) -> None:
    (box.path / "folder.png").mkdir()
    os.mkfifo(box.path / "pipe.png")
    (box.path / "endless.png").symlink_to("/dev/zero")
    assert box.settled() == Offer((), (), is_settling=False)


@pytest.mark.parametrize("name", [".hidden.png", "~$a.png", "a.png.part", "a.tmp", "a.crdownload", "Thumbs.db"])
def test_temporary_and_hidden_files_are_not_there(idle: Box, name: str) -> None:
    idle.put(name, plain((1, 2, 3)))
    assert idle.look() == Offer((), (), is_settling=False)


def test_a_file_being_copied_is_waited_for_until_it_stands_still(box: Box) -> None:
    data = noise((400, 300))
    for seconds, length in ((0.0, 500), (2.5, 900), (3.0, len(data))):
        box.put("a.jpg", data[:length], at=NOW)
        assert box.look(seconds) == Offer((), (), is_settling=True)
        assert handed_in(box) == 0, "nobody looks into half a file"
    [medium] = box.settled(5.1).media
    assert medium.id == content_id(data)


def test_a_clock_in_the_past_does_not_keep_a_file_waiting_for_ever(box: Box) -> None:
    box.put("a.png", plain((9, 9, 9)), at=NOW)
    box.look(0.0, wall_s=0)
    assert len(box.settled(3.0, wall_s=3).media) == 1


def test_an_unchanged_file_is_looked_into_once(idle: Box) -> None:
    idle.put("a.png", plain((9, 9, 9)))
    for seconds in (0.0, 60.0, 120.0):
        assert idle.look(seconds).is_settling
    assert handed_in(idle) == 1


def test_a_box_that_comes_back_plays_at_once_and_reads_nothing_again(box: Box, tmp_path: Path) -> None:
    box.put("a.pdf", pdf((100, 100), (100, 100)))
    box.put("b.png", plain((9, 9, 9)))
    box.put("c.jpg", noise((400, 300))[:900])
    before = box.settled()
    later = Box(tmp_path, Ingest(MediaStore(tmp_path / "shown", free_bytes=plenty)))
    assert later.look() == before
    assert handed_in(later) == 0


def test_a_file_that_changed_while_the_box_was_off_is_looked_into(box: Box, tmp_path: Path) -> None:
    box.put("b.png", plain((9, 9, 9)))
    box.settled()
    box.put("b.png", plain((8, 8, 8)))
    later = Box(tmp_path, Ingest(MediaStore(tmp_path / "shown", free_bytes=plenty)))
    assert later.look().is_settling
    assert handed_in(later) == 1


def test_a_damaged_memory_is_none(box: Box, tmp_path: Path) -> None:
    box.put("b.png", plain((9, 9, 9)))
    box.settled()
    (box.ingest.store.path / ".folder.json").write_bytes(b'{"folder": 1, "files"')
    later = Box(tmp_path, Ingest(MediaStore(tmp_path / "shown", free_bytes=plenty)))
    with serving(later.ingest):
        assert names(later.settled()) == ["b.png"]


def test_while_a_file_is_replaced_what_it_was_goes_on_playing(box: Box) -> None:
    red, green = plain((200, 0, 0)), plain((0, 200, 0))
    box.put("a.png", red)
    box.settled()
    box.put("a.png", green, at=NOW)
    offer = box.look(10.0)
    assert ([medium.id for medium in offer.media], offer.is_settling) == ([content_id(red)], True)
    assert [medium.id for medium in box.settled(13.0).media] == [content_id(green)]


def test_a_file_refused_by_circumstances_is_handed_in_again_after_an_hour(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(file: Path, folder: Path, **keys: Any) -> Developed:
        made = develop_here(file, folder, **keys)
        raise Refused(made.source, "crashed", how="SIGKILL")

    monkeypatch.setattr(ingest, "develop", killed)
    box.put("a.jpg", noise((400, 300)))
    assert [refusal.reason for refusal in box.settled().refusals] == ["crashed"]
    monkeypatch.setattr(ingest, "develop", develop_here)
    assert box.settled(CHANCE_S - 1).media == ()
    offer = box.settled(CHANCE_S + 1)
    assert (names(offer), offer.refusals) == (["a.jpg"], ())


def test_a_rendition_that_is_missing_is_not_offered_until_it_is_made_again(box: Box) -> None:
    box.put("a.jpg", noise((400, 300)))
    box.put("b.png", plain((1, 2, 3)))
    first = box.settled()
    found = box.ingest.store.find(first.media[0].id)
    assert found is not None
    found[0].unlink()
    assert names(box.look()) == ["b.png"]
    again = box.settled()
    assert names(again) == ["a.jpg", "b.png"]
    assert again.media[0].making != first.media[0].making


def test_a_deleted_file_is_not_looked_into_any_more(idle: Box) -> None:
    idle.put("a.png", plain((9, 9, 9)))
    idle.look()
    (idle.path / "a.png").unlink()
    assert idle.look() == Offer((), (), is_settling=False)
    _, ticket = idle.ingest._waiting.get()
    assert ticket.cancelled()


def test_without_room_what_plays_stays_and_the_file_is_offered_again(tmp_path: Path) -> None:
    room = [2**50]
    with running_ingest(tmp_path / "shown", lambda _: room[0]) as running:
        box = Box(tmp_path, running)
        box.put("a.png", plain((9, 9, 9)))
        before = box.settled()
        room[0] = 10
        box.put("b.png", plain((8, 8, 8)))
        offer = box.settled()
        assert offer.media == before.media
        assert [(refusal.name, refusal.reason) for refusal in offer.refusals] == [("b.png", "room")]
        room[0] = 2**50
        eventually(lambda: len(box.look(AGAIN_S + 1).media) == 2, within_s=20)


def test_a_store_that_cannot_be_written_is_told_until_it_can(box: Box, tmp_path: Path) -> None:
    (tmp_path / "shown").write_text("a file where the folder should be")
    box.put("a.png", plain((9, 9, 9)))
    eventually(lambda: box.look(0.0).trouble, within_s=20)
    (tmp_path / "shown").unlink()
    offer = eventually(lambda: found if (found := box.look(10.0)).media else None, within_s=20)
    assert offer.trouble is None


def test_on_a_card_that_went_read_only_everything_that_is_there_plays(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, grey in (("a.png", 10), ("b.png", 20)):
        box.put(name, plain((grey, grey, grey)))
    first = box.settled()
    box.put("b.png", plain((30, 30, 30)), at=LONG_AGO + 1)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(folder, "replace_file", refuse)
    monkeypatch.setattr(MediaStore, "empty_workshop", refuse)
    with running_ingest(tmp_path / "shown") as running:
        again = Box(tmp_path, running)
        offer = eventually(lambda: found if (found := again.look(0.0)).trouble else None, within_s=20)
    assert offer.media[0] == first.media[0]
    assert offer.trouble is not None


def test_what_was_found_is_written_down_once(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put("a.png", plain((9, 9, 9)))
    box.settled()
    written: list[Path] = []
    monkeypatch.setattr(folder, "replace_file", lambda path, _: written.append(path))
    with running_ingest(tmp_path / "shown") as running:
        assert Box(tmp_path, running).settled().media
    assert written == []


def test_a_folder_that_is_away_is_remembered_and_one_that_was_emptied_is_not(box: Box, tmp_path: Path) -> None:
    box.put("a.png", plain((9, 9, 9)))
    source = content_id(plain((9, 9, 9)))
    box.settled()
    box.path.rename(tmp_path / "elsewhere")
    with running_ingest(tmp_path / "shown") as running:
        folder = MediaFolder(box.path, running)
        with pytest.raises(FileNotFoundError):
            folder.look(wall_s=NOW, monotonic=0)
        assert folder.sources == {source}
        box.path.mkdir()
        assert folder.look(wall_s=NOW, monotonic=0).media == ()
        assert folder.sources == set()


def test_a_missing_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    folder = MediaFolder(tmp_path / "nowhere", Ingest(MediaStore(tmp_path)))
    with pytest.raises(FileNotFoundError):
        folder.look(wall_s=NOW, monotonic=0)
