"""A disk of one's own: an ext4 in a file, so that every byte and every flush that reaches its device is counted.

The file system's own journal and metadata are in the count, and nobody else's writes. It needs the right to mount.
"""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.bench.figures import NotPossible


@dataclass(frozen=True, slots=True)
class Wear:
    """What reached the device: since it began, or between two readings."""

    written_bytes: int
    flushes: int

    def since(self, before: "Wear") -> "Wear":
        return Wear(self.written_bytes - before.written_bytes, self.flushes - before.flushes)


class CountedDisk:
    """Mounted for as long as the block lasts; `folder` is its root."""

    def __init__(self, folder: Path, *, size_mib: int = 512) -> None:
        if os.geteuid() != 0:
            raise NotPossible("counting at the block device needs root, to mount a file as a disk")
        self.folder = folder / "disk"
        self._image = folder / "disk.img"
        self._size_mib = size_mib
        self._device = ""

    def wear(self) -> Wear:
        """What has reached the device so far, everything written until now included."""
        subprocess.run(["sync", "--file-system", self.folder], check=True)
        # Documentation/admin-guide/iostats.rst: sectors are of 512 bytes whatever the device's are.
        counts = Path("/sys/block", Path(self._device).name, "stat").read_text().split()
        return Wear(int(counts[6]) * 512, int(counts[15]))

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        with self._image.open("wb") as image:
            image.truncate(self._size_mib * 2**20)
        try:
            _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._image)
            self._device = _run("losetup", "--find", "--show", self._image)
            _run("mount", "-o", "noatime", self._device, self.folder)
        except (OSError, subprocess.CalledProcessError) as error:
            self._release()
            raise NotPossible(f"a file cannot be mounted as a disk here: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):
            _run("umount", self.folder)
        self._release()

    def _release(self) -> None:
        if self._device:
            with suppress(subprocess.CalledProcessError):
                _run("losetup", "--detach", self._device)
        self._image.unlink(missing_ok=True)


def _run(*command: str | Path) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()
