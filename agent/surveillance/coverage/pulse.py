"""The pulse: one line that says how old the boot was when a life of the agent was last seen, overwritten in its place.

It is torn or whole; a torn one is none. Each place has its own: memory knows the last second, the card the last flush.
"""

import os
import zlib
from contextlib import suppress
from pathlib import Path

from agent.errors import TryAgain
from agent.files import flush_folder

PULSE = "coverage.pulse"


class Pulse:
    """The writer's hand, on the line in one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / PULSE
        self._fd: int | None = None

    def close(self) -> None:
        """Idempotent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def beat(self, life: int, boot: str, age: float) -> None:
        """*life* lasts until *boot* is *age* seconds old; when this returns, a power cut leaves that on a card.

        Raises:
            TryAgain: the disk refuses.
        """
        try:
            if self._fd is None:
                self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
                flush_folder(self.path.parent)
            os.pwrite(self._fd, _line(life, boot, age), 0)
            os.fdatasync(self._fd)
        except OSError as error:
            self.close()
            raise TryAgain(f"{self.path}: {error.strerror}") from error


def pulse_age(folder: Path, life: int, boot: str) -> float:
    """How old *boot* was at the last pulse of *life* in *folder*; 0 when none can be read."""
    with suppress(OSError, ValueError):
        line = (folder / PULSE).read_bytes()
        said_life, said_boot, age, _ = line.split()
        if line == _line(life, boot, float(age)) and int(said_life) == life and said_boot.decode() == boot:
            return float(age)
    return 0.0


def _line(life: int, boot: str, age: float) -> bytes:
    said = f"{life:010d} {boot:>12} {age:016.3f}".encode()
    return said + f" {zlib.crc32(said):08x}\n".encode()
