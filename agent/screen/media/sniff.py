"""What a file is, by its first bytes: its name may say anything. Pure."""

from typing import Literal, NamedTuple

from agent.screen.media.medium import MediaError

Family = Literal["picture", "film", "document"]

LARGEST_BYTES: dict[Family, int] = {"picture": 64 * 2**20, "document": 64 * 2**20, "film": 2**30}
"""A film of 8 Mbit/s fills a gigabyte in 17 minutes."""


class Kind(NamedTuple):
    """What it is, and the suffix of its kind."""

    family: Family
    suffix: str


def sniff(head: bytes) -> Kind:
    """The kind of the file that begins with *head*.

    Raises:
        MediaError: not one that can be shown; the reason says what it is where a person can do something about it.
    """
    if not head:
        raise MediaError("empty")
    if b"%PDF-" in head[:1024]:
        return Kind("document", "pdf")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF":
        return _riff(head[8:12])
    if head[4:8] == b"ftyp":
        return _base_media(head[8:12])
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free"):  # QuickTime of old
        return Kind("film", "mp4")
    for magic, reason in _KNOWN:
        if head.startswith(magic):
            raise MediaError(reason)
    raise MediaError("unknown")


def _riff(form: bytes) -> Kind:
    if form == b"WEBP":
        return Kind("picture", "webp")
    raise MediaError("container" if form == b"AVI " else "unknown")


def _base_media(brand: bytes) -> Kind:
    """MP4, QuickTime, and the photographs of telephones, which dress alike."""
    if brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
        raise MediaError("heic")
    if brand in (b"avif", b"avis"):
        raise MediaError("unknown")
    return Kind("film", "mp4")


_MAGIC = (
    (b"\xff\xd8\xff", Kind("picture", "jpg")),
    (b"\x89PNG\r\n\x1a\n", Kind("picture", "png")),
    (b"\x1a\x45\xdf\xa3", Kind("film", "mkv")),
)
_KNOWN = (
    (b"PK\x03\x04", "office"),
    (b"\xd0\xcf\x11\xe0", "office"),
    (b"\x30\x26\xb2\x75", "container"),  # WMV
    (b"FLV\x01", "container"),
    (b"\x00\x00\x01\xba", "container"),  # MPEG
    (b"G@", "container"),  # a transport stream
)
