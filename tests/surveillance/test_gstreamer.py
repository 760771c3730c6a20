"""The network camera against an RTSP server that nobody here wrote."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drivers.videos import write_video
from tests.eventually import eventually
from tests.gstreamer import WHAT, gstreamer_camera, is_installed
from tests.surveillance.conftest import Running, camera
from tests.surveillance.recording.test_recording import files, plays, short_record
from tests.surveillance.test_service import still_of


def test_a_camera_of_another_make_is_seen_recorded_and_outlives_its_server(
    run: Callable[..., Running], tmp_path: Path
) -> None:
    if "COUNTER_AGENT_BENCH" not in os.environ:
        pytest.skip("`make soak` runs it")
    if not is_installed():
        pytest.skip(f"{WHAT} is not installed")
    film = write_video(tmp_path / "film.mp4", size=(320, 180), frames=900, reorders=False)
    with gstreamer_camera(film) as url:
        running = run(camera("network", {"source": url}, record=short_record(tmp_path / "video")))
        assert still_of(running).width_px == 320
        first = eventually(lambda: files(tmp_path / "video"), within_s=20)[0]
        assert plays(first) >= 40
        assert "CAMERA_ENDED" not in running.codes
    running.until("CAMERA_ENDED")
