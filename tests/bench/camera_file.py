"""What a camera's process takes for a film from a file, at full speed, beside the loop that everybody writes first."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.figures import Row, Size, ms, ratio
from tests.bench.film import film

REACH = 0.15


def measure(folder: Path, size: Size) -> Iterator[Row]:
    source = film(folder, min(size.film_s, 16))
    ours, theirs = [], []
    for number in range(size.rounds):
        ours.append(_cpu_s("agent", source, folder / f"file-{number}"))
        theirs.append(_cpu_s("plain", source))
    found, seconds = ratio(ours, theirs), min(size.film_s, 16)
    yield Row(
        "CPU for a second of 720p from a file, recorded and looked at",
        ms(median(ours) / seconds),
        f"a plain OpenCV loop {ms(median(theirs) / seconds)}",
        found,
        f"≤ {REACH}",
        found.middle <= REACH,
    )


def _cpu_s(who: str, source: Path, *folder: Path) -> float:
    command = [sys.executable, "-m", "tests.bench.full_speed", who, str(source), *map(str, folder)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
