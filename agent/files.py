"""Files that are whole, in a folder with one owner: the one way in which this agent replaces a file.

The new bytes go to a file beside it and are flushed; then that file takes the old one's name; then the
folder is flushed, for a name is data of the folder. A power cut at any moment leaves the old file or the
new one, whole, and after `replace_file` has returned only the new one. `tests/powercut` holds it to that.

Two agents that write one folder would number their ratings alike and undo each other's files: `owned` lets
one process in at a time. The kernel keeps the claim, so none outlives its process, however that ends.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import PersonMustAct


class FolderTaken(PersonMustAct):
    """Another process owns the folder."""


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own *folder* while the block runs; it is made if it is missing, and nothing is written into it.

    Where there is no such folder and none can be made, or its file system knows no claims, the block
    runs without one: whoever writes there will say what is wrong.

    Raises:
        FolderTaken: another process owns it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno == errno.EWOULDBLOCK:
                raise FolderTaken(str(folder)) from error
        yield
    finally:
        os.close(opened)


def replace_file(path: Path, body: bytes) -> None:
    """Make *body* the contents of *path*, durably. One writer a path; the folder must exist.

    A file that is replaced hands on its mode and, as far as this process may say so, its owner.

    Raises:
        OSError: the disk refuses; what was there before is still there.
    """
    unfinished = path.with_name(f".{path.name}.new")
    try:
        with unfinished.open("wb") as file:
            _hand_on(path, file.fileno())
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _hand_on(path: Path, opened: int) -> None:
    try:
        before = path.stat()
    except FileNotFoundError:
        return
    with suppress(PermissionError):
        os.fchown(opened, before.st_uid, before.st_gid)
    os.fchmod(opened, stat.S_IMODE(before.st_mode))


def flush_folder(folder: Path) -> None:
    """Make the names in *folder* durable: which files there are, and which file each name means."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
