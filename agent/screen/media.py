"""Media: from files a person dropped into a folder to pictures a page may show without looking twice.

A picture is known by the hash of its bytes, is decoded in full before anyone sees it (a browser draws
a JPEG that was cut to a third as if nothing were missing), and is served as a rendition: turned the
way its EXIF says, at most 1920 px long. Renditions live in a store beside the watched folder, never in
it; the page is fed from there alone. What cannot be shown is refused with a reason for the technician.

Runs on the screen service's thread; nothing here waits or watches.
"""

import hashlib
import os
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.errors import SystemReason
from agent.files import replace_file

if TYPE_CHECKING:
    from PIL.Image import Image

LONG_SIDE_PX = 1920
"""What a full-HD panel can show."""
LIMIT_PIXELS = 50_000_000
"""A 50 MP picture takes 150 MB decoded: as much as a 1 GB board can spare."""
LIMIT_BYTES = 64 * 2**20
SETTLE_S = 2.0
"""A file whose size and time stood still this long has been copied to its end."""

_FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_UNFINISHED = re.compile(r"(^[.~])|(\.(tmp|temp|part|partial|crdownload|download|swp|filepart)$)", re.IGNORECASE)
_LITTER = frozenset({"thumbs.db", "desktop.ini"})
_ID = re.compile(r"[0-9a-f]{32}")
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files, each in its own way."""


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
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Medium:
    """What may be shown: a picture, a film, or one page of a document. Served at `/media/<id>`."""

    id: str
    """Known by its content: equal bytes, equal id."""
    name: str
    """Of the file it came from, composed (NFC) and on one line."""
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
    """What a folder holds at one look."""

    media: tuple[Medium, ...]
    """In the order of their names; equal content once; a document's pages in their order."""
    refusals: tuple[Refusal, ...]
    is_settling: bool
    """A file is still being written; look again."""


def content_id(data: bytes) -> str:
    """The first 128 bits of the SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:32]


def rendition(data: bytes) -> tuple[bytes, str]:
    """The picture in *data* as it will be served, and the suffix that tells its type.

    A picture that is right as it stands is returned byte for byte.

    Raises:
        MediaError: not a picture, damaged, or larger than a board can decode.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - slow; the keypad comes first

    if not data:
        raise MediaError("empty")
    try:
        image: Image.Image = Image.open(BytesIO(data), formats=tuple(_FORMATS))
    except UnidentifiedImageError:
        raise MediaError("unknown") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise MediaError("pixels", limit=LIMIT_PIXELS // 1_000_000) from None
    except _BROKEN:
        raise MediaError("broken") from None
    with image:
        if image.width * image.height > LIMIT_PIXELS:
            raise MediaError("pixels", limit=LIMIT_PIXELS // 1_000_000)
        suffix = _FORMATS.get(image.format or "")
        try:
            as_it_stands = _is_right(image)
            # `thumbnail` decodes a JPEG at a half or a quarter where that is enough; every byte is still read.
            image.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
            image.load()
        except _BROKEN:
            raise MediaError("broken") from None
        if suffix and as_it_stands:
            return data, suffix
        return _encoded(ImageOps.exif_transpose(image))


def _is_right(image: "Image") -> bool:
    return (
        max(image.size) <= LONG_SIDE_PX
        and image.mode in ("1", "L", "LA", "P", "RGB", "RGBA")
        and image.getexif().get(_ORIENTATION, 1) == 1
        and not getattr(image, "is_animated", False)
    )


_ORIENTATION = 0x0112


def _encoded(image: "Image") -> tuple[bytes, str]:
    colours = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    if image.mode.startswith(("I", "F")):
        image = image.point(lambda value: value / 256).convert("L")  # 16 bits of grey; `convert` alone would clip
    file = BytesIO()
    if image.has_transparency_data:
        image.convert("RGBA").save(file, "WEBP", quality=90, icc_profile=colours)
        return file.getvalue(), "webp"
    # Full colour resolution: posters are red letters on blue, which subsampling frays.
    image.convert("RGB").save(file, "JPEG", quality=90, subsampling=0, icc_profile=colours)
    return file.getvalue(), "jpg"


class MediaStore:
    """Renditions by content, in a folder of their own; a file there is whole or absent.

    `find` may be called from any thread; the rest belongs to the screen service.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, id_: str) -> tuple[Path, str] | None:
        """The rendition's file and media type, or None."""
        if _ID.fullmatch(id_):
            for suffix, media_type in _MEDIA_TYPES.items():
                if (file := self.path / f"{id_}.{suffix}").is_file():
                    return file, media_type
        return None

    def put(self, id_: str, data: bytes, suffix: str) -> Path:
        """Store a rendition durably.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / f"{id_}.{suffix}"
        replace_file(file, data)
        return file

    def keep(self, ids: Iterable[str]) -> None:
        """Let go of every rendition that is not of *ids*."""
        kept = frozenset(ids)
        with suppress(FileNotFoundError):
            for file in list(self.path.iterdir()):
                if file.stem.removeprefix(".") not in kept:
                    file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Sight:
    """A file as it was last seen, and what was found in it once it stood still."""

    mark: tuple[int, int]
    since: float
    finding: Medium | Refusal | None


class MediaFolder:
    """The watched folder, look by look. A file is read when it stood still, and again only when it changed."""

    def __init__(self, path: Path, store: MediaStore, *, settle_s: float = SETTLE_S) -> None:
        self.path = path
        self._store = store
        self._settle_s = settle_s
        self._sights: dict[str, _Sight] = {}

    def look(self, *, wall_s: float, monotonic: float) -> Offer:
        """See what is there now; *wall_s* is compared with file times, *monotonic* with earlier looks.

        Raises:
            OSError: the folder is not there or cannot be read, or the store cannot be written.
        """
        with os.scandir(self.path) as entries:
            files = {entry.name: entry for entry in entries if _is_candidate(entry.name) and _is_file(entry)}
        sights: dict[str, _Sight] = {}
        settling = False
        for name in sorted(files, key=lambda name: unicodedata.normalize("NFC", name).casefold()):
            try:
                stat = files[name].stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                sights[name] = _Sight((0, 0), monotonic, _unreadable(name, error))
                continue
            mark, before = (stat.st_size, stat.st_mtime_ns), self._sights.get(name)
            if before is not None and before.mark == mark and before.finding is not None:
                sight = before
            else:
                since = before.since if before is not None and before.mark == mark else monotonic
                is_still = monotonic - since >= self._settle_s or wall_s - stat.st_mtime >= self._settle_s
                sight = _Sight(mark, since, self._read(name, stat.st_size) if is_still else None)
                settling = settling or not is_still
            sights[name] = sight
        self._sights = sights
        findings = [sight.finding for sight in sights.values()]
        media: dict[str, Medium] = {}
        for found in findings:
            if isinstance(found, Medium):
                media.setdefault(found.id, found)
        return Offer(
            media=tuple(media.values()),
            refusals=tuple(found for found in findings if isinstance(found, Refusal)),
            is_settling=settling,
        )

    def _read(self, name: str, size: int) -> Medium | Refusal:
        shown_name = unicodedata.normalize("NFC", name)
        if size > LIMIT_BYTES:
            return Refusal(shown_name, "bytes", {"limit": LIMIT_BYTES // 2**20})
        try:
            data = (self.path / name).read_bytes()
        except OSError as error:
            return _unreadable(name, error)
        id_ = content_id(data)
        stored = self._store.find(id_)
        if stored is None:
            try:
                made, suffix = rendition(data)
            except MediaError as refused:
                return Refusal(shown_name, refused.reason, refused.values)
            stored = self._store.put(id_, made, suffix), suffix
        width_px, height_px = _size_of(stored[0])
        return Medium(id_, shown_name, "image", stored[0].stat().st_size, width_px, height_px)


def _size_of(file: Path) -> tuple[int, int]:
    from PIL import Image  # noqa: PLC0415

    with Image.open(file) as image:
        return image.size


def _unreadable(name: str, error: OSError) -> Refusal:
    return Refusal(unicodedata.normalize("NFC", name), "unreadable", {"error": SystemReason.of(error)})


def _is_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file; what cannot even be looked at (links in a circle) counts, to be refused by its name."""
    try:
        return entry.is_file()
    except OSError:
        return True


def _is_candidate(name: str) -> bool:
    """Neither hidden, nor a download under way, nor what file browsers leave behind."""
    return _UNFINISHED.search(name) is None and name.casefold() not in _LITTER
