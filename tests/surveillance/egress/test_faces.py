"""Faces are found at every size, and a detector that does not see them is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.surveillance.egress.faces import MARGIN, Box, Cascade, Faces, NoFaces, Picture, YuNet, detector, drawn_face
from tests.surveillance.warm import FACE_PX, write_model


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Faces:
    return YuNet(write_model(tmp_path_factory.mktemp("model") / "warm.onnx"))


def wall(width: int, height: int) -> Picture:
    return np.full((height, width, 3), 190, np.uint8)


def hang(picture: Picture, face: Picture, x: int, y: int) -> Box:
    """Put *face* on the wall; where it is, hair and chin included."""
    height, width = face.shape[:2]
    picture[y : y + height, x : x + width] = face
    return Box(x + width // 4, y + height // 4, x + width * 3 // 4, y + height * 3 // 4)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (611, 97), (1280 - 192, 720 - 250)])
def test_a_face_is_found_where_it_is_with_a_margin_around_it(faces: Faces, x: int, y: int) -> None:
    picture = wall(1280, 720)
    face = hang(picture, drawn_face(96), x, y)
    found = faces.find(picture)
    assert any(
        box.left <= face.left and box.right >= face.right and box.top <= face.top and box.bottom >= face.bottom
        for box in found
    )
    assert all(0 <= box.left < box.right <= 1280 and 0 <= box.top < box.bottom <= 720 for box in found)


def test_a_face_that_fills_the_picture_is_found_in_a_smaller_one(faces: Faces) -> None:
    picture = wall(1280, 720)
    hang(picture, drawn_face(270), 200, 0)
    assert max(box.right - box.left for box in faces.find(picture)) >= 4 * FACE_PX


def test_an_empty_wall_has_no_face(faces: Faces) -> None:
    assert faces.find(wall(640, 360)) == []


def test_a_margin_is_added_on_every_side_and_ends_at_the_pictures_edge() -> None:
    assert Box(100, 100, 140, 180).grown(MARGIN, 1000, 1000) == Box(90, 80, 150, 200)
    assert Box(0, 5, 40, 45).grown(MARGIN, 45, 50) == Box(0, 0, 45, 50)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (33, 47), (1080, 1920)])
def test_pictures_of_any_size_are_searched(faces: Faces, size: tuple[int, int]) -> None:
    assert faces.find(np.zeros((*size, 3), np.uint8)) == []


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoFaces, match=r"yunet\.onnx: no such file"):
        YuNet(tmp_path / "yunet.onnx")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 400])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(NoFaces, match=r"broken\.onnx"):
        YuNet(path)


def test_a_model_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "cut.onnx")
    path.write_bytes(path.read_bytes()[:-50_000])
    with pytest.raises(NoFaces):
        YuNet(path)


def test_a_model_that_loads_and_finds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoFaces, match="does not find a face that is there"):
        YuNet(write_model(tmp_path / "blind.onnx", finds=False))


def test_a_named_model_that_does_not_work_is_not_replaced_by_a_weaker_detector(tmp_path: Path) -> None:
    with pytest.raises(NoFaces, match="no such file"):
        detector(tmp_path / "missing.onnx")


def test_without_a_model_there_is_what_this_opencv_brings_along() -> None:
    if hasattr(cv2, "CascadeClassifier"):
        picture = wall(640, 480)
        hang(picture, drawn_face(60), 300, 100)
        assert Cascade().find(picture)
    else:
        with pytest.raises(NoFaces, match="has no face detector of its own"):
            detector(None)
