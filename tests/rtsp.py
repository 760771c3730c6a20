"""A camera for the tests: H.264 over RTSP and TCP on loopback, looped in real time, that goes wrong when told to.

One thread accepts, one serves each connection: it answers requests between two pictures. A fault is a method; what
holds on until `mend` says so.
"""

import base64
import hashlib
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import av

from tests.eventually import eventually

REALM, NONCE = "camera", "5ca1ab1e"
CLOCK_HZ = 90_000
MTU = 1400


@dataclass(frozen=True)
class Film:
    """What a camera sends, over and over: pictures as H.264 units, the first one a key frame."""

    fps: float
    pictures: list[tuple[bool, list[bytes]]]
    sps: bytes
    pps: bytes

    @classmethod
    def of(cls, clip: Path) -> Self:
        """From an MP4 file with H.264 in it."""
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            sps, pps = _parameters(bytes(stream.codec_context.extradata or b""))
            pictures = [
                (packet.is_keyframe, _units(bytes(packet))) for packet in container.demux(stream) if packet.size
            ]
            return cls(float(stream.average_rate or 10), pictures, sps, pps)


def _parameters(avcc: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(avcc[6:8])
    behind = 8 + size + 1
    return avcc[8 : 8 + size], avcc[behind + 2 : behind + 2 + int.from_bytes(avcc[behind : behind + 2])]


def _units(sample: bytes) -> list[bytes]:
    units, at = [], 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + 4])
        units.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return [unit for unit in units if unit[0] & 0x1F in (1, 5)]


@dataclass
class _Session:
    """One connection, on its own thread."""

    connection: socket.socket
    thread: threading.Thread | None = None
    plays: bool = False
    is_stalled: bool = False
    sequence: int = 0
    began_at: float = 0.0
    number: int = 0
    buffer: bytearray = field(default_factory=bytearray)


class RtspCamera:
    """Serves *film* at `url` from construction to `close`, to anybody, or to who knows *login*."""

    def __init__(
        self,
        film: Film,
        *,
        login: tuple[str, str] | None = None,
        scheme: str = "Digest",
        parameters_in_sdp: bool = True,
        repeats_parameters: bool = False,
        clock: Callable[[int], int] = lambda number: number,
    ) -> None:
        """*clock* says how many pictures' time a picture's timestamp is, given its number: time runs as it likes.

        It *repeats_parameters* before each slice of a key frame, as GStreamer's server does, not only before the first.
        """
        self.film = film
        self.clock = clock
        self.requests: list[str] = []
        self.sessions = 0
        """How many were ever played."""
        self.sent: list[tuple[float, int, bool, bool]] = []
        """What was sent: when, in which session, whether it was a key frame, and whether it went out whole."""
        self._login, self._scheme, self._parameters_in_sdp = login, scheme, parameters_in_sdp
        self._repeats_parameters = repeats_parameters
        self._live: list[_Session] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._is_mute = self._is_frozen = False
        self._lose = self._spoil = 0
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._is_open = threading.Event()
        self._is_open.set()
        self._acceptor = threading.Thread(target=self._accept, name="rtsp-camera")
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._port}/quay"

    @property
    def shown(self) -> int:
        """How many pictures the newest session was sent, or was to be."""
        return max((session.number for session in self._now()[-1:]), default=0)

    def stall(self) -> None:
        """The sessions of this moment get nothing more, though they stay open; new ones are served."""
        for session in self._now():
            session.is_stalled = True

    def mute(self) -> None:
        """Connections are accepted and nothing is said on them, until `mend`."""
        self._is_mute = True

    def freeze(self) -> None:
        """The same picture again and again, until `mend`."""
        self._is_frozen = True

    def drop(self) -> None:
        """Reset every connection."""
        for session in self._now():
            with suppress(OSError):
                session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                session.connection.shutdown(socket.SHUT_RD)

    def refuse(self) -> None:
        """Nobody listens, until `mend`."""
        self._is_open.clear()
        eventually(lambda: self._listener is None)
        self.drop()

    def hole(self, packets: int) -> None:
        """The next *packets* of the network are lost."""
        self._lose = packets

    def corrupt(self, packets: int) -> None:
        """The next *packets* of the network arrive spoilt."""
        self._spoil = packets

    def mend(self) -> None:
        self._is_mute = self._is_frozen = False
        self._is_open.set()
        eventually(lambda: self._listener is not None)

    @property
    def is_through(self) -> bool:
        """Whether all packets that were to be lost or spoilt have been."""
        return self._lose <= 0 and self._spoil <= 0

    def close(self) -> None:
        self._ending.set()
        self._acceptor.join(5)
        for session in self._now():
            assert session.thread is not None
            session.thread.join(5)
            assert not session.thread.is_alive()

    def _now(self) -> list[_Session]:
        with self._lock:
            return list(self._live)

    def _accept(self) -> None:
        while not self._ending.is_set():
            if not self._is_open.is_set():
                self._unlisten()
                self._is_open.wait(0.01)
            elif self._listener is None:
                with suppress(OSError):  # the port is not free again yet
                    self._listener = socket.create_server(("127.0.0.1", self._port))
                self._ending.wait(0.01)
            elif select.select([self._listener], [], [], 0.05)[0]:
                session = _Session(self._listener.accept()[0])
                session.thread = threading.Thread(target=self._serve, args=(session,), name="rtsp-session")
                with self._lock:
                    self._live.append(session)
                session.thread.start()
        self._unlisten()

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _serve(self, session: _Session) -> None:
        session.connection.settimeout(2)
        with session.connection, suppress(OSError):
            while not self._ending.is_set():
                patience = 0.05 if not session.plays else max(0.0, min(0.05, self._due(session) - time.monotonic()))
                if select.select([session.connection], [], [], patience)[0]:
                    heard = session.connection.recv(65536)
                    if not heard:
                        break
                    session.buffer += heard
                    if not self._answer(session):
                        break
                if session.plays and self._due(session) <= time.monotonic():
                    self._show(session)
        with self._lock:
            self._live.remove(session)

    def _due(self, session: _Session) -> float:
        return session.began_at + session.number / self.film.fps

    def _answer(self, session: _Session) -> bool:
        """Answer all whole requests; False when the client says goodbye."""
        while session.buffer:
            if session.buffer[0] == ord("$"):  # its reports on what it received
                if len(session.buffer) < 4 or len(session.buffer) < 4 + int.from_bytes(session.buffer[2:4]):
                    return True
                del session.buffer[: 4 + int.from_bytes(session.buffer[2:4])]
                continue
            head, end, _ = bytes(session.buffer).partition(b"\r\n\r\n")
            if not end:
                return True
            del session.buffer[: len(head) + len(end)]
            if self._is_mute:
                continue
            lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            method, url = lines[0].split()[:2]
            self.requests.append(head.decode())
            status, said, body = self._reply(session, method, url, headers)
            if body:
                said |= {"Content-Length": str(len(body))}
            words = "".join(
                f"{name}: {value}\r\n" for name, value in {"CSeq": headers.get("cseq", "0"), **said}.items()
            )
            session.connection.sendall(f"RTSP/1.0 {status}\r\n{words}\r\n{body}".encode())
            if method == "TEARDOWN":
                return False
        return True

    def _reply(
        self, session: _Session, method: str, url: str, headers: dict[str, str]
    ) -> tuple[str, dict[str, str], str]:
        if method == "OPTIONS":
            return "200 OK", {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"}, ""
        if not self._may(method, headers.get("authorization", "")):
            challenge = f'{self._scheme} realm="{REALM}"' + (f', nonce="{NONCE}"' if self._scheme == "Digest" else "")
            return "401 Unauthorized", {"WWW-Authenticate": challenge}, ""
        if not re.search("/quay(/|$)", url):
            return "404 Not Found", {}, ""
        if method == "DESCRIBE":
            return "200 OK", {"Content-Type": "application/sdp", "Content-Base": f"{url}/"}, self._description()
        if method == "SETUP":
            return "200 OK", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Session": "7;timeout=60"}, ""
        if method == "PLAY":
            session.plays, session.began_at = True, time.monotonic()
            self.sessions += 1
        return "200 OK", {"Session": "7"}, ""

    def _may(self, method: str, authorization: str) -> bool:
        if self._login is None:
            return True
        user, password = self._login
        if self._scheme == "Basic":
            return authorization == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        told = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        who, what = _md5(f"{user}:{REALM}:{password}"), _md5(f"{method}:{told.get('uri')}")
        expected = _md5(f"{who}:{NONCE}:{what}")
        return (told.get("username"), told.get("response")) == (user, expected)

    def _description(self) -> str:
        film = self.film
        sets = ",".join(base64.b64encode(part).decode() for part in (film.sps, film.pps))
        sprop = f";sprop-parameter-sets={sets}" if self._parameters_in_sdp else ""
        lines = [
            *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"),
            *("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", f"a=fmtp:96 packetization-mode=1{sprop}"),
            *("a=control:video", "m=audio 0 RTP/AVP 0", "a=control:audio"),
        ]
        return "\r\n".join(lines) + "\r\n"

    def _show(self, session: _Session) -> None:
        """Send the next picture."""
        film, number = self.film, session.number
        session.number += 1
        if self._is_mute or session.is_stalled:
            return
        is_key, units = film.pictures[0 if self._is_frozen else number % len(film.pictures)]
        if is_key:
            sets = [film.sps, film.pps]
            units = [part for unit in units for part in (*sets, unit)] if self._repeats_parameters else [*sets, *units]
        stamp = round(self.clock(number) * CLOCK_HZ / film.fps) & 0xFFFFFFFF
        pieces = [piece for unit in units for piece in _pieces(unit)]
        sent, is_whole = bytearray(), self._lose <= 0 and self._spoil <= 0
        for index, piece in enumerate(pieces):
            last = 0x80 if index == len(pieces) - 1 else 0
            packet = struct.pack("!BBHII", 0x80, 96 | last, session.sequence, stamp, 40) + piece
            session.sequence = session.sequence + 1 & 0xFFFF
            if self._lose > 0:
                self._lose -= 1
                continue
            if self._spoil > 0:
                self._spoil -= 1
                packet = packet[:14] + bytes(byte ^ 0xA5 for byte in packet[14:])
            sent += struct.pack("!BBH", ord("$"), 0, len(packet)) + packet
        session.connection.sendall(sent)
        self.sent.append((time.monotonic(), id(session), is_key, is_whole))


def _pieces(unit: bytes) -> Iterator[bytes]:
    """A unit as payloads of RTP: whole, or in fragments (FU-A, RFC 6184)."""
    if len(unit) <= MTU:
        yield unit
        return
    for at in range(1, len(unit), MTU):
        is_first, is_last = at == 1, at + MTU >= len(unit)
        header = is_first << 7 | is_last << 6 | unit[0] & 0x1F
        yield bytes([unit[0] & 0xE0 | 28, header]) + unit[at : at + MTU]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def rtsp_camera(film: Film, **options: Any) -> Iterator[RtspCamera]:
    camera = RtspCamera(film, **options)
    try:
        yield camera
    finally:
        camera.close()
