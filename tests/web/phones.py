"""The rating page really served, with a reception that remembers what it was told, and a phone without a browser."""

import http.client
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode, urljoin
from zoneinfo import ZoneInfo

from agent.clock import ManualClock
from agent.health import Health
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import Token, TokenRefused, mint, open_ticket, read, read_ticket
from agent.rating.phone.visit import Ground, Place, Visit, VisitRefused
from agent.rating.scale import VN4
from agent.rating.urn import Cast, Vote
from agent.web.phone import PhonePage
from agent.web.phone_service import PhoneService
from agent.web.rates import Allowance, Rates

PLACE = Place("Bộ phận Một cửa Công an xã Kim Liên", 1, VN4, ("0238 3841 110", "113"))
KEYS = QrKeys.from_secret(b"s" * 32, agent="na-0123")
START = datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


@dataclass
class Desk:
    """Takes every token once."""

    place: Place = PLACE
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    votes: list[Vote] = field(default_factory=list)
    answer: Cast | None = None
    """What every vote is answered with; None: taken once for each token."""
    is_broken: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """As if nobody had voted yet; time only goes on."""
        self.place, self.answer, self.is_broken = PLACE, None, False
        self.votes.clear()

    def code(self, number: int = 0) -> str:
        """What the screen shows now."""
        slot = int(self.clock.now().timestamp()) // 60
        return mint(KEYS, Token(KEYS.device, slot, number.to_bytes(2)))

    def open(self, code: str) -> Visit:
        try:
            token = read(code, {KEYS.device: KEYS}.get, now=self.clock.now().timestamp())
        except TokenRefused as refused:
            raise VisitRefused(Ground(refused.outward)) from None
        return Visit(open_ticket(KEYS, token, at=self.clock.monotonic()), self.place, token)

    def resume(self, ticket: str) -> Visit:
        try:
            token = read_ticket(ticket, {KEYS.device: KEYS}.get, now=self.clock.monotonic())
        except TokenRefused as refused:
            raise VisitRefused(Ground(refused.outward)) from None
        return Visit(ticket, self.place, token)

    def cast(self, visit: Visit, vote: Vote) -> Cast:
        if self.is_broken:
            raise RuntimeError(f"{vote} {visit.ticket}")
        if self.answer is not None:
            return self.answer
        with self.lock:
            if vote.token in [taken.token for taken in self.votes]:
                return Cast.SPENT
            time.sleep(0.001)  # a disk; whoever comes meanwhile must wait
            self.votes.append(vote)
            return Cast.TAKEN


GENEROUS = Allowance(at_once=100_000, per_s=100_000)


class ServedPage:
    """The phone service on a free loopback port."""

    def __init__(self, desk: Desk, rates: Rates | None = None) -> None:
        self.desk = desk
        self.health = Health(desk.clock)
        rates = rates or Rates(each=GENEROUS, together=GENEROUS)

        class Service(PhoneService):
            def application(self) -> Any:
                return PhonePage(desk, rates=rates, monotonic=desk.clock.monotonic)

        self.service = Service("127.0.0.1:0", desk, health=self.health)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.service.run, args=(self._stop,), name="phone")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.service.ready.wait(10), "the page is not served"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(self.service.goodbye_s)
        assert not self._thread.is_alive(), "the phone service did not say goodbye in time"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str
    at: str
    """The path it was asked at, after redirects."""
    hops: list[str]
    """Where it was led."""

    @property
    def title(self) -> str:
        found = re.search("<title>(.*?)</title>", self.body, re.DOTALL)
        return found[1] if found else ""

    @property
    def ticket(self) -> str:
        found = re.search('name="ticket" value="([^"]*)"', self.body)
        return found[1] if found else ""


class Phone:
    """A phone, as a plain HTTP client: it follows redirects and fills in the form."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._address = (host, port)
        self.origin = f"http://{host}:{port}"

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request and, when it leads elsewhere, the next."""
        hops: list[str] = []
        while True:
            connection = http.client.HTTPConnection(*self._address, timeout=10)
            try:
                connection.request(method, path, body=body, headers=dict(headers or {}))
                response = connection.getresponse()
                text = response.read().decode()
            finally:
                connection.close()
            if response.status != 303:
                return Answer(response.status, response.headers, text, path, hops)
            path = urljoin(path, response.headers["Location"])
            hops.append(path)
            method, body = "GET", None

    def scan(self, code: str, **headers: str) -> Answer:
        return self.ask("GET", f"/R/{code}", headers=headers)

    def send(self, fields: Sequence[tuple[str, str]] | Mapping[str, str], **headers: str) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self.ask("POST", "/R/", urlencode(fields), {**form, **headers})

    def vote(self, code: str, level: int, **fields: str) -> Answer:
        """Scan, choose, send."""
        page = self.scan(code)
        return self.send({"ticket": page.ticket, "language": "vi", "level": str(level), **fields})
