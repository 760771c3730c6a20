"""The portal's keys: one file a counter, `<agent>.key`, the same secret that stands in the counter's `qr.secret_file`.

The folder is looked at again while the portal runs: a new counter's file is enough. A file that cannot be used
is named once and keeps nobody else out. Any thread may ask.
"""

import logging
import stat
import threading
from pathlib import Path

from agent.errors import PersonMustAct
from agent.rating.phone.secret import QrKeys, device_of

log = logging.getLogger(__name__)

SUFFIX = ".key"


class Keyring:
    """The keys of the counters whose secrets are in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, int]] = {}
        self._keys: dict[bytes, QrKeys] = {}
        self._said: set[str] = set()

    def look(self) -> bool:
        """Read the folder again if something in it changed; whether it did.

        Raises:
            PersonMustAct: the folder cannot be read.
        """
        try:
            found = {path.name: path.stat() for path in self._folder.iterdir() if path.suffix == SUFFIX}
        except OSError as error:
            raise PersonMustAct(f"{self._folder}: {error.strerror}; the keys of the counters stand there") from error
        seen = {name: (each.st_mtime_ns, each.st_size) for name, each in found.items()}
        if seen == self._seen:
            return False
        keys: dict[bytes, QrKeys] = {}
        for name, each in sorted(found.items()):
            agent = name.removesuffix(SUFFIX)
            if each.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                self._complain(name, f"others may read it; chmod 600 {self._folder / name}")
            try:
                read = QrKeys.from_secret((self._folder / name).read_bytes(), agent=agent)
            except (OSError, ValueError) as error:
                self._complain(name, f"not used: {error}")
                continue
            if read.device in keys:
                self._complain(name, f"not used: it looks the same in a token as {keys[read.device].agent}")
                continue
            keys[read.device] = read
        with self._lock:
            self._seen, self._keys = seen, keys
        log.info("keys of %d counters", len(keys))
        return True

    def _complain(self, name: str, what: str) -> None:
        if (line := f"{name}: {what}") not in self._said:
            self._said.add(line)
            log.warning("%s", line)

    def find(self, device: bytes) -> QrKeys | None:
        """The keys of the counter that *device* stands for."""
        with self._lock:
            return self._keys.get(device)

    def of(self, agent: str) -> QrKeys | None:
        """The keys of the counter called *agent*."""
        keys = self.find(device_of(agent))
        return keys if keys is not None and keys.agent == agent else None

    def agents(self) -> frozenset[str]:
        """Every counter whose keys are here."""
        with self._lock:
            return frozenset(keys.agent for keys in self._keys.values())
