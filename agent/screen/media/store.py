"""The store of what the page is fed from.

What was made of a file once, or why nothing was, is kept beside the renditions in a record, so that nothing is
decoded twice. A rendition is whole or absent, a record comes after its renditions, and what nothing refers to
any more is let go of. It never takes the last room of the card: ratings live there too.

`MediaStore` may be used from any thread.
"""

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from agent import __version__
from agent.errors import TryAgain
from agent.files import flush_folder, replace_file
from agent.screen.media.medium import SUFFIXES, Medium, Record, Refusal, source_of

FLOOR_BYTES = 2**30
FLOOR_SHARE = 0.1
FLOOR_MOST_BYTES = 8 * 2**30
"""So much of the card stays free of media: a tenth, at least 1 GB, and on large disks no more than 8 GB."""
GRACE_S = 600.0
"""What has just come in is kept so long, whether or not anybody refers to it yet."""
REFUSED_KEPT = 200
"""Records of refused files, so that a bad film is not decoded again and again; the oldest are let go of."""

_MADE, _REFUSED = ".made", ".refused"
_ID = re.compile(r"[0-9a-f]{32}(-[1-9][0-9]{0,3})?")


class NoRoom(TryAgain):
    """The card is too full to take in more."""


class MediaStore:
    """Renditions by content, with their records, in a folder of their own."""

    def __init__(self, path: Path, *, free_bytes: Callable[[Path], int] | None = None) -> None:
        """*free_bytes* tells how much the disk of a folder may still take."""
        self.path = path
        self.workshop = path / ".work"
        """Where files are made: on the same disk, one job at a time."""
        self._free_bytes = free_bytes or free_above_floor
        self._lock = threading.Lock()
        self._fresh: dict[str, float] = {}
        self.losses = 0
        """How many renditions were let go of in this life because they were not what they had been any more."""

    # What is there.

    def find(self, id_: str) -> tuple[Path, str] | None:
        """The rendition's file and media type, or None."""
        if _ID.fullmatch(id_):
            for suffix, media_type in SUFFIXES.items():
                if (file := self.path / f"{id_}.{suffix}").is_file():
                    return file, media_type
        return None

    def has(self, media: Iterable[Medium]) -> bool:
        """Whether every rendition of *media* is there."""
        return all(self.find(medium.id) for medium in media)

    def known(self, source: str) -> Record | None:
        """What became of this content before; None: it never came, or what was made of it is gone."""
        for suffix in (_MADE, _REFUSED):
            with self._lock:
                record = self._read(source, suffix)
                if record is not None and self.has(record.media) and not record.may_be_tried_again:
                    self._fresh |= {medium.id: time.monotonic() for medium in record.media}
                    return record
        return None

    def records(self) -> Iterator[Record]:
        """What was made of every content, one after another; what comes or goes meanwhile may be missed."""
        for file in self._files():
            if file.suffix == _MADE and (record := self._read(file.stem.removeprefix("."), _MADE)) is not None:
                yield record

    # What comes in.

    def check_room(self, size_bytes: int) -> None:
        """Hold a file of *size_bytes* against what the disk may still take, with room for its rendition.

        Raises:
            NoRoom: it is too large for now.
            OSError: the store cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if self._free_bytes(self.path) < 2 * size_bytes:
            raise NoRoom("the card is too full for more media")

    def enter(self, record: Record, files: Sequence[Path] = ()) -> Record:
        """Take in what was made, durably: *files*, one for each medium, in the workshop, and then the record, which is
        given back with how often it was tried.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        for file in files:
            _flush(file)
        with self._lock:
            for medium, file in zip(record.media, files, strict=True):
                self._fresh[medium.id] = time.monotonic()
                file.replace(self.path / f"{medium.id}{file.suffix}")
        flush_folder(self.path)
        suffix = _MADE if record.refusal is None else _REFUSED
        if record.refusal is not None and record.refusal.may_pass:
            before = self._read(record.source, suffix)
            record = replace(record, tries=1 + (before.tries if before is not None else 0))
        replace_file(self._record(record.source, suffix), _encoded(record))
        return record

    def empty_workshop(self) -> Path:
        """The workshop, with nothing in it.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        self.workshop.mkdir(parents=True, exist_ok=True)
        for file in self.workshop.iterdir():
            file.unlink()
        return self.workshop

    # What goes.

    def lose(self, source: str, medium: Medium) -> None:
        """*medium*, made of *source*, is not what it was: let go of it, unless it was made anew since.

        Raises:
            OSError: the store cannot be written.
        """
        with self._lock:
            record = self._read(source, _MADE)
            is_that = (
                any((each.id, each.making) == (medium.id, medium.making) for each in record.media) if record else False
            )
            if is_that and (found := self.find(medium.id)) is not None:
                found[0].unlink(missing_ok=True)
                self.losses += 1

    def keep(self, ids: Iterable[str], sources: Iterable[str] = ()) -> None:
        """Let go of every rendition that is neither of *ids*, nor of the contents *sources*, nor new, and of the
        records nobody needs.

        Raises:
            OSError: the store cannot be written.
        """
        kept = frozenset(ids)
        with self._lock:
            needed = frozenset(sources)
            until = time.monotonic() - GRACE_S
            self._fresh = {id_: at for id_, at in self._fresh.items() if at > until}
            kept |= self._fresh.keys()
            known = needed | {source_of(id_) for id_ in kept}
            files = self._files()
            refused = sorted((file for file in files if file.suffix == _REFUSED), key=lambda file: file.stat().st_mtime)
            gone = refused[:-REFUSED_KEPT]
            gone += [file for file in files if file.suffix == _MADE and file.stem.removeprefix(".") not in known]
            renditions = [file for file in files if not file.name.startswith(".")]
            gone += [file for file in renditions if file.stem not in kept and source_of(file.stem) not in needed]
            for file in gone:
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return [file for file in self.path.iterdir() if file.is_file()]
        return []

    def _record(self, source: str, suffix: str) -> Path:
        return self.path / f".{source}{suffix}"

    def _read(self, source: str, suffix: str) -> Record | None:
        """The record, if there is one that can be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _decoded(source, self._record(source, suffix).read_bytes())
        return None


def free_above_floor(path: Path) -> int:
    """How many bytes media may still take on the disk of *path*; below 0: it has less left than must stay free."""
    usage = shutil.disk_usage(path)
    floor = max(FLOOR_BYTES, min(FLOOR_MOST_BYTES, int(usage.total * FLOOR_SHARE)))
    return usage.free - floor


def _flush(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _encoded(record: Record) -> bytes:
    refusal = record.refusal
    return json.dumps(
        {
            "software": __version__,
            "media": [asdict(medium) for medium in record.media],
            "refused": refusal and {"reason": refusal.reason, "values": dict(refusal.values)},
            "tries": record.tries,
        }
    ).encode()


def _decoded(source: str, data: bytes) -> Record:
    """Raises ValueError, KeyError or TypeError for what is no record, or a refusal by another version."""
    found = json.loads(data)
    refused = found["refused"]
    if refused is None:
        return Record(source, tuple(Medium(**medium) for medium in found["media"]))
    if found["software"] != __version__:
        raise ValueError("refused by another version")
    refusal = Refusal("", str(refused["reason"]), dict(refused["values"]))
    return Record(source, refusal=refusal, tries=int(found["tries"]))
