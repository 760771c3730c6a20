"""Pictures: what may be shown as it stands, what is made fit, and what is refused."""

from pathlib import Path

import pytest
from PIL import Image

from agent.screen.media.medium import MediaError
from agent.screen.media.picture import LONG_SIDE_PX
from tests.screen.pictures import decoded, encoded, noise, plain
from tests.screen.shelf import developed


def rendition(data: bytes, folder: Path) -> bytes:
    [(file, medium)] = developed(data, folder)
    made = file.read_bytes()
    assert (medium.kind, medium.bytes, (medium.width_px, medium.height_px)) == ("image", len(made), decoded(made).size)
    return made


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_is_right_is_served_byte_for_byte(kind: str, tmp_path: Path) -> None:
    data = plain((10, 90, 60), kind=kind)
    assert rendition(data, tmp_path) == data


def test_a_large_picture_is_made_as_long_as_the_panel_and_keeps_its_shape(tmp_path: Path) -> None:
    assert decoded(rendition(noise((3000, 2000)), tmp_path)).size == (LONG_SIDE_PX, 1280)


def test_a_picture_is_turned_the_way_its_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decoded(rendition(noise((800, 400), exif=exif), tmp_path))
    assert image.size == (400, 800)
    assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.33, 0.66, 0.95])
def test_a_picture_that_was_cut_is_refused(kind: str, share: float, tmp_path: Path) -> None:
    data = noise((800, 600), kind)
    with pytest.raises(MediaError) as refused:
        developed(data[: int(len(data) * share)], tmp_path)
    assert refused.value.reason == "broken"


def test_a_picture_too_large_to_decode_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as refused:
        developed(encoded(Image.new("1", (9000, 6000)), "PNG"), tmp_path)
    assert refused.value.reason == "pixels"


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("I;16", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("L", "JPEG")]
)
def test_every_way_of_coding_colour_becomes_one_that_browsers_draw(mode: str, kind: str, tmp_path: Path) -> None:
    image = decoded(rendition(encoded(Image.new(mode, (2000, 100)), kind), tmp_path))
    assert image.mode in ("RGB", "RGBA", "L", "P")
    assert image.width == LONG_SIDE_PX
