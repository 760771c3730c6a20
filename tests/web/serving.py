"""A site that is really served: hub, health, store and the web service in its thread."""

import http.client
import json
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.health import Health
from agent.language import language
from agent.screen.glass import Glass
from agent.screen.hub import Item, Nameplate, RatingCode, ScreenHub
from agent.screen.media.medium import Refusal
from agent.screen.media.store import MediaStore
from agent.screen.planning.calendar import Calendar
from agent.settings.holidays import Holidays
from agent.settings.hours import Hours
from agent.settings.model import Output
from agent.web.service import WebService
from agent.web.site import CameraSeen, Site
from tests.screen.pictures import noise
from tests.screen.shelf import shelved

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ADDRESS = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/7K3M9QX2"
PLATE = Nameplate(
    unit="Bộ phận Một cửa Công an xã Kim Liên",
    number=1,
    hotlines=("0238 3841 110", "113"),
    hours="Thứ Hai – Thứ Sáu: 7:00–11:30, 13:30–17:00",
)


class Serving:
    """A counter's pages on a free loopback port."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 15, tzinfo=ZONE))
        self.health = Health(self.clock)
        self.hub = ScreenHub(PLATE, self.clock)
        self.hub.set_code(RatingCode(ADDRESS))
        calendar = Calendar(Hours.model_validate({"mon-sun": ["00:00-24:00"]}), Holidays(is_vietnamese=False), ZONE)
        self.glass = Glass(self.hub, self.clock, output=Output, calendar=lambda: calendar)
        self.store = MediaStore(path / "shown")
        self.figures: dict[str, Any] = {"pending": 3, "stored": 1284, "connected": True}
        self.refusals: tuple[Refusal, ...] = ()
        self.cameras: list[CameraSeen] = []
        self.shown: list[str] = []
        """The cameras of which a picture was asked for; `quay` has one, `door` is away."""
        self.site = Site(
            self.hub,
            self.health,
            self.store,
            language("vi"),
            lambda: self.figures,
            lambda: self.refusals,
            cameras=lambda: self.cameras,
            picture=self._picture,
            glass=self.glass,
        )
        self.web = WebService("127.0.0.1:0", self.site)
        self._stop = threading.Event()
        self._thread = threading.Thread()

    def _picture(self, name: str) -> bytes:
        self.shown.append(name)
        if name == "door":
            raise TryAgain("camera door is not there")
        return {"quay": noise((640, 360))}[name]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self.web.run, args=(self._stop,), name="web")
        self._thread.start()
        assert self.web.ready.wait(10), "the pages are not served"

    def stop(self) -> None:
        """Stop serving, within the time a service has."""
        self._stop.set()
        self._thread.join(self.web.goodbye_s)
        assert not self._thread.is_alive(), "the web service did not say goodbye in time"

    def start_again(self) -> None:
        """Serve the same site at the same port, as after a restart."""
        self.web = WebService(f"127.0.0.1:{self.port}", self.site)
        self.start()

    @property
    def port(self) -> int:
        return self.web.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def picture(self, data: bytes, **options: Any) -> Item:
        """Put a picture into the store, ready to be played."""
        medium = shelved(self.store, data)
        return Item(id=medium.id, url=f"/media/{medium.id}", bytes=medium.bytes, **options)

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One request as a plain client makes it; a *body* is sent as JSON from the page's own origin."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        own = {"Origin": self.url, "Content-Type": "application/json"} if body is not None else {}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            connection.request(method, path, body=data, headers={**own, **(headers or {})})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()


class Listener:
    """A reader of server-sent events over a plain connection."""

    def __init__(self, serving: Serving, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=5)
        self._connection.request("GET", path)
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def next(self) -> tuple[str, Any]:
        """The next event's name and data."""
        name, data = "", ""
        while line := self.answer.readline().decode():
            match line.rstrip("\n").partition(": "):
                case ("event", _, value):
                    name = value
                case ("data", _, value):
                    data = value
                case ("", _, _) if name:
                    return name, json.loads(data)
        raise EOFError("the stream ended")
