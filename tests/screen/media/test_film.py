"""Films: one profile, every picture of it looked at."""

from io import BytesIO
from pathlib import Path

import av
import pytest

from agent.screen.media import film as room
from agent.screen.media.medium import MediaError, Medium
from tests.screen.films import FASTSTART, film, hum
from tests.screen.shelf import developed


@pytest.fixture(scope="module")
def right() -> bytes:
    """A film that is right as it stands."""
    return film(seconds=2, wrapping=FASTSTART)


def made_of(data: bytes, folder: Path) -> tuple[bytes, Medium]:
    [(file, medium)] = developed(data, folder)
    assert file.suffix == ".mp4"
    assert medium.bytes == file.stat().st_size
    return file.read_bytes(), medium


def pictures_of(data: bytes) -> list[bytes]:
    """The coded pictures of a film, whatever they are wrapped in."""
    with av.open(BytesIO(data), "r") as opened:
        return [bytes(packet) for packet in opened.demux(video=0) if packet.size]


def reason(data: bytes, folder: Path) -> str:
    with pytest.raises(MediaError) as refused:
        developed(data, folder)
    return refused.value.reason


def test_a_film_that_is_right_is_served_byte_for_byte(right: bytes, tmp_path: Path) -> None:
    made, medium = made_of(right, tmp_path)
    assert made == right
    assert (medium.kind, medium.width_px, medium.height_px, medium.length_s) == ("video", 320, 180, 2.0)


@pytest.mark.parametrize(
    "options",
    [{}, {"container": "matroska"}, {"container": "mov"}, {"wrapping": FASTSTART, "sound": True}],
    ids=["index at the end", "Matroska", "QuickTime", "sound"],
)
def test_a_film_that_is_wrapped_wrongly_is_wrapped_anew_bit_for_bit(options: dict[str, object], tmp_path: Path) -> None:
    data = film(**options)  # type: ignore[arg-type]
    made, medium = made_of(data, tmp_path)
    assert made.index(b"moov") < made.index(b"mdat"), "a browser begins at once"
    assert pictures_of(made) == pictures_of(data), "not one picture was touched"
    with av.open(BytesIO(made), "r") as opened:
        assert [stream.type for stream in opened.streams] == ["video"], "nobody hears it"
    assert medium.length_s == 1.0


def test_a_film_held_upright_stays_upright(tmp_path: Path) -> None:
    made, medium = made_of(film(turned=90), tmp_path)
    assert (medium.width_px, medium.height_px) == (180, 320)
    with av.open(BytesIO(made), "r") as opened:
        assert next(opened.decode(video=0)).rotation == 90


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"codec": "libx265", "preset": "ultrafast", "x265-params": "log-level=none"}, "codec"),
        ({"codec": "libvpx-vp9", "container": "webm", "deadline": "realtime", "cpu-used": "8"}, "codec"),
        ({"codec": "mpeg4"}, "codec"),
        ({"pixels": "yuv422p"}, "profile"),
        ({"pixels": "yuv420p10le"}, "profile"),
        ({"preset": "ultrafast", "level": "5.1"}, "level"),
        ({"size": (2048, 240)}, "size"),
        ({"size": (1200, 1200)}, "size"),
        ({"rate": 50, "seconds": 1.0}, "rate"),
        ({"preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"}, "interlaced"),
        ({"seconds": 0.2}, "short"),
    ],
)
def test_what_is_not_of_the_profile_is_refused_by_what_it_is(
    options: dict[str, object], why: str, tmp_path: Path
) -> None:
    assert reason(film(**{"seconds": 0.6, **options}), tmp_path) == why  # type: ignore[arg-type]


def test_a_film_too_heavy_for_the_box_is_refused(right: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_KBIT_S", 8)
    assert reason(right, tmp_path) == "bitrate"


def test_a_film_longer_than_anybody_waits_is_refused(
    right: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LONGEST_S", 1)
    assert reason(right, tmp_path) == "length"


@pytest.mark.parametrize(
    ("container", "share"), [("mp4", 0.02), ("mp4", 0.5), ("mp4", 0.98), ("matroska", 0.02), ("matroska", 0.5)]
)
def test_a_film_that_was_cut_is_refused(share: float, container: str, tmp_path: Path) -> None:
    data = film(seconds=3, container=container, wrapping=FASTSTART if container == "mp4" else None)
    assert reason(data[: int(len(data) * share)], tmp_path) == "broken"


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_film_with_a_hole_is_refused(right: bytes, at: float, tmp_path: Path) -> None:
    hole = int(len(right) * at)
    assert reason(right[:hole] + bytes(600) + right[hole + 600 :], tmp_path) == "broken"


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    assert reason(hum(1), tmp_path) == "no_video"
