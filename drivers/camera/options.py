"""The options of the cameras that send by themselves, apart from the drivers that open them.

The agent judges them here. A camera's process, in which pydantic would be a fifth of the memory, is handed plain
values of the same names, and never imports this module.
"""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from drivers import base
from drivers.camera.network import HOLES

SCHEMES = ("rtsp", "http", "https")
_SECRET = re.compile(r"(?i)(pass|passwd|password|pwd)=(?!\{password\}|&|$)[^&/]+")


def _source(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if separator and "@" in authority:
        bare = rest[authority.rindex("@") + 1 :]
        raise base.refuse("camera_source_login", suggestion=f"{scheme}://{_SECRET.sub(_hidden, bare)}")
    if _SECRET.search(text):
        raise base.refuse("camera_source_password", suggestion=_SECRET.sub(_hidden, text))
    if not separator and re.fullmatch(r"[A-Za-z0-9._-]+(:[0-9]+)?(/.*)?", text):
        raise base.refuse("camera_source_scheme", suggestion=f"rtsp://{text}")
    if scheme not in SCHEMES or not _is_address(text):
        raise base.refuse("camera_source", seen=text)
    return text


def _hidden(match: re.Match[str]) -> str:
    return f"{match[1]}={{password}}"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and not re.search(r"\s", text)


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise base.refuse("path_relative", seen=str(path), suggestion=f"/etc/counter-agent/{path.name}")
    return path


class NetworkOptions(base.CameraOptions):
    source: Annotated[str, Field(max_length=500), AfterValidator(_source)]
    sub_source: Annotated[str, Field(max_length=500), AfterValidator(_source)] | None = None
    credentials_file: Annotated[Path, AfterValidator(_absolute)] | None = None

    @model_validator(mode="after")
    def _has_its_password(self) -> "NetworkOptions":
        if self.credentials_file is None and HOLES.search(self.source + (self.sub_source or "")):
            raise base.refuse("camera_source_holes")
        return self

    @property
    def smaller(self) -> "NetworkOptions | None":
        if self.sub_source is None:
            return None
        return self.model_copy(update={"source": self.sub_source, "sub_source": None})


Glob = Annotated[str, Field(min_length=1), AfterValidator(str.strip)]


class Match(base.Options):
    """Finds the camera; at least one way. With both, both have to fit."""

    by_path: Glob | None = None
    """Where it is plugged in: a glob over the names in /dev/v4l/by-path."""
    by_id: Glob | None = None
    """Which camera it is: a glob over the names in /dev/v4l/by-id."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.by_path is None and self.by_id is None:
            raise base.refuse("camera_match")
        return self


class UsbOptions(base.CameraOptions):
    match: Match
    width: int = Field(default=1280, ge=64, le=3840, multiple_of=2)
    height: int = Field(default=720, ge=64, le=2160, multiple_of=2)
    fps: int = Field(default=10, ge=1, le=60)


class CsiOptions(base.CameraOptions):
    camera: int = Field(default=0, ge=0, le=7)
    width: int = Field(default=1280, ge=64, le=3840, multiple_of=2)
    height: int = Field(default=720, ge=64, le=2160, multiple_of=2)
    fps: int = Field(default=10, ge=1, le=60)
