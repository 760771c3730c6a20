"""The daemon on a machine whose clocks are moved while it runs: `moved_daemon.py CLOCKS --config FILE`.

Everything is as in production but for the readings of `agent.kernel`: they come from CLOCKS, a JSON file
`{"boot": …, "shift_s": …, "aged_s": …, "synchronised": …}` that is read again at every look at the clock: the wall
clock is set by `shift_s`, and `aged_s` have passed that nobody waited for.
"""

import json
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

from agent.app import App
from agent.clock import SystemClock
from agent.kernel import Kernel


class FileKernel(Kernel):
    """The running machine, with its wall clock moved by so many seconds."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self.boot = self._said["boot"]

    @property
    def _said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._file.read_text())
        return found

    def wall_and_age(self) -> tuple[float, float]:
        wall, age = super().wall_and_age()
        said = self._said
        aged_s = float(said["aged_s"])
        return wall + float(said["shift_s"]) + aged_s, age + aged_s

    def is_synchronised(self) -> bool | None:
        return bool(self._said["synchronised"])

    def last_synchronisation(self) -> int | None:
        return None

    def hardware_clock(self) -> float | None:
        return None


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(name)s: %(message)s", stream=sys.stderr)
    clocks, _, config = sys.argv[1:]
    App(Path(config), clock=partial(SystemClock, kernel=FileKernel(Path(clocks)))).run()
