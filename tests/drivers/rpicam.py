"""`rpicam-vid` without a camera: writes a clip down the pipe in real time, round and round, and notes its call."""

import os
import sys
from pathlib import Path

import pytest

from tests.drivers.videos import FPS, write_video

PROGRAM = """#!{python}
import json, os, pathlib, sys, time
folder = pathlib.Path({folder!r})
(folder / "called.json").write_text(json.dumps([os.getpid(), *sys.argv[1:]]))
clip = (folder / "clip.h264").read_bytes()
piece, number = len(clip) // 30 + 1, 0
while not (folder / "unplugged").exists():
    os.write(1, clip[number % 30 * piece : (number % 30 + 1) * piece])
    number += 1
    time.sleep(1 / {fps})
sys.exit("ERROR: *** no cameras available ***")
"""


def install_rpicam(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put it first on the PATH; it keeps its clip and its notes in *folder*."""
    write_video(folder / "clip.h264", reorders=False)
    programs = folder / "programs"
    programs.mkdir()
    program = programs / "rpicam-vid"
    program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder), fps=FPS))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
