"""The spare: a child of the camera that is started while the one at work is silent, and not yet given up.

Until it is ordered to it opens nothing; it only has its libraries ready, which on a busy or slow box takes longer
than all the rest of coming back. A camera that speaks again has its spare let go after a while, so that one whose
pictures come in bursts does not start a process for each. Belongs to the camera's own thread.
"""

from collections.abc import Callable
from contextlib import suppress

from agent.surveillance.process import CameraProcess

KEPT_S = 30.0
"""After the last doubt."""


class Spare:
    """At most one process in waiting."""

    def __init__(self, start: Callable[[], CameraProcess]) -> None:
        self._start = start
        self._process: CameraProcess | None = None
        self._doubted_at = 0.0

    def look(self, now: float, *, is_in_doubt: bool) -> None:
        """Have one ready while the camera *is_in_doubt*, at the monotonic time *now*."""
        if is_in_doubt:
            self._doubted_at = now
            if self._process is None:
                with suppress(OSError):  # no room for another process: it is started when there must be one
                    self._process = self._start()
        elif self._process is not None and now - self._doubted_at > KEPT_S:
            self.close()

    def take(self) -> CameraProcess:
        """The one that waits, or else a new one; the caller's from now on.

        Raises:
            OSError: the machine has no room for another process.
        """
        process, self._process = self._process, None
        if process is not None and process.is_gone():
            process.close()
            process = None
        return process or self._start()

    def close(self) -> None:
        """Let go of the one that waits, if any. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
