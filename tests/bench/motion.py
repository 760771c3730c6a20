"""Debian's `motion` on a camera's address: it copies what it gets into segments, and looks at every picture."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figures import NotPossible
from tests.bench.film import FPS, HEIGHT, WIDTH

MISSING = "motion is not installed, and `sh bootstrap.sh bench` could not install it"
"""It is told the camera's own size and rate, or it would scale every picture."""
_CONFIG = f"""\
daemon off
setup_mode off
netcam_params rtsp_transport=tcp,capture_rate={FPS}
width {WIDTH}
height {HEIGHT}
framerate {FPS}
webcontrol_port 0
stream_port 0
picture_output off
log_level 4
movie_output on
movie_passthrough on
movie_codec mp4
movie_max_time 10
event_gap 60
emulate_motion on
"""


def motion_program() -> str | None:
    return shutil.which("motion")


@contextmanager
def motion(folder: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Recording *url* into *folder*.

    Raises:
        NotPossible: it is not installed.
    """
    program = motion_program()
    if program is None:
        raise NotPossible(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "motion.conf"
    config.write_text(f"{_CONFIG}target_dir {folder}\nnetcam_url {url}\n")
    with (
        (folder / "motion.log").open("ab") as log,
        subprocess.Popen([program, "-n", "-c", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log) as run,
    ):
        try:
            yield run
        finally:
            run.terminate()
            try:
                run.wait(8)
            except subprocess.TimeoutExpired:
                run.kill()
