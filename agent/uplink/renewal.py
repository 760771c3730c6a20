"""New certificate files are tried before they replace the session that works.

The files named in the settings are looked at now and then. When one has changed, a second line is opened with
them, up to the broker's verdict on this box's certificate, and dropped; only if that went well is the session
made anew. Otherwise it stays, and health says what is wrong with the new files.
"""

import socket
import time
from pathlib import Path

from agent.settings.model import Uplink
from agent.uplink import tls
from agent.uplink.session import LinkDown

LOOK_S = 10.0
TRY_S = 5.0
VERDICT_S = 1.0
"""In TLS 1.3 a broker judges the client's certificate after the handshake: silence this long is consent."""

Stamps = tuple[tuple[int, int] | None, ...]


class Renewal:
    """Watches one link's files. Used on the uplink's thread."""

    def __init__(self, settings: Uplink) -> None:
        self._settings = settings
        self._seen = self._stamps()
        self._looked_at_s = time.monotonic()

    def is_due(self) -> bool:
        """Whether the files are other ones than those last seen; True once for every change."""
        now_s = time.monotonic()
        if now_s - self._looked_at_s < LOOK_S:
            return False
        self._looked_at_s = now_s
        stamps = self._stamps()
        changed, self._seen = stamps != self._seen, stamps
        return changed

    def try_out(self) -> None:
        """Open a line with the files as they are now.

        Raises:
            LinkDown: the broker, or this box, refuses; `code` says why.
            PersonMustAct: a file is missing or is not what it should be.
        """
        if not self._settings.is_encrypted:
            return
        context = tls.context(self._settings)
        address = self._settings.address
        try:
            with (
                socket.create_connection((address.host, address.port), timeout=TRY_S) as line,
                context.wrap_socket(line, server_hostname=address.host) as talk,
            ):
                talk.settimeout(VERDICT_S)
                try:
                    talk.recv(1)
                except TimeoutError:
                    return
        except OSError as error:
            raise LinkDown(tls.code_of(error), str(error)) from error

    def _stamps(self) -> Stamps:
        link = self._settings
        return tuple(_stamp(path) for path in (link.ca_file, link.certificate_file, link.key_file, link.password_file))


def _stamp(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
