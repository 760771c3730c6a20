"""The slip: the one-time code that the province has armed for an inspection, kept in one small file.

It is on the disk, wrong tries included, before anything follows from it: pulling the plug gives no further
tries, and a code that has opened an inspection opens no second one. Any thread may ask.
"""

import threading
from pathlib import Path

from agent.clock import Clock
from agent.errors import TryAgain
from agent.files import flush_folder, replace_file
from agent.rating.inspection.chord import DAY_S, Passcode, Verdict
from agent.rating.inspection.modes import Lease


def read_slip(path: Path) -> Passcode | None:
    """The passcode in the file at *path*; None when there is none that can be read."""
    try:
        return Passcode.decode(path.read_bytes())
    except (OSError, ValueError):
        return None


class Slip:
    def __init__(self, path: Path, clock: Clock, passcode: Passcode | None) -> None:
        """*passcode* is what an earlier life left at *path*."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._passcode = passcode

    @property
    def passcode(self) -> Passcode | None:
        """The code that would open an inspection now."""
        with self._lock:
            return self._valid()

    def _valid(self) -> Passcode | None:
        armed = self._passcode
        if armed is None or armed.tries_left <= 0:
            return None
        return armed if armed.lease.left_s(self._clock.read(), self._clock.boot) > 0 else None

    def arm(self, code: str, *, by: str, lasts_s: float) -> None:
        """Let *code* open one inspection, for so long.

        Raises:
            TryAgain: the disk refuses; what was armed before stays.
            ValueError: it would last longer than a day.
        """
        if not 0 < lasts_s <= DAY_S:
            raise ValueError("a code lasts at most a day")
        with self._lock:
            self._keep(Passcode(code, Lease(by, self._clock.boot, self._clock.read(), lasts_s)))

    def disarm(self) -> None:
        """No code opens an inspection any more.

        Raises:
            TryAgain: the disk refuses.
        """
        with self._lock:
            self._keep(None)

    def try_code(self, typed: str) -> tuple[Verdict, Passcode] | None:
        """Judge a code that was typed at the keypad; a right one is used up. None: none was armed.

        Raises:
            TryAgain: the disk refuses; nothing may follow.
        """
        with self._lock:
            armed = self._valid()
            if armed is None:
                return None
            verdict = armed.judge(typed)
            after = None if verdict is Verdict.RIGHT else armed.missed()
            self._keep(after)
            return verdict, after or armed

    def _keep(self, passcode: Passcode | None) -> None:
        try:
            if passcode is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(self._path, passcode.encode())
            elif self._path.exists():
                self._path.unlink(missing_ok=True)
                flush_folder(self._path.parent)
        except OSError as error:
            raise TryAgain(f"{self._path} cannot be written: {error.strerror}") from error
        self._passcode = passcode
