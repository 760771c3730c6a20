"""People in a street, looked at over RTSP: on the main stream, on a smaller one, and again while that is away."""

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from agent.surveillance.facts import Cut
from agent.surveillance.luma import Luma, brightness, shrunk
from agent.surveillance.presence.ground import BEGINNING_S, Ground
from agent.surveillance.presence.presence import Change, Turn
from tests.clip import found_clip, unpacked
from tests.eventually import eventually
from tests.rtsp import Film, rtsp_camera
from tests.surveillance.conftest import Running, camera
from tests.surveillance.presence.test_doorway import known

PAVEMENT = ((0.5, 0.4), (0.67, 0.4), (0.67, 0.7), (0.5, 0.7))
"""Empty at the beginning of the clip; from `COMES_S` on somebody is there."""
COMES_S = 1.6
FPS = 10


@pytest.fixture(scope="module")
def empty_street(surveillance_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Luma:
    """The street without people: what is there in most pictures of the whole clip, of which `surveillance_clip` is."""
    found = found_clip()
    assert found is not None
    with av.open(str(unpacked(found, tmp_path_factory.mktemp("whole")))) as original:
        video = original.streams.video[0]
        video.codec_context.skip_frame = "NONKEY"
        every = [shrunk(brightness(frame)).copy() for frame in original.decode(video)]
    return np.asarray(np.median(np.stack(every), axis=0), np.uint8)


@pytest.fixture(scope="module")
def ground(empty_street: Luma) -> bytes:
    learned = Ground()
    learned.see(empty_street, 0.0)
    learned._known_s = BEGINNING_S
    return learned.picture


@pytest.fixture(scope="module")
def quiet(empty_street: Luma) -> list[Luma]:
    """Ten seconds of it, with a sensor's noise."""
    dice = np.random.default_rng(1)
    noise = [dice.normal(0, 2, empty_street.shape) for _ in range(4)]
    return [np.asarray(np.clip(empty_street + noise[number % 4], 0, 255), np.uint8) for number in range(10 * FPS)]


def film(path: Path, pictures: Sequence[Luma]) -> Film:
    with av.open(str(path), "w") as coded:
        stream = coded.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "bf": "0"})
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 2 * FPS
        for picture in pictures:
            coded.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        coded.mux(stream.encode(None))
    return Film.of(path)


class Turned(list[Change]):
    """Who came and went."""

    def __call__(self, change: Change, _cut: Cut) -> None:
        self.append(change)

    @property
    def came(self) -> list[Change]:
        return [change for change in self if change.turn is Turn.CAME and change.is_seen]


def test_who_comes_in_a_street_is_dated_between_two_key_frames(
    run: Callable[..., Running], surveillance_clip: Path, ground: bytes, quiet: list[Luma], tmp_path: Path
) -> None:
    with av.open(str(surveillance_clip)) as clip:
        busy = [shrunk(brightness(frame)).copy() for frame in clip.decode(video=0)]
    turned = Turned()
    with rtsp_camera(film(tmp_path / "street.mp4", [*quiet, *busy])) as device:
        quay = camera("network", {"source": device.url}, visits={"area": PAVEMENT})
        running = run(quay, kept_ground=known(ground), turned=turned)
        came = eventually(lambda: turned.came, 60)[0]
        (session,) = device._now()
        into_s = (came.at - session.began_at) % ((len(quiet) + len(busy)) / FPS) - len(quiet) / FPS
        running.stop()
    assert COMES_S - 0.25 < into_s < COMES_S + 1  # a busy machine takes it from the network late


def test_the_smaller_stream_is_looked_at_and_the_main_one_while_that_is_away(
    run: Callable[..., Running], surveillance_clip: Path, ground: bytes, quiet: list[Luma], tmp_path: Path
) -> None:
    turned = Turned()
    with rtsp_camera(Film.of(surveillance_clip)) as main, rtsp_camera(film(tmp_path / "quiet.mp4", quiet)) as smaller:
        options = {"source": main.url, "sub_source": smaller.url}
        running = run(camera("network", options, visits={"area": PAVEMENT}), kept_ground=known(ground), turned=turned)
        assert running.process
        eventually(lambda: smaller.shown > 4 * FPS, 60)
        assert turned.came == []
        smaller.refuse()
        _, condition = running.until("CAMERA_MAIN_ONLY")
        assert condition.values["text"]
        eventually(lambda: turned.came, 60)
        smaller.mend()
        running.until("OK", after=running.codes.index("CAMERA_MAIN_ONLY"))
        assert main.sessions == 1
