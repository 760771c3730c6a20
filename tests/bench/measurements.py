"""Every measurement by its name, in the order of the table."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import (
    agent_press,
    camera_eye,
    camera_faults,
    camera_file,
    camera_live,
    camera_onset,
    drain,
    live,
    memory,
    press,
    slow_line,
    start,
    wear,
)
from tests.bench.figures import Row, Size

Measurement = Callable[[Path, Size], Iterator[Row]]

MEASUREMENTS: dict[str, Measurement] = {
    "press": press.measure,
    "agent-press": agent_press.measure,
    "wear": wear.measure,
    "drain": drain.measure,
    "slow-line": slow_line.measure,
    "live": live.measure,
    "memory": memory.measure,
    "start": start.measure,
    "camera-live": camera_live.measure,
    "camera-file": camera_file.measure,
    "camera-eye": camera_eye.measure,
    "camera-onset": camera_onset.measure,
    "camera-faults": camera_faults.measure,
    "camera-press": camera_faults.measure_presses,
}
