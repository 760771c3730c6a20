"""The province's word on what its counters show: one signed text, whole or refused. Pure, but for the key's file.

What is signed is the text itself, byte for byte, with a heading that no other signature of this house has. Names of
files are for people: nothing is ever fetched, written or opened by them. The version only rises, so that a copy of an
older word, however genuine, changes nothing.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.errors import SystemReason
from agent.screen.media.sniff import LARGEST_BYTES, Family
from agent.settings.dates import Day
from agent.settings.playlist import MOST_ITEMS, PlaylistItem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEADING = b"motcua content 1\n"
LARGEST_TEXT_BYTES = 512 * 1024
HTTPS_PORT = 443


class ContentRefused(Exception):
    """The province's word, or a file of it, is not taken; `reason` names a message under `content.refused`."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason, values)
        self.reason, self.values = reason, values


@dataclass(frozen=True, slots=True)
class File:
    """A file of a set, known by its content; its name is for people."""

    name: str
    sha256: str
    bytes: int

    @property
    def source(self) -> str:
        """The name under which the media store knows this content."""
        return self.sha256[:32]


def host_of(text: str) -> str:
    """The host of an HTTPS address, with its port unless that is HTTPS's own.

    Raises:
        ValueError: it is no plain HTTPS address.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or HTTPS_PORT
    except ValueError:
        raise ValueError("not an address") from None
    if parts.scheme != "https" or not parts.hostname or not re.fullmatch(r"[A-Za-z0-9:/._~%\[\]-]+", text):
        raise ValueError("an address https://host/folder/ is needed")
    return parts.hostname if port == HTTPS_PORT else f"{parts.hostname}:{port}"


def _base(text: str) -> str:
    host_of(text)
    return text.rstrip("/") + "/"


class ContentItem(PlaylistItem):
    """Something that plays: as in `screen.playlist`, and where it is a file, what that file is."""

    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """Of the file's bytes, in hexadecimal: under this name it lies on the server."""
    bytes: int | None = Field(default=None, ge=1, le=max(LARGEST_BYTES.values()))
    """The file's size."""
    type: Family | None = None
    """What the file is."""

    @property
    def known_file(self) -> File | None:
        """Its file; None: it is a notice."""
        if self.file is None or self.sha256 is None or self.bytes is None:
            return None
        return File(self.file, self.sha256, self.bytes)

    @model_validator(mode="after")
    def _is_a_file_of_known_content(self) -> Self:
        said = (self.sha256, self.bytes, self.type)
        if self.file is None:
            if any(value is not None for value in said):
                raise ValueError("a notice has no sha256, bytes or type")
        elif self.sha256 is None or self.bytes is None or self.type is None:
            raise ValueError("a file needs sha256, bytes and type")
        elif self.bytes > LARGEST_BYTES[self.type]:
            raise ValueError(f"bytes: a {self.type} has at most {LARGEST_BYTES[self.type]}")
        return self


class Manifest(BaseModel):
    """A set of things to show, as the province put it together."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", allow_inf_nan=False)

    set: str = Field(pattern="^[a-z0-9-]{1,64}$")
    """What the province calls it."""
    version: int = Field(ge=1, le=2**53 - 1)
    """Rises from one set to the next."""
    made_at: AwareDatetime
    base: Annotated[str, Field(max_length=500), AfterValidator(_base)]
    """The folder on the web server in which the files lie, each under the SHA-256 of its bytes."""
    valid_from: Day | None = None
    """The first day on which anything of it plays."""
    valid_until: Day | None = None
    """The last one."""
    items: Annotated[tuple[ContentItem, ...], Field(max_length=MOST_ITEMS)]

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> Self:
        sizes: dict[str, tuple[int | None, str | None]] = {}
        for item in self.items:
            if item.sha256 is not None and sizes.setdefault(item.sha256, (item.bytes, item.type)) != (
                item.bytes,
                item.type,
            ):
                raise ValueError("one sha256 with two sizes or types")
        if self.valid_from is not None and self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self

    @property
    def host(self) -> str:
        """Where its files lie: a host, with its port unless that is 443."""
        return host_of(self.base)

    @property
    def files(self) -> tuple[File, ...]:
        """Each file once, in order."""
        files = [item.known_file for item in self.items]
        return tuple({file.sha256: file for file in files if file is not None}.values())

    def days(self, item: ContentItem) -> tuple[date | None, date | None]:
        """The first and the last day on which *item* plays: its own, within the set's."""
        firsts = [day for day in (self.valid_from, item.first) if day is not None]
        lasts = [day for day in (self.valid_until, item.until) if day is not None]
        return max(firsts, default=None), min(lasts, default=None)

    def text(self) -> str:
        """As it is signed."""
        said = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        return json.dumps(said, ensure_ascii=False, indent=1)


class Signed(BaseModel):
    """`down/content`, retained: a manifest under its signature."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    manifest: str
    """The manifest as JSON text: what is signed are its bytes in UTF-8 after `motcua content 1` and a line feed."""
    signature: str
    """Ed25519, in base64."""

    def encode(self) -> bytes:
        return self.model_dump_json().encode()


class Word(BaseModel):
    """A manifest that was believed, and which one it is."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    text: str
    manifest: Manifest

    @property
    def digest(self) -> str:
        """Of its text: equal words, equal digest."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def sign(manifest: Manifest, key: "Ed25519PrivateKey") -> Signed:
    """*manifest* as it goes to the counters."""
    text = manifest.text()
    signature = key.sign(HEADING + text.encode())
    return Signed(manifest=text, signature=base64.b64encode(signature).decode())


def read_word(payload: bytes, *, key: "Ed25519PublicKey", hosts: Collection[str]) -> Word:
    """The word in *payload*, if the owner of *key* said it and its files lie on one of *hosts*.

    Raises:
        ContentRefused: it is not to be believed, or not to be understood.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to import

    if len(payload) > 2 * LARGEST_TEXT_BYTES:
        raise ContentRefused("large", limit=2 * LARGEST_TEXT_BYTES // 1024)
    try:
        signed = Signed.model_validate_json(payload)
        signature = base64.b64decode(signed.signature, validate=True)
    except (ValidationError, binascii.Error, ValueError):
        raise ContentRefused("unsigned") from None
    text = signed.manifest.encode()
    try:
        key.verify(signature, HEADING + text)
    except InvalidSignature:
        raise ContentRefused("signature") from None
    word = parsed(signed.manifest)
    if word.manifest.host not in hosts:
        raise ContentRefused("host", host=word.manifest.host, hosts=", ".join(hosts))
    return word


def parsed(text: str) -> Word:
    """The word whose text this is; whoever asks knows that it can be believed.

    Raises:
        ContentRefused: it cannot be understood.
    """
    try:
        return Word(text=text, manifest=Manifest.model_validate_json(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ContentRefused("form", where=".".join(map(str, first["loc"])) or "-") from None


def public_key(path: Path) -> "Ed25519PublicKey":
    """The province's key in the file at *path*.

    Raises:
        ContentRefused: it cannot be read or is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ContentRefused("key", path=str(path), error=SystemReason.of(error)) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ContentRefused("key_form", path=str(path))
    return key
