"""Media: what may be shown, what is refused, and the store of what the page is fed from.

A file is known by the hash of its bytes (`source`). What was made of it once, or why nothing was, is kept
beside it in a record, so that nothing is decoded twice. In the store a rendition is whole or absent, a record
comes after its renditions, and what nothing refers to any more is let go of. It never takes the last
room of the card: ratings live there too.

`MediaStore` may be used from any thread.
"""

import hashlib
import json
import os
import re
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from agent import __version__
from agent.errors import TryAgain
from agent.files import flush_folder, replace_file

SUFFIXES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mp4": "video/mp4"}
"""What renditions are, and as what they are served."""
FLOOR_BYTES = 2**30
FLOOR_SHARE = 0.1
FLOOR_MOST_BYTES = 8 * 2**30
"""So much of the card stays free of media: a tenth, at least 1 GB, and on large disks no more than 8 GB."""
GRACE_S = 600.0
"""What has just come in is kept so long, whether or not anybody refers to it yet."""
REFUSED_KEPT = 200
"""Records of refused files, so that a bad film is not decoded again and again; the oldest are let go of."""
NAME_LENGTH = 96

_MADE, _REFUSED = ".made", ".refused"
_ID = re.compile(r"[0-9a-f]{32}(-[1-9][0-9]{0,3})?")


class MediaError(Exception):
    """This file cannot be shown; `reason` names a message under `screen.refused`."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


class NoRoom(TryAgain):
    """The card is too full to take in more."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that is not shown, and why."""

    name: str
    reason: str
    """Names a message under `screen.refused`, and what to do under `screen.remedy`."""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Medium:
    """What may be shown: a picture, a film, or one page of a document. Served at `/media/<id>`."""

    id: str
    """Known by its content: equal bytes, equal id. Pages of a document: the document's, and their number."""
    name: str
    """Of the file it came from, as it may be shown."""
    kind: Literal["image", "video"]
    bytes: int
    """As it is served."""
    width_px: int
    height_px: int
    length_s: float | None = None
    """Of a film."""
    page: int | None = None
    """Which page of a document, from 1."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source has to show at one look."""

    media: tuple[Medium, ...]
    """In the order of their names; equal content once; a document's pages in their order."""
    refusals: tuple[Refusal, ...]
    is_settling: bool
    """A file is still being written or looked into; look again."""
    trouble: OSError | None = None
    """Why nothing more can be taken in or remembered: the store cannot be written. What is there plays all the same."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a file: what may be shown of it, or why nothing may."""

    source: str = ""
    """Its content; empty when it was refused before it was read."""
    media: tuple[Medium, ...] = ()
    refusal: Refusal | None = None

    def named(self, name: str) -> "Record":
        """The same of a file called *name*."""
        media = tuple(replace(medium, name=name) for medium in self.media)
        return Record(self.source, media, self.refusal and replace(self.refusal, name=name))


def content_id(data: bytes) -> str:
    """The first 128 bits of the SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:32]


def content_of(file: Path) -> str:
    """The same of a file, however large.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:32]


def medium_id(source: str, page: int | None = None) -> str:
    """The id of what is made of the content *source*."""
    return source if page is None else f"{source}-{page}"


def _source_of(id_: str) -> str:
    return id_.partition("-")[0]


def shown_name(name: str) -> str:
    """A file's name as people may be shown it: composed, on one line, of a sensible length, whatever was in it."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    text = "".join(sign if unicodedata.category(sign)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH // 2]}…{text[-NAME_LENGTH // 3 :]}"


class Refusals:
    """What is not shown, by the source that offered it. Thread-safe; each source tells of its own."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[Refusal, ...]] = {}

    def tell(self, origin: str, refusals: Iterable[Refusal]) -> None:
        self._told = {**self._told, origin: tuple(refusals)}

    def all(self) -> tuple[Refusal, ...]:
        return tuple(refusal for refusals in self._told.values() for refusal in refusals)


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
            with suppress(OSError, ValueError, KeyError, TypeError), self._lock:
                record = _decoded(source, self._record(source, suffix).read_bytes())
                if self.has(record.media):
                    self._fresh |= {medium.id: time.monotonic() for medium in record.media}
                    return record
        return None

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

    def enter(self, record: Record, files: Sequence[Path] = ()) -> None:
        """Take in what was made, durably: *files*, one for each medium, in the workshop, and then the record.

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
        replace_file(self._record(record.source, _MADE if record.refusal is None else _REFUSED), _encoded(record))

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
            known = needed | {_source_of(id_) for id_ in kept}
            files = self._files()
            refused = sorted((file for file in files if file.suffix == _REFUSED), key=lambda file: file.stat().st_mtime)
            gone = refused[:-REFUSED_KEPT]
            gone += [file for file in files if file.suffix == _MADE and file.stem.removeprefix(".") not in known]
            renditions = [file for file in files if not file.name.startswith(".")]
            gone += [file for file in renditions if file.stem not in kept and _source_of(file.stem) not in needed]
            for file in gone:
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return [file for file in self.path.iterdir() if file.is_file()]
        return []

    def _record(self, source: str, suffix: str) -> Path:
        return self.path / f".{source}{suffix}"


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
    return Record(source, refusal=Refusal("", str(refused["reason"]), dict(refused["values"])))
