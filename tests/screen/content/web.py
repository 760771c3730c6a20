"""A real web server over TLS: honest unless told what to do instead, one request after another."""

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, and the words to answer it with."""

    protocol_version = "HTTP/1.1"
    server: "Web"

    def setup(self) -> None:
        self.request.settimeout(10)
        self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.asked.append((self.path, dict(self.headers)))
        answer = self.server.answers.pop(0) if self.server.answers else honest
        with suppress(OSError):  # who has heard enough hangs up
            answer(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its signature
        """Say nothing."""

    @property
    def data(self) -> bytes | None:
        return self.server.files.get(self.path)

    def head(self, status: int, **headers: str) -> None:
        """The beginning of an answer; underscores in the names of headers are dashes."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class Web(ThreadingHTTPServer):
    """The server; `files` by their path, `answers` in the place of honest ones, `asked` what came."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, certificate: Path, key: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ended = threading.Event()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", 0), Request)

    def get_request(self) -> tuple[Any, Any]:
        line, address = super().get_request()
        return self._tls.wrap_socket(line, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that did not like the certificate."""

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"

    @property
    def base(self) -> str:
        return f"https://{self.host}/content/"

    def put(self, data: bytes) -> str:
        """Have *data* lie there under its hash, which is handed back."""
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"/content/{digest}"] = data
        return digest


@contextmanager
def serving(certificate: Path, key: Path) -> Iterator[Web]:
    web = Web(certificate, key)
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), name="web")
    thread.start()
    try:
        yield web
    finally:
        web.ended.set()
        web.shutdown()
        web.server_close()
        thread.join(10)
        assert not thread.is_alive()


def honest(request: Request) -> None:
    data = request.data
    if data is None:
        request.head(404, Content_Length="0")
        return
    tag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
    wanted = request.headers.get("Range", "")
    if wanted and request.headers.get("If-Range") == tag:
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        span = f"bytes {first}-{len(data) - 1}/{len(data)}"
        request.head(206, ETag=tag, Content_Range=span, Content_Length=str(len(data) - first))
        request.wfile.write(data[first:])
        return
    request.head(200, ETag=tag, Content_Length=str(len(data)))
    request.wfile.write(data)


def cut_after(count: int, **headers: str) -> Answer:
    """An honest beginning, and then the line is gone."""

    def answer(request: Request) -> None:
        data = request.data or b""
        tag = {"ETag": f'"{hashlib.sha256(data).hexdigest()[:8]}"', **headers}
        request.head(200, Content_Length=str(len(data)), **tag)
        request.wfile.write(data[:count])

    return answer


def other_bytes(request: Request) -> None:
    """As many as there should be, and none of them right."""
    request.head(200, ETag='"x"', Content_Length=str(len(request.data or b"")))
    request.wfile.write(bytes(len(request.data or b"")))


def longer(request: Request) -> None:
    data = (request.data or b"") + b"more"
    request.head(200, Content_Length=str(len(data)))
    request.wfile.write(data)


def shorter(request: Request) -> None:
    data = (request.data or b"")[:-1]
    request.head(200, Content_Length=str(len(data)))
    request.wfile.write(data)


def endless(request: Request) -> None:
    """No length is said, and it never ends."""
    request.head(200)
    request.wfile.write(request.data or b"")
    while not request.server.ended.is_set():
        request.wfile.write(bytes(65536))


def endless_chunks(request: Request) -> None:
    request.head(200, Transfer_Encoding="chunked")
    while not request.server.ended.is_set():
        request.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")


def endless_head(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not request.server.ended.is_set():
        request.wfile.write(b"X: y\r\n")


def dripping_head(request: Request) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000:
        request.wfile.write(bytes([byte]))
        if request.server.ended.wait(0.02):
            return


def dripping(request: Request) -> None:
    """A byte now and then, for ever."""
    request.head(200, ETag='"x"', Content_Length=str(len(request.data or b"")))
    for byte in request.data or b"":
        request.wfile.write(bytes([byte]))
        if request.server.ended.wait(0.02):
            return


def mute(request: Request) -> None:
    request.server.ended.wait(10)


def mute_after_head(request: Request) -> None:
    request.head(200, Content_Length=str(len(request.data or b"")))
    request.server.ended.wait(10)


def garbage(request: Request) -> None:
    request.wfile.write(b"\x00\xffnothing\r\n\r\n")


def packed(request: Request) -> None:
    request.head(200, Content_Encoding="gzip", Content_Length=str(len(request.data or b"")))
    request.wfile.write(request.data or b"")


def moved(place: str) -> Answer:
    return lambda request: request.head(302, Location=place, Content_Length="0")


def status(code: int) -> Answer:
    return lambda request: request.head(code, Content_Length="0")


def wrong_part(request: Request) -> None:
    """Another part than was asked for."""
    data = request.data or b""
    request.head(206, Content_Range=f"bytes 0-{len(data) - 1}/{len(data)}", Content_Length=str(len(data)))
    request.wfile.write(data)
