"""What may leave the box: no detail survives pixelation, no pixel survives a mask, and doubt means no picture."""

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from agent.surveillance.egress.backdrop import LEARN_S, SIZE, Backdrop
from agent.surveillance.egress.faces import Box, Faces, NoFaces, YuNet, drawn_face
from agent.surveillance.egress.privacy import COLUMNS, FACE_COLUMNS, FILL, WIDEST_PX, Egress, Picture, pixelate
from tests.surveillance.warm import write_model

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
    assert colours(pixelate(street)) <= blocks


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


def test_plain_fills_the_masks_all_the_same_and_hides_nothing_else(street: Picture) -> None:
    shown = Egress("plain", (LEFT_HALF,)).show(street)
    assert (shown.egress, shown.hidden) == ("plain", ("masks",))
    assert (shown.picture[:, : street.shape[1] // 2 + 1] == FILL).all()
    assert (shown.picture[:, 400:] == street[:, 400:]).all()
    assert Egress("plain").show(street).hidden == ()


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (23, 17), (576, 768), (1080, 1920)])
def test_pictures_of_any_size_are_pixelated(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    assert pixelate(noise).shape == (*size, 3)


@pytest.mark.parametrize(("egress", "masks"), [("everything", ()), ("", ()), ("masked", (((0.0, 0.0), (1.0, 1.0)),))])
def test_rules_in_doubt_are_refused(egress: str, masks: tuple[tuple[tuple[float, float], ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"unknown egress|encloses nothing"):
        Egress(egress, masks)


# What is hidden once the place is known.

WALL = (190, 190, 190)
WHOLE = ("whole",)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Faces:
    return YuNet(write_model(tmp_path_factory.mktemp("model") / "warm.onnx"))


class Blind:
    """A detector that stopped working."""

    def find(self, picture: Picture) -> list[Box]:  # noqa: ARG002
        raise NoFaces("out of memory")


def place(width: int = 1280, height: int = 720) -> Picture:
    """An empty counter: a wall, a window, a desk."""
    picture = np.full((height, width, 3), WALL, np.uint8)
    picture[height // 10 : height // 3, width // 2 : width // 2 + width // 8] = (226, 222, 218)
    picture[height * 3 // 4 :] = (110, 112, 118)
    return picture


def backdrop_of(picture: Picture) -> Backdrop:
    backdrop = Backdrop()
    small = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA).astype(np.uint8)
    for at in range(0, int(LEARN_S) + 61, 60):
        backdrop.see(small, float(at))
    return backdrop


def hang(picture: Picture, face: Picture, x: int, y: int) -> tuple[slice, slice]:
    """Put *face* there; where its own pixels are."""
    height, width = face.shape[:2]
    picture[y : y + height, x : x + width] = face
    return slice(y + height // 4, y + height * 3 // 4), slice(x + width // 4, x + width * 3 // 4)


def survives(picture: Picture, where: tuple[slice, slice]) -> bool:
    """Whether a face could still be told: whether there are more than a few even blocks."""
    return colours(picture[where]) > (FACE_COLUMNS + 1) * (2 * FACE_COLUMNS + 1)


def colours(picture: Picture) -> int:
    """How many there are: each as one number, which is counted in a hundredth of the time."""
    return len(np.unique(picture.reshape(-1, 3).astype(np.uint32) @ np.array([1, 256, 65536], np.uint32)))


def test_an_empty_place_that_is_known_is_shown_as_it_is(faces: Faces) -> None:
    shown = Egress("pixelated", faces=faces, backdrop=backdrop_of(place())).show(place())
    assert shown.hidden == ()
    assert (shown.picture == place()).all()


@pytest.mark.parametrize("size", [32, 48, 96, 240])
@pytest.mark.parametrize("x", [0, 333, 700])
def test_a_face_before_the_known_place_does_not_survive_though_no_detector_sees_it(size: int, x: int) -> None:
    class Sleeping(Blind):
        def find(self, picture: Picture) -> list[Box]:  # noqa: ARG002
            return []

    picture = place()
    where = hang(picture, drawn_face(size), x, 60)
    assert survives(picture, where)
    shown = Egress("pixelated", faces=Sleeping(), backdrop=backdrop_of(place())).show(picture)
    assert shown.hidden == ("people",)
    assert not survives(shown.picture, where)
    assert (shown.picture[-60:, -40:] == place()[-60:, -40:]).all()


@pytest.mark.parametrize("size", [48, 96, 240])
def test_a_face_that_became_part_of_the_place_does_not_survive_either(faces: Faces, size: int) -> None:
    picture = place()
    where = hang(picture, drawn_face(size), 420, 60)
    shown = Egress("pixelated", faces=faces, backdrop=backdrop_of(picture)).show(picture)
    assert shown.hidden == ("faces",)
    assert not survives(shown.picture, where)


def test_a_face_found_in_one_picture_of_a_clip_is_hidden_in_all(faces: Faces) -> None:
    picture, grey = place(), place()
    where = hang(picture, drawn_face(96), 420, 60)
    hang(grey, cv2.cvtColor(cv2.cvtColor(drawn_face(96), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype("u1"), 420, 60)
    egress = Egress("pixelated", faces=faces, backdrop=backdrop_of(grey))
    assert survives(egress.show(grey).picture, where)  # this detector goes by colour
    assert not any(survives(shown.picture, where) for shown in egress.show_all([grey, picture, grey]))


@pytest.mark.parametrize("case", ["no detector", "no backdrop", "not learned", "detector broke", "dark", "moved"])
def test_whatever_is_in_doubt_is_pixelated_whole(faces: Faces, case: str) -> None:
    picture = place()
    where = hang(picture, drawn_face(96), 420, 60)
    egress = Egress(
        "pixelated",
        faces={"no detector": None, "detector broke": Blind()}.get(case, faces),
        backdrop={"no backdrop": None, "not learned": Backdrop()}.get(case, backdrop_of(place())),
    )
    if case == "dark":
        picture = (picture // 12).astype(np.uint8)
    if case == "moved":
        picture = np.flipud(255 - picture).copy()
        where = (slice(720 - where[0].stop, 720 - where[0].start), where[1])
    shown = egress.show(picture)
    assert shown.hidden == WHOLE
    assert not survives(shown.picture, where)
    assert colours(shown.picture) <= COLUMNS * round(COLUMNS * 720 / 1280)


@pytest.mark.parametrize("egress", ["pixelated", "masked", "plain"])
@pytest.mark.parametrize("has_people", [False, True])
def test_no_masked_pixel_survives_any_egress(faces: Faces, egress: str, has_people: bool) -> None:
    """Two pictures that differ under the mask alone leave as the same bytes."""
    pictures = []
    for colour in ((0, 0, 255), (40, 200, 10)):
        picture = place()
        if has_people:
            hang(picture, drawn_face(96), 900, 60)
        picture[:, :640] = colour
        pictures.append(picture)
    rules = Egress(egress, (LEFT_HALF,), faces=faces, backdrop=backdrop_of(pictures[0]))
    first = rules.show(pictures[0])
    assert (first.picture[:, :630].astype(int) == FILL).all() or egress == "pixelated"
    reds = first.picture[:, :600].astype(int)
    assert np.ptp(reds, axis=2).max() <= 40
    assert "masks" in first.hidden


def test_a_pixelated_picture_is_never_so_large_that_its_faces_take_long_to_find(faces: Faces) -> None:
    large = cv2.resize(place(), (3840, 2160)).astype(np.uint8)
    shown = Egress("pixelated", faces=faces, backdrop=backdrop_of(large)).show(large)
    assert shown.picture.shape == (720, WIDEST_PX, 3)
    assert Egress("masked").show(large).picture.shape == large.shape


def test_only_who_pixelates_with_a_detector_learns(faces: Faces) -> None:
    backdrop = Backdrop()
    assert Egress("pixelated", faces=faces, backdrop=backdrop).learns
    assert not Egress("pixelated", backdrop=backdrop).learns
    assert not Egress("plain", faces=faces, backdrop=backdrop).learns
