"""What a camera learned of the place it looks at, kept on the box: also a camera turned while it was off is found.

One file a camera, written when a view is learned and once an hour after that, by the camera's own thread. It is
160 x 120 grey pixels, and it never leaves the box.
"""

import logging
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from agent.files import replace_file

log = logging.getLogger(__name__)

LIMIT_BYTES = 1024 * 1024
VIEW, BACKDROP, GROUND = ".view", ".backdrop", ".ground"
"""How a camera's files end, after its name: for tampering, for what leaves, for visits."""


class KeptView:
    """One camera's view; in memory only where there is no *path*."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._view: bytes | None = None

    @property
    def view(self) -> bytes:
        """As the child told it; empty while nothing was learned."""
        if self._view is None:
            self._view = b""
            if self._path is not None:
                with suppress(OSError):
                    if self._path.stat().st_size <= LIMIT_BYTES:
                        self._view = self._path.read_bytes()
        return self._view

    def keep(self, view: bytes) -> None:
        """Keep *view* in the place of what was kept; empty: nothing is known any more."""
        if view == self.view:
            return
        self._view = view
        if self._path is None:
            return
        try:
            if view:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(self._path, view)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("what the camera learned is not on the card, and is learned again after a restart: %s", error)


def forget_others(folder: Path, cameras: Collection[str]) -> None:
    """Delete what was learned in *folder* by a camera that is none of *cameras*."""
    try:
        files = list(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("what cameras learned that are no more cannot be deleted: %s", error)
        return
    for file in files:
        if file.suffix in (VIEW, BACKDROP, GROUND) and file.stem not in cameras:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                log.warning("what a camera learned that is no more cannot be deleted: %s", error)
