"""The sign at the counter's door: the mode that is on, kept in one small file beside the outbox.

The file is there from before a mode's first rating until its end was told to the province, so a restart
forgets neither. It is replaced whole (`agent.files`); one that cannot be read counts as none, and ratings
count. Any thread may ask; nothing here waits but for the disk.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agent.clock import Clock
from agent.errors import TryAgain
from agent.files import flush_folder, replace_file
from agent.rating.inspection.modes import Lease, Mode, ModeKind
from agent.rating.record import Flag


def read_mode(path: Path) -> Mode | None:
    """The mode in the file at *path*; None when there is none that can be read."""
    try:
        return Mode.decode(path.read_bytes())
    except (OSError, ValueError):
        return None


class Sign:
    """Which mode is on. Outlives the services."""

    def __init__(self, path: Path, clock: Clock, mode: Mode | None) -> None:
        """*mode* is what an earlier life left at *path*."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._mode = mode
        self._hung_at = float("-inf")
        """Monotonic; when the present mode was hung out."""

    @property
    def mode(self) -> Mode | None:
        """The last mode whose end was not told, over or not."""
        with self._lock:
            return self._mode

    @property
    def left_s(self) -> float:
        """Seconds until the present mode ends; 0: ratings count."""
        with self._lock:
            return max(0.0, self._left_s())

    def _left_s(self) -> float:
        return self._mode.lease.left_s(self._clock.read(), self._clock.boot) if self._mode is not None else 0.0

    def flag_at(self, monotonic: float) -> Flag | None:
        """The flag that a press made at *monotonic* carries, however late it is judged."""
        with self._lock:
            mode = self._mode
            if mode is None:
                return None
            ends_at = self._clock.monotonic() + self._left_s()
            return mode.kind.flag if self._hung_at <= monotonic < ends_at else None

    def hang(self, kind: ModeKind, *, by: str, lasts_s: float) -> Mode:
        """Begin a mode; another one that is on ends with it, only an inspection is not interrupted.

        Raises:
            TryAgain: an inspection is on, or the disk refuses; nothing changed.
            ValueError: it would last longer than its kind may.
        """
        if not 0 < lasts_s <= kind.limit_s:
            raise ValueError(f"{kind} lasts at most {kind.limit_s / 60:g} minutes")
        with self._lock:
            if self._mode is not None and self._mode.kind is ModeKind.INSPECTION and self._left_s() > 0:
                raise TryAgain(f"an inspection is on for another {self._left_s():.0f} s")
            mode = Mode(kind, Lease(by, self._clock.boot, self._clock.read(), lasts_s))
            self._write(mode)
            self._mode, self._hung_at = mode, self._clock.monotonic()
            return mode

    def end(self, kind: ModeKind) -> None:
        """End the present mode now, if it is of *kind*. Where the disk refuses, a next life goes on with it."""
        with self._lock:
            if self._mode is None or self._mode.kind is not kind or self._left_s() <= 0:
                return
            self._mode = replace(self._mode, lease=self._mode.lease.cut(self._clock.read(), self._clock.boot))
            with suppress(TryAgain):
                self._write(self._mode)

    def take_down(self, mode: Mode) -> None:
        """The end of *mode* was told: forget it.

        Raises:
            TryAgain: the disk refuses; its end may be told again by a later life.
        """
        with self._lock:
            if self._mode != mode:
                return
            self._mode = None
            try:
                self._path.unlink(missing_ok=True)
                flush_folder(self._path.parent)
            except OSError as error:
                raise TryAgain(f"{self._path}: {error.strerror}") from error

    def _write(self, mode: Mode) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, mode.encode())
        except OSError as error:
            raise TryAgain(f"{self._path} cannot be written: {error.strerror}") from error
