"""The darkroom: the process in which one foreign file is opened, and nothing else is ever opened in it.

Decoders written in C may crash, hang or eat memory over a crafted or a broken file; here they take along
nobody but themselves. The file is hashed, copied (what is looked at is what will be shown, whatever
happens to the original meanwhile), and developed into renditions beside the copy. Started by
`agent.screen.media.develop` as a fresh interpreter: `python -P -m agent.screen.media.darkroom FD FILE FOLDER`, where
the file `-` is standard input.

It speaks lines of JSON on FD: `source`, then, when it was told to go on, `alive` now and then, and at
last `made` or `refused`. It ends with its parent, however that ends.
"""

import ctypes
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.errors import SystemReason
from agent.screen.media.medium import MediaError, Medium
from agent.screen.media.sniff import LARGEST_BYTES, Kind, sniff

MEMORY_BYTES = 2**30
"""What it may map, libraries included: a picture of 50 megapixels needs half of it."""
FILE_BYTES = 3 * 2**29
FILES = 64
CHUNK_BYTES = 4 * 2**20
"""After so much the card is flushed, so that a commit of a rating never waits behind a whole film."""
ALIVE_EVERY_S = 1.0
_PR_SET_PDEATHSIG = 1
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IDLE = 3 << 13
_WRITE_AND_WAIT = 7


class Tell:
    """The line to the parent."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._told_at = 0.0

    def __call__(self, **words: Any) -> None:
        self._line.sendall(json.dumps(words).encode() + b"\n")

    def alive(self) -> None:
        """Say that it goes on; cheap enough to be called for every picture of a film."""
        now = time.monotonic()
        if now - self._told_at >= ALIVE_EVERY_S:
            self._told_at = now
            self(alive=True)

    def may_go_on(self) -> bool:
        return self._line.recv(1) != b""


def main(fd: int, file: Path, folder: Path) -> None:
    """Develop *file* into *folder*, and tell what came of it."""
    _settle()
    tell = Tell(socket.socket(fileno=fd))
    try:
        made = _develop(file, folder, tell)
    except MediaError as refused:
        tell(refused=refused.reason, values=refused.values)
    except MemoryError:
        tell(refused="memory", values={})
    except Exception as error:  # noqa: BLE001 - a decoder's own kind of complaint about a damaged file
        tell(refused="broken", values={}, why=f"{type(error).__name__}: {error}"[:500])
    else:
        if made is not None:
            tell(**made)


def _settle() -> None:
    """Die with the parent, go last, take little, and leave no core behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):  # where it is forbidden, the file is merely looked into faster
        os.nice(19)
    if (number := _IOPRIO_SET.get(os.uname().machine)) is not None:
        libc.syscall(number, 1, 0, _IDLE)
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_CORE: 0,
    }
    for which, wish in limits.items():
        hard = resource.getrlimit(which)[1]
        most = wish if hard == resource.RLIM_INFINITY else min(wish, hard)
        resource.setrlimit(which, (most, most))


def _develop(file: Path, folder: Path, tell: Tell) -> dict[str, Any] | None:
    """What was made of it, in words; None when it need not be."""
    opened = _opened(file)
    with os.fdopen(opened, "rb", buffering=0) as original:
        kind = sniff(original.read(4096))
        size = os.fstat(opened).st_size
        if size > LARGEST_BYTES[kind.family]:
            raise MediaError("bytes", limit=LARGEST_BYTES[kind.family] // 2**20)
        source = _hash(original, tell)
        tell(source=source[:32], bytes=size)
        if not tell.may_go_on():
            return None
        copy = folder / f"source.{kind.suffix}"
        if _copied(original, copy, tell) != source:
            raise MediaError("changing")
    made = _rendered(kind, copy, source[:32], tell.alive)
    told = []
    for name, medium in made:
        _flush(folder / name, tell.alive)
        told.append({"file": name, "medium": asdict(medium.sealed(folder / name))})
    return {"made": told, "copy": copy.name}


def _opened(file: Path) -> int:
    """Its descriptor: of a regular file, opened without waiting for whoever should write into a pipe."""
    try:
        is_given = file == Path("-")
        opened = os.dup(0) if is_given else os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(error) from None
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        raise MediaError("unknown")
    return opened


def _hash(original: Any, tell: Tell) -> str:
    original.seek(0)
    digest = hashlib.sha256()
    for chunk in _chunks(original, tell):
        digest.update(chunk)
    return digest.hexdigest()


def _copied(original: Any, copy: Path, tell: Tell) -> str:
    """The hash of what was copied."""
    original.seek(0)
    digest = hashlib.sha256()
    with copy.open("wb", buffering=0) as made:
        for chunk in _chunks(original, tell):
            digest.update(chunk)
            made.write(chunk)
            if len(chunk) == CHUNK_BYTES:
                os.fdatasync(made.fileno())
    return digest.hexdigest()


def _chunks(original: Any, tell: Tell) -> Any:
    while True:
        try:
            chunk = original.read(CHUNK_BYTES)
        except OSError as error:
            raise _unreadable(error) from None
        if not chunk:
            return
        tell.alive()
        yield chunk


def _flush(file: Path, alive: Callable[[], None]) -> None:
    """Bring *file* to the card, a piece at a time: others wait for a piece at most."""
    flush_piece = ctypes.CDLL(None).sync_file_range
    flush_piece.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    with file.open("rb") as opened:
        for at in range(0, file.stat().st_size, CHUNK_BYTES):
            flush_piece(opened.fileno(), at, CHUNK_BYTES, _WRITE_AND_WAIT)
            alive()
        os.fsync(opened.fileno())


def _unreadable(error: OSError) -> MediaError:
    return MediaError("unreadable", errno=error.errno, error=SystemReason.of(error))


def _rendered(kind: Kind, copy: Path, source: str, alive: Callable[[], None]) -> list[tuple[str, Medium]]:
    match kind.family:
        case "picture":
            from agent.screen.media.picture import develop_picture  # noqa: PLC0415 - one library a process, no more

            return [develop_picture(copy, source)]
        case "film":
            from agent.screen.media.film import develop_film  # noqa: PLC0415

            return [develop_film(copy, source, kind.suffix, alive)]
        case "document":
            from agent.screen.media.document import develop_document  # noqa: PLC0415

            return develop_document(copy, source, alive)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    os._exit(0)  # not through the interpreter's end, where a decoder may yet crash
