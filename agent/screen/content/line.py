"""The line to a web server: one request over TLS, given up as soon as nothing comes or something else goes first.

`wanted` is called before every wait: whatever it raises ends the waiting. What a line breaks by is told in reasons that
have words for people. One thread.
"""

import http.client
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import SystemReason, TryAgain
from agent.screen.content.manifest import ContentRefused

TICK_S = 0.5
CONNECT_S = 10.0
SILENT_S = 20.0
"""A line on which nothing comes for so long is given up."""
HEAD_S = 20.0
"""What may pass before a server has answered at all, however many bytes of its answer drip in."""
DRIP_S = 60.0
"""Over such a time it is judged whether it is a download."""


class Broken(TryAgain):
    """It did not work this time; `reason` names a message under `content.waits`."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason, values)
        self.reason, self.values = reason, values


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient it is."""

    silent_s: float = SILENT_S
    head_s: float = HEAD_S
    drip_s: float = DRIP_S


PATIENT = Limits()


class _Socket(ssl.SSLSocket):
    """Waits in small steps, and asks before each whether it should go on waiting."""

    turn: Callable[[], None] = staticmethod(lambda: None)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        while True:
            self.turn()
            try:
                return super().recv_into(buffer, nbytes, flags)
            except ssl.SSLWantReadError:
                select.select([self], [], [], TICK_S)
            except ssl.SSLWantWriteError:
                select.select([], [self], [], TICK_S)


class Line:
    """One request's connection."""

    def __init__(
        self, host: str, port: int | None, tls: ssl.SSLContext, wanted: Callable[[], None], limits: Limits
    ) -> None:
        self._host = host
        self._connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=tls)
        self._wanted, self._limits = wanted, limits
        self._answer: http.client.HTTPResponse | None = None
        self._until_s = 0.0

    def get(self, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """What the server answers to GET *path*."""
        self._wanted()
        try:
            self._connection.connect()
            line: Any = self._connection.sock
            self._connection.request("GET", path, headers=headers)
            line.turn = self._turn
            line.settimeout(0)
            self._until_s = time.monotonic() + self._limits.head_s
            self._answer = self._connection.getresponse()
            return self._answer
        except (http.client.HTTPException, OSError) as error:
            raise _broken(error, self._host) from error

    def read(self, answer: http.client.HTTPResponse, most: int) -> bytes:
        self._until_s = time.monotonic() + self._limits.silent_s
        try:
            return answer.read1(most)
        except http.client.IncompleteRead as error:
            raise Broken("short") from error
        except (http.client.HTTPException, OSError) as error:
            raise _broken(error, self._host) from error

    def _turn(self) -> None:
        self._wanted()
        if time.monotonic() > self._until_s:
            raise Broken("silent")

    def close(self) -> None:
        """Hang up. An answer that ends with its line has taken that over from the connection."""
        for end in (self._answer, self._connection):
            if end is not None:
                with suppress(OSError):
                    end.close()


def _broken(error: Exception, host: str) -> Broken:
    """Why there is no answer, in words for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Broken(_CERTIFICATES.get(error.verify_code, "certificate"), host=host)
    for kinds, reason in _REASONS:
        if isinstance(error, kinds):
            return Broken(reason, host=host)
    if isinstance(error, OSError):
        return Broken("line", host=host, error=SystemReason.of(error))
    return Broken("answer", host=host)


_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (TimeoutError, "silent"),
    (socket.gaierror, "name"),
    (ConnectionRefusedError, "closed"),
    ((ssl.SSLEOFError, ConnectionError, http.client.IncompleteRead), "short"),
    (ssl.SSLError, "tls"),
)
_CERTIFICATES = {
    9: "certificate_early",
    10: "certificate_over",
    **dict.fromkeys((18, 19, 20, 21), "certificate_unknown"),
    62: "certificate_name",
    64: "certificate_name",
}
"""What OpenSSL finds wrong (X509_V_ERR_*), where that has words of its own."""


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A client's context: the chain and the name are always checked.

    Raises:
        ContentRefused: the authority's file cannot be read or is none.
    """
    try:
        made = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except ssl.SSLError:
        raise ContentRefused("authority_form", path=str(ca_file)) from None
    except OSError as error:
        raise ContentRefused("authority", path=str(ca_file), error=SystemReason.of(error)) from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslsocket_class = _Socket
    return made
