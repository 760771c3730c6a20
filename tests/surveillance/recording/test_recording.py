"""A camera that is recorded, as the agent runs it: child, service and archivist together."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import av
import numpy as np

from agent.clock import SystemClock
from agent.settings.model import Camera, Record
from agent.surveillance.egress.privacy import FILL
from agent.surveillance.process import Told, folder_of
from agent.surveillance.recording.archive import Archive
from agent.surveillance.recording.archivist import Archivist, Recorded
from agent.surveillance.recording.retention import Limits
from tests.eventually import eventually
from tests.surveillance.conftest import Running, camera
from tests.surveillance.egress.test_privacy import LEFT_HALF
from tests.surveillance.test_service import still_of

LIMITS = Limits(keep_days=15, limit_bytes=10**9, free_bytes=0)


def recorded(folder: Path, **options: Any) -> Camera:
    return camera("sim", options, record=short_record(folder))


def short_record(folder: Path) -> Record:
    """Segments of two seconds: shorter than anybody may ask for."""
    return Record(path=folder).model_copy(update={"segment_s": 2})


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.mp4"))


def plays(path: Path) -> int:
    """How many pictures of a recording can be shown."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@contextmanager
def archived(settings: Camera, told: Recorded) -> Iterator[Path]:
    """The archivist of *settings*' camera on its thread."""
    assert settings.record is not None
    folder = folder_of(settings.name, settings.record)
    service = Archivist("archive-quay", folder, LIMITS, told, camera="quay", clock=SystemClock(UTC))
    stop = threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,), name="archive-quay")
    thread.start()
    try:
        yield folder
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def entered(folder: Path) -> list[str]:
    archive = Archive(folder)
    archive.open()
    try:
        return [recording.file for recording in archive.recordings()]
    finally:
        archive.close()


def test_segments_are_written_entered_and_can_be_played(run: Callable[..., Running], tmp_path: Path) -> None:
    told = Recorded()
    settings = recorded(tmp_path)
    with archived(settings, told) as folder:
        running = run(settings, recorded=told.put)
        eventually(lambda: files(folder), within_s=30)
        assert still_of(running)
        eventually(lambda: entered(folder), within_s=10)
        (first, *_) = files(folder)
        assert entered(folder)[0] == str(first.relative_to(folder))
        assert plays(first) >= 20


def test_a_killed_child_costs_no_finished_group_of_pictures(run: Callable[..., Running], tmp_path: Path) -> None:
    told = Recorded()
    settings = camera("sim", record=Record(path=tmp_path))
    with archived(settings, told) as folder:
        running = run(settings, recorded=told.put)
        eventually(lambda: any(part.stat().st_size > 5_000 for part in folder.rglob("*.part")), within_s=20)
        running.process.kill()
        eventually(lambda: entered(folder), within_s=40)
        assert plays(files(folder)[0]) >= 20


def test_a_disk_that_refuses_is_named_in_health_and_the_camera_is_watched_all_the_same(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    (tmp_path / "quay").write_bytes(b"in the way")
    running = run(recorded(tmp_path))
    _, condition = running.until("CAMERA_NOT_RECORDED", within_s=20)
    assert "quay" in str(condition.values["text"])
    assert running.service.snapshot(10).content


def test_a_stopped_camera_finishes_its_segment_and_tells_of_it(run: Callable[..., Running], tmp_path: Path) -> None:
    told: list[Told] = []
    running = run(camera("sim", record=Record(path=tmp_path)), recorded=told.append)
    eventually(lambda: any(part.stat().st_size for part in tmp_path.rglob("*.part")), within_s=20)
    running.stop()
    assert not list(tmp_path.rglob("*.part"))
    (file,) = files(tmp_path)
    assert [segment.file for segment in told] == [str(file.relative_to(tmp_path / "quay"))]


def test_masks_may_be_burnt_into_the_recording_while_clips_and_stills_are_made(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    """Also in the file of a child that was stopped in the middle."""
    record = Record(path=tmp_path, segment_s=5, burn_masks=True)
    running = run(camera("sim", egress="plain", masks=[LEFT_HALF], record=record))
    assert still_of(running)
    clip = running.service.clip(10)
    eventually(lambda: any(part.stat().st_size > 5000 for part in tmp_path.rglob("*.part")), within_s=20)
    running.stop()
    shown = [*pictures(io.BytesIO(clip.content)), *(each for file in files(tmp_path) for each in pictures(str(file)))]
    assert len(shown) > clip.pictures
    for picture in shown:
        assert np.abs(picture[:, :150].astype(int) - FILL).max() <= 10
        assert picture[:, 180:].std() > 10


def pictures(film: Any) -> list[np.ndarray]:
    with av.open(film) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
