"""One file of a set, brought here over HTTPS: resumed where it broke off, believed only when its hash is right.

Nothing a server says names a file, is followed to another host, or makes more be written than was signed. Bytes go
to `<sha256>.part`, beside it the server's validator (ETag); what is there is asked for no second time
while that still holds. `wanted` is called before every wait and every block: whatever it raises ends the fetching
between two blocks, and what has come stays.
"""

import hashlib
import http.client
import os
import re
import ssl
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from agent import __version__
from agent.files import flush_folder, replace_file
from agent.screen.content.line import PATIENT, Broken, Limits, Line
from agent.screen.content.manifest import ContentRefused, File, host_of

BLOCK_BYTES = 64 * 1024
SLOWEST_BYTES_S = 1024
"""Slower than this over `Limits.drip_s`, it is no download."""
REDIRECTS = 3
MOVED = frozenset({301, 302, 303, 307, 308})


class Fetcher:
    """Fetches files into one folder."""

    def __init__(
        self,
        folder: Path,
        tls: ssl.SSLContext,
        *,
        wanted: Callable[[], None],
        spend: Callable[[int], None],
        limits: Limits = PATIENT,
    ) -> None:
        """*spend* is told of bytes as they come, at first of 0, and may refuse more by raising."""
        self._folder, self._tls, self._wanted, self._spend, self._limits = folder, tls, wanted, spend, limits

    def fetch(self, file: File, base: str) -> Path:
        """*file*, whole, from below *base*.

        Raises:
            Broken: it cannot be had now.
            ContentRefused: the server does what no honest one does.
            OSError: the disk refuses.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = self._folder / file.sha256
        if whole.is_file():
            return whole
        part = _Part(whole, file.bytes)
        have = part.size
        if have < file.bytes:
            self._ask(urljoin(base, file.sha256), part, have)
        part.check(file.sha256, self._wanted)
        part.finish()
        return whole

    def _ask(self, url: str, part: "_Part", have: int) -> None:
        host = host_of(url)
        for _ in range(REDIRECTS + 1):
            parts = urlsplit(url)
            with closing(Line(parts.hostname or "", parts.port, self._tls, self._wanted, self._limits)) as line:
                answer = line.get(parts.path or "/", _asking(part, have))
                if answer.status not in MOVED:
                    self._take(answer, line, part, have)
                    return
                url = _onward(url, answer.getheader("Location", ""), host)
        raise Broken("redirects", count=REDIRECTS)

    def _take(self, answer: http.client.HTTPResponse, line: Line, part: "_Part", have: int) -> None:
        match answer.status:
            case HTTPStatus.PARTIAL_CONTENT if have:
                expected = f"bytes {have}-{part.total - 1}/{part.total}"
                if answer.getheader("Content-Range", "").strip() != expected:
                    part.drop()
                    raise Broken("size")
            case HTTPStatus.OK:
                have = 0
            case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.drop()
                raise Broken("size")
            case status:
                raise Broken("status", status=status)
        length = answer.getheader("Content-Length")
        if length is not None and (not re.fullmatch("[0-9]{1,12}", length) or int(length) != part.total - have):
            part.drop()
            raise Broken("size")
        if answer.getheader("Content-Encoding", "identity").lower() != "identity":
            raise Broken("encoding")
        with part.writing(have, _validator(answer)) as file:
            if not self._copy(answer, line, file, part.total - have):
                part.drop()
                raise Broken("size")

    def _copy(self, answer: http.client.HTTPResponse, line: Line, file: Any, left: int) -> bool:
        """Read *left* bytes into *file*; whether that was all that there is."""
        began_s, came = time.monotonic(), 0
        self._spend(0)
        while left > 0:
            self._wanted()
            block = line.read(answer, min(left, BLOCK_BYTES))
            if not block:
                raise Broken("short")
            file.write(block)
            self._spend(len(block))
            left -= len(block)
            came += len(block)
            spent_s = time.monotonic() - began_s
            if spent_s > self._limits.drip_s and came < spent_s * SLOWEST_BYTES_S:
                raise Broken("slow")
        return not line.read(answer, 1)


def sweep(folder: Path, wanted: Collection[str] = ()) -> None:
    """Delete from *folder* whatever came of files that are not *wanted*, by their hashes."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name.partition(".")[0] not in wanted:
                path.unlink(missing_ok=True)


def _onward(url: str, place: str, host: str) -> str:
    """Where *place*, to which *url* is said to have moved, is.

    Raises:
        ContentRefused: not on *host*, or not to be reached over HTTPS.
    """
    try:
        onward = urljoin(url, place)
        if host_of(onward) == host:
            return onward
    except ValueError:
        pass
    raise ContentRefused("redirect", host=place[:80])


class _Part:
    """A file on its way: what has come of it, and by what the server will know it again."""

    def __init__(self, whole: Path, total: int) -> None:
        self.total = total
        self._whole = whole
        self._file = whole.with_name(f"{whole.name}.part")
        self._mark = whole.with_name(f"{whole.name}.etag")

    @property
    def size(self) -> int:
        """How much of it can be used."""
        try:
            size = self._file.stat().st_size
        except FileNotFoundError:
            return 0
        if size > self.total or (size < self.total and not self.validator):
            self.drop()
            return 0
        return size

    @property
    def validator(self) -> str:
        """The server's word for this version of the file; empty: it gave none that is good enough."""
        try:
            return self._mark.read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""

    def writing(self, have: int, validator: str) -> Any:
        """The file, open at *have*; the server's *validator* is noted before any byte that belongs to it."""
        if have == 0:
            self.drop()
            if validator:
                replace_file(self._mark, validator.encode("ascii"))
        file = self._file.open("r+b" if have else "wb", buffering=0)
        file.seek(have)
        return file

    def check(self, sha256: str, wanted: Callable[[], None]) -> None:
        """Hold what has come against the hash that was signed.

        Raises:
            Broken: it is something else, and gone now.
        """
        digest = hashlib.sha256()
        with self._file.open("rb") as file:
            while block := file.read(BLOCK_BYTES * 16):
                wanted()
                digest.update(block)
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            self.drop()
            raise Broken("hash")

    def finish(self) -> None:
        self._file.replace(self._whole)
        self._mark.unlink(missing_ok=True)
        flush_folder(self._whole.parent)

    def drop(self) -> None:
        self._file.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)


def _asking(part: _Part, have: int) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity", "User-Agent": f"counter-agent/{__version__}"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": part.validator}
    return headers


def _validator(answer: http.client.HTTPResponse) -> str:
    """A strong ETag; a weak one promises no equal bytes."""
    tag = answer.getheader("ETag", "").strip()
    return tag if re.fullmatch(r'"[!#-~]{0,200}"', tag) else ""
