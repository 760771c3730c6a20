"""Ingest: what may be shown, what is refused and why, and when a file counts as copied."""

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from agent.language import language, languages
from agent.screen.media import LONG_SIDE_PX, MediaError, MediaFolder, MediaStore, content_id, rendition
from tests.screen.pictures import decoded, encoded, noise, plain

LONG_AGO = 1_000_000_000.0
NOW = LONG_AGO + 1000


class Box:
    """A watched folder and its store."""

    def __init__(self, path: Path) -> None:
        self.path = path / "media"
        self.path.mkdir()
        self.store = MediaStore(path / "shown")
        self.folder = MediaFolder(self.path, self.store)

    def put(self, name: str, data: bytes, *, at: float = LONG_AGO) -> None:
        (self.path / name).write_bytes(data)
        os.utime(self.path / name, (at, at))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_is_right_is_served_byte_for_byte(kind: str) -> None:
    data = plain((10, 90, 60), kind=kind)
    assert rendition(data)[0] == data


def test_a_large_picture_is_made_as_long_as_the_panel_and_keeps_its_shape() -> None:
    image = decoded(rendition(noise((3000, 2000)))[0])
    assert image.size == (LONG_SIDE_PX, 1280)


def test_a_picture_is_turned_the_way_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decoded(rendition(noise((800, 400), exif=exif))[0])
    assert image.size == (400, 800)
    assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.33, 0.66, 0.95])
def test_a_picture_that_was_cut_is_refused(kind: str, share: float) -> None:
    data = noise((800, 600), kind)
    with pytest.raises(MediaError) as refused:
        rendition(data[: int(len(data) * share)])
    assert refused.value.reason == "broken"


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"\0" * 900, "unknown"), (b"%PDF-1.7 ...", "unknown"), (b"GIF89a" + b"\0" * 60, "unknown")],
)
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MediaError) as refused:
        rendition(data)
    assert refused.value.reason == reason


def test_a_picture_too_large_to_decode_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(MediaError) as refused:
        rendition(encoded(Image.new("1", (9000, 6000)), "PNG"))
    assert refused.value.reason == "pixels"


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("I;16", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("L", "JPEG")]
)
def test_every_way_of_coding_colour_becomes_one_that_browsers_draw(mode: str, kind: str) -> None:
    data, _ = rendition(encoded(Image.new(mode, (2000, 100)), kind))
    assert decoded(data).mode in ("RGB", "RGBA", "L", "P")
    assert decoded(data).width == LONG_SIDE_PX


def test_a_file_is_known_by_its_content_whatever_its_name_says(box: Box) -> None:
    data = plain((200, 30, 30), kind="PNG")
    box.put("áp phích.jpg", data)
    [picture] = box.folder.look(wall_s=NOW, monotonic=0).media
    assert picture.id == content_id(data)
    assert box.store.find(picture.id) == (box.store.path / f"{picture.id}.png", "image/png")


def test_pictures_come_in_the_order_of_their_names_and_a_copy_plays_once(box: Box) -> None:
    for name, grey in (("02.png", 20), ("01.png", 10), ("03 copy of 01.png", 10), ("10.png", 30)):
        box.put(name, plain((grey, grey, grey)))
    assert [p.name for p in box.folder.look(wall_s=NOW, monotonic=0).media] == ["01.png", "02.png", "10.png"]


def test_a_decomposed_name_is_told_composed(box: Box) -> None:
    box.put(unicodedata.normalize("NFD", "Ẳng.png"), b"broken")
    [refusal] = box.folder.look(wall_s=NOW, monotonic=0).refusals
    assert refusal.name == "Ẳng.png"


@pytest.mark.parametrize("name", [".hidden.png", "~$a.png", "a.png.part", "a.tmp", "a.crdownload", "Thumbs.db"])
def test_temporary_and_hidden_files_are_not_there(box: Box, name: str) -> None:
    box.put(name, plain((1, 2, 3)))
    offer = box.folder.look(wall_s=NOW, monotonic=0)
    assert (offer.media, offer.refusals) == ((), ())


def test_a_file_being_copied_is_waited_for_until_it_stands_still(box: Box) -> None:
    data = noise((400, 300))
    box.put("a.jpg", data[:500], at=NOW)
    assert box.folder.look(wall_s=NOW, monotonic=0).is_settling
    box.put("a.jpg", data[:900], at=NOW)
    assert box.folder.look(wall_s=NOW, monotonic=2.5).is_settling, "it grew: the wait begins anew"
    box.put("a.jpg", data, at=NOW)
    offer = box.folder.look(wall_s=NOW, monotonic=3)
    assert (offer.is_settling, offer.media, offer.refusals) == (True, (), ())
    [picture] = box.folder.look(wall_s=NOW, monotonic=5.1).media
    assert picture.id == content_id(data)


def test_a_clock_in_the_past_does_not_keep_a_file_waiting_for_ever(box: Box) -> None:
    box.put("a.png", plain((9, 9, 9)), at=NOW)
    box.folder.look(wall_s=0, monotonic=0)
    assert len(box.folder.look(wall_s=3, monotonic=3).media) == 1


def test_an_unchanged_file_is_read_once(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put("a.png", plain((9, 9, 9)))
    box.folder.look(wall_s=NOW, monotonic=0)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert len(box.folder.look(wall_s=NOW, monotonic=60).media) == 1


def test_a_missing_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MediaFolder(tmp_path / "nowhere", MediaStore(tmp_path)).look(wall_s=NOW, monotonic=0)


def test_the_store_keeps_what_it_is_told_and_finds_nothing_by_a_crooked_name(tmp_path: Path) -> None:
    store = MediaStore(tmp_path)
    kept, dropped = "a" * 32, "b" * 32
    store.put(kept, b"1", "png")
    store.put(dropped, b"2", "jpg")
    store.keep([kept])
    assert store.find(kept) is not None
    assert store.find(dropped) is None
    assert store.find("../" + "a" * 29) is None
    assert sorted(os.listdir(tmp_path)) == [f"{kept}.png"]  # noqa: PTH208


@pytest.mark.parametrize("code", languages())
def test_every_reason_has_words(code: str) -> None:
    values = {"limit": 50, "error": "EIO"}
    for reason in ("empty", "unknown", "broken", "pixels", "bytes", "unreadable"):
        assert language(code).text(f"screen.refused.{reason}", **values)


def test_links_in_a_circle_are_refused_by_name_and_the_rest_plays(box: Box) -> None:
    (box.path / "loop.png").symlink_to("loop.png")
    box.put("good.png", plain((10, 90, 60)))
    offer = box.folder.look(wall_s=NOW, monotonic=0.0)
    assert [picture.name for picture in offer.media] == ["good.png"]
    assert [(refusal.name, refusal.reason) for refusal in offer.refusals] == [("loop.png", "unreadable")]
