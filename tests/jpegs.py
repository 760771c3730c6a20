"""A camera for the tests that sends JPEG pictures over HTTP, one behind the other, as cheap ones do."""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av


class JpegCamera(ThreadingHTTPServer):
    """Serves the pictures of *clip* at `url`, over and over; a page for people at `page`."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, clip: Path, login: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        with av.open(str(clip)) as container:
            self.pictures = [bytes(packet) for packet in container.demux(video=0) if packet.size]
            self.fps = float(container.streams.video[0].average_rate or 10)
        self.login = login
        self.paths: list[str] = []
        self.ending = threading.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/video.mjpg"

    @property
    def page(self) -> str:
        return f"{self.root}/index.html"


class _Request(BaseHTTPRequestHandler):
    server: JpegCamera
    timeout = 2

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.server.login is not None and not self._may(*self.server.login):
            self._say(401, "text/plain", ("WWW-Authenticate", 'Basic realm="camera"'))
        elif self.path == "/index.html":
            self._say(200, "text/html")
            self.wfile.write(b"<!doctype html><title>Camera</title>" * 100)
        elif not self.path.startswith("/video.mjpg"):
            self._say(404, "text/plain")
        else:
            self._say(200, "multipart/x-mixed-replace; boundary=picture")
            with suppress(OSError):
                self._play()

    def _may(self, user: str, password: str) -> bool:
        if self.path.endswith(f"?user={user}&pwd={password}"):
            return True
        expected = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _say(self, status: int, kind: str, *more: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), *more):
            self.send_header(name, value)
        self.end_headers()

    def _play(self) -> None:
        began = time.monotonic()
        number = 0
        while not self.server.ending.wait(max(0.0, began + number / self.server.fps - time.monotonic())):
            picture = self.server.pictures[number % len(self.server.pictures)]
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")
            number += 1

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def jpeg_camera(clip: Path, login: tuple[str, str] | None = None) -> Iterator[JpegCamera]:
    with JpegCamera(clip, login) as camera:
        thread = threading.Thread(target=camera.serve_forever, args=(0.05,), name="jpeg-camera")
        thread.start()
        try:
            yield camera
        finally:
            camera.ending.set()
            camera.shutdown()
            thread.join(5)
