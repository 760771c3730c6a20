"""Files that are whole: the one way in which this agent replaces a file.

The new bytes go to a file beside it and are flushed; then that file takes the old one's name; then the
folder is flushed, for a name is data of the folder. A power cut at any moment leaves the old file or the
new one, whole, and after `replace_file` has returned only the new one. `tests/powercut` holds it to that.
"""

import os
from pathlib import Path


def replace_file(path: Path, body: bytes) -> None:
    """Make *body* the contents of *path*, durably. One writer a path; the folder must exist.

    Raises:
        OSError: the disk refuses; what was there before is still there.
    """
    unfinished = path.with_name(f".{path.name}.new")
    try:
        with unfinished.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make the names in *folder* durable: which files there are, and which file each name means."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
