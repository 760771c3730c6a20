"""The proof of the door: of a film full of faces, none is told in anything that leaves, and no masked pixel is seen.

Everything is real but the detector: the child, the recording beside it; still, clip, glimpse and status page.
"""

import io
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from agent.clock import SystemClock
from agent.settings.model import Record
from agent.surveillance.egress.backdrop import SIZE
from agent.surveillance.egress.faces import drawn_face
from agent.surveillance.egress.preview import Preview
from agent.surveillance.egress.privacy import Picture
from agent.surveillance.egress.viewing import Viewings
from tests.eventually import eventually
from tests.surveillance.conftest import START_S, Running, camera
from tests.surveillance.egress.test_privacy import from_jpeg, hang, place
from tests.surveillance.egress.test_viewing import Store
from tests.surveillance.warm import write_model

Run = Callable[..., Running]
FACES = ((32, 420, 40), (48, 560, 40), (96, 700, 40), (160, 900, 40), (64, 420, 420), (80, 700, 420))
"""Width in pixels, and where in a picture 1280 wide; each stands on a wall of its own, twice as large."""
MASK = ((0.0, 0.0), (0.25, 0.0), (0.25, 1.0), (0.0, 1.0))
SECRET = (0, 0, 230)
TOLD = 0.5
"""Correlation of fine detail from which on somebody who knows the face would say: it is this one."""


def crowd(*, has_faces: bool = True) -> Picture:
    picture = place()
    picture[:, :320] = SECRET
    for width, x, y in FACES if has_faces else ():
        hang(picture, drawn_face(width), x, y)
    return picture


def filmed(picture: Picture, path: Path) -> Path:
    """Three seconds in which nobody moves."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=5, options={"preset": "ultrafast", "bf": "0", "crf": "12"})
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
        stream.codec_context.gop_size = 5
        for _ in range(15):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        film.mux(stream.encode(None))
    return path


def learned(picture: Picture, path: Path) -> Path:
    """*picture* as what the camera knows of the empty counter."""
    path.parent.mkdir(parents=True)
    small = cv2.blur(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), (3, 3))
    path.write_bytes(small.tobytes() + b"\xff" * (SIZE[0] * SIZE[1] // 8))
    return path


def fine(picture: Picture) -> np.ndarray:
    """What tells one face from another: all that is finer than a sixth of it."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return grey - cv2.GaussianBlur(grey, (0, 0), picture.shape[1] / 12)


def told(picture: Picture, width: int, x: int, y: int) -> bool:
    """Whether the face that hung there can still be told."""
    scale = picture.shape[1] / 1280
    face = drawn_face(width)
    size = (round(face.shape[1] * scale), round(face.shape[0] * scale))
    left, top = round(x * scale), round(y * scale)
    seen = fine(picture[top : top + size[1], left : left + size[0]].copy())
    known = fine(cv2.resize(face, (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_AREA).astype(np.uint8))
    if seen.std() < 0.1:  # one block
        return False
    return bool(np.corrcoef(seen.ravel(), known.ravel())[0, 1] > TOLD)


def everything_that_leaves(running: Running, folder: Path) -> dict[str, list[Picture]]:
    """Of a camera that is being recorded."""
    preview = Preview(
        Viewings(folder / "viewings.json", SystemClock(UTC), Store().append),
        SystemClock(UTC),
        cameras=lambda: {"quay": running.service},
    )
    left = {
        "snapshot": [running.service.snapshot(20).content],
        "watch": [running.service.glimpse(20).content],
        "status": [preview.picture("quay")],
    }
    with av.open(io.BytesIO(running.service.clip(20).content), "r") as film:
        clipped: list[Any] = [frame.to_ndarray(format="bgr24") for frame in film.decode(video=0)]
    preview.close()
    return {"clip": clipped, **{name: [from_jpeg(each) for each in pictures] for name, pictures in left.items()}}


@pytest.mark.parametrize("case", ["before the counter", "part of the counter", "broken model", "plain"])
def test_no_face_is_told_and_no_masked_pixel_seen_in_anything_that_leaves(run: Run, tmp_path: Path, case: str) -> None:
    model = write_model(tmp_path / "warm.onnx")
    if case == "broken model":
        model.write_bytes(model.read_bytes()[:2000])
    settings = camera(
        "file",
        {"source": filmed(crowd(), tmp_path / "crowd.mp4")},
        egress="plain" if case == "plain" else "pixelated",
        masks=[MASK],
        faces_model=model,
        record=Record(path=tmp_path / "video", segment_s=5),
    )
    knows = crowd(has_faces=case == "part of the counter")
    running = run(settings, backdrop=learned(knows, tmp_path / "views" / "quay.backdrop"))
    eventually(lambda: running.service._there, START_S)
    if case == "broken model":
        running.until("CAMERA_FACES")
    for name, pictures in everything_that_leaves(running, tmp_path).items():
        for picture in pictures:
            hidden = picture[:, : round(0.24 * picture.shape[1])].astype(int)
            assert np.ptp(hidden, axis=2).max() <= 40, name  # grey, where there was red
            smallest = 32 * 1280 / picture.shape[1] if case == "part of the counter" else 32
            faces = [face for face in FACES if face[0] >= smallest]
            assert {told(picture, *face) for face in faces} == {case == "plain"}, name
    assert list((tmp_path / "video").rglob("*.part"))
