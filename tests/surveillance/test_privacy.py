"""What may leave the box: no detail survives pixelation, no pixel survives a mask, and doubt means no picture."""

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from agent.surveillance.privacy import COLUMNS, FILL, Egress, Picture, pixelate

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
TRIANGLE = ((0.6, 0.1), (0.9, 0.1), (0.75, 0.6))


@pytest.fixture(scope="module")
def street(surveillance_clip: Path) -> Picture:
    with av.open(str(surveillance_clip)) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24").astype(np.uint8)


def from_jpeg(data: bytes) -> Picture:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def detail(picture: Picture, blocks: int = COLUMNS) -> float:
    """The largest deviation inside a block, its border left out: JPEG smears what it joins."""
    height, width = picture.shape[:2]
    rows = round(blocks * height / width)
    xs = [round(width * column / blocks) for column in range(blocks + 1)]
    ys = [round(height * row / rows) for row in range(rows + 1)]
    insides = [picture[y + 8 : below - 8, x + 8 : right - 8] for y, below in pairwise(ys) for x, right in pairwise(xs)]
    return max(float(inside.std(axis=(0, 1)).max()) for inside in insides)


def test_no_detail_inside_a_block_survives_pixelation(street: Picture) -> None:
    shown = Egress("pixelated").show(street)
    assert shown.hidden == ("whole",)
    assert shown.picture.shape == street.shape
    assert detail(street) > 40
    assert detail(shown.picture) == 0
    assert detail(from_jpeg(shown.jpeg())) < 3


def test_pixelation_leaves_no_more_colours_than_blocks(street: Picture) -> None:
    blocks = COLUMNS * round(COLUMNS * street.shape[0] / street.shape[1])
    assert len(np.unique(pixelate(street).reshape(-1, 3), axis=0)) <= blocks


def test_masked_ground_is_filled_and_the_rest_is_left(street: Picture) -> None:
    shown = Egress("masked", (LEFT_HALF, TRIANGLE)).show(street)
    height, width = street.shape[:2]
    assert shown.hidden == ("masks",)
    assert (shown.picture[:, : width // 2 + 1] == FILL).all()
    assert (shown.picture[round(0.3 * height), round(0.75 * width)] == FILL).all()
    right = slice(round(0.92 * width), width)
    assert (shown.picture[:, right] == street[:, right]).all()


def test_what_a_mask_hides_does_not_colour_the_blocks_beside_it() -> None:
    secret = np.zeros((360, 640, 3), np.uint8)
    secret[:, :320] = (0, 0, 255)
    shown = Egress("pixelated", (LEFT_HALF,)).show(secret)
    assert shown.hidden == ("masks", "whole")
    reds = shown.picture[:, :, 2].astype(int) - shown.picture[:, :, 0]
    assert reds.max() == 0


def test_masked_ground_looks_the_same_whatever_was_there(street: Picture) -> None:
    everything = (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),)
    other = np.flip(street).copy()
    assert Egress("masked", everything).show(street).jpeg() == Egress("masked", everything).show(other).jpeg()


def test_a_mask_reaches_the_edge_of_the_picture_and_hides_rounded_pixels_too() -> None:
    white = np.full((101, 99, 3), 255, np.uint8)
    third = ((1 / 3, 0.0), (1.0, 0.0), (1.0, 1.0), (1 / 3, 1.0))
    shown = Egress("masked", (third,)).show(white).picture
    assert (shown[:, 33:] == FILL).all()
    assert (shown[:, :30] == 255).all()


def test_the_original_is_left_as_it_is(street: Picture) -> None:
    before = street.copy()
    Egress("pixelated", (TRIANGLE,)).show(street)
    assert (street == before).all()


def test_plain_hides_nothing_and_says_so(street: Picture) -> None:
    shown = Egress("plain", (LEFT_HALF,)).show(street)
    assert (shown.egress, shown.hidden) == ("plain", ())
    assert (shown.picture == street).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (23, 17), (576, 768), (1080, 1920)])
def test_pictures_of_any_size_are_pixelated(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    assert pixelate(noise).shape == (*size, 3)


@pytest.mark.parametrize(("egress", "masks"), [("everything", ()), ("", ()), ("masked", (((0.0, 0.0), (1.0, 1.0)),))])
def test_rules_in_doubt_are_refused(egress: str, masks: tuple[tuple[tuple[float, float], ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"unknown egress|encloses nothing"):
        Egress(egress, masks)
