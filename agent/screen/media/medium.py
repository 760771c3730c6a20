"""Media: what may be shown, what is refused, and by what name. Values without a place: the store beside them has them.

A file is known by the hash of its bytes (`source`).
"""

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

SUFFIXES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mp4": "video/mp4"}
"""What renditions are, and as what they are served."""
CHANCES = 3
"""So often a file is tried whose darkroom was ended by circumstances."""
NAME_LENGTH = 96


class MediaError(Exception):
    """This file cannot be shown; `reason` names a message under `screen.refused`."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that is not shown, and why."""

    name: str
    reason: str
    """Names a message under `screen.refused`, and what to do under `screen.remedy`."""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_pass(self) -> bool:
        """Whether the box may have been to blame: it was slow beyond measure, or short of memory and ended whoever
        had offered himself for that."""
        return self.reason == "hung" or self.values.get("how") == "SIGKILL"


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
    sha256: str = ""
    """Of the bytes as they are served."""
    making: str = ""
    """Tells what was made again from what it was before: a browser need not ask twice for one address."""

    def sealed(self, file: Path) -> "Medium":
        """The same with the hash of *file*, in which it was made just now."""
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return replace(self, sha256=digest, making=secrets.token_hex(4))


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
    tries: int = 0
    """How often it was refused by circumstances."""

    @property
    def may_be_tried_again(self) -> bool:
        """Whether it was refused, and may yet turn out well."""
        return self.refusal is not None and self.refusal.may_pass and self.tries < CHANCES

    def named(self, name: str) -> "Record":
        """The same of a file called *name*."""
        media = tuple(replace(medium, name=name) for medium in self.media)
        return replace(self, media=media, refusal=self.refusal and replace(self.refusal, name=name))


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


def source_of(id_: str) -> str:
    """The content of which that was made."""
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
