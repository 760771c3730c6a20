"""`province portal`: the rating page on the internet, for counters that have no Wi-Fi of their own.

Three parts that share one store and one keyring: the page's server, the courier to the broker, and this thread,
which looks for new keys. Meant to stand behind a web server that speaks TLS for it.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.clock import SystemClock
from agent.errors import PersonMustAct
from agent.health import Health
from agent.province.ballots import BallotStore
from agent.province.courier import Courier
from agent.province.keyring import Keyring
from agent.province.reception import PortalReception
from agent.uplink.payload import Info
from agent.uplink.session import Door
from agent.web.rates import Allowance, Rates
from agent.web.server import PageService

if TYPE_CHECKING:
    from starlette.requests import Request

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often the folder of keys is looked at."""
EACH = Allowance(at_once=60, per_s=1)
"""Several phones of a village may share one address."""
TOGETHER = Allowance(at_once=2000, per_s=200)
CONNECTIONS = 1024


@dataclass(frozen=True, slots=True)
class Site:
    """Where the page is reached."""

    url: str
    """As in `qr.url`: `https://danhgia.nghean.example/r/`."""
    listen: str
    """Where this process listens: `127.0.0.1:8090`."""
    is_behind_proxy: bool
    """A web server on this machine stands before it, and says in `X-Forwarded-For` who asks."""

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme.lower()

    @property
    def host(self) -> str:
        """What phones say in `Host`."""
        return urlsplit(self.url).netloc.lower()


class PortalPages(PageService):
    """Serves the rating page at the portal."""

    name = "portal"
    busy = "WEB_PORT_BUSY"
    connections = CONNECTIONS

    def __init__(self, site: Site, reception: PortalReception) -> None:
        super().__init__(site.listen, Health(SystemClock(UTC)), after=lambda: True)
        self._site = site
        self._reception = reception

    def application(self) -> Any:
        from agent.web.phone import PhonePage  # noqa: PLC0415

        return PhonePage(
            self._reception,
            rates=Rates(each=EACH, together=TOGETHER, places=65_536),
            is_own=lambda host: host.lower() == self._site.host,
            scheme=self._site.scheme,
            client=_forwarded if self._site.is_behind_proxy else None,
        )

    def protocol(self) -> Any:
        if self._site.is_behind_proxy:  # all phones come over the web server's connections, and it has patience
            return super().protocol()
        from agent.web.patience import PatientProtocol  # noqa: PLC0415

        return PatientProtocol


def _forwarded(request: "Request") -> str:
    """The phone's address as the web server before us saw it: the last one it wrote; what came before is hearsay."""
    return request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()


class Portal:
    """The whole of `province portal`."""

    def __init__(self, door: Door, *, province: str, site: Site, keys: Path, store: Path) -> None:
        self._door = door
        self._province = province
        self._site = site
        self._keyring = Keyring(keys)
        self._store = store

    def run(self, stop: threading.Event, *, ready: Callable[[int], None] = lambda _port: None) -> None:
        """Serve until *stop*; *ready* is told the port once the page can be asked for.

        Raises:
            PersonMustAct: the folder of keys cannot be read.
        """
        self._keyring.look()
        with closing(BallotStore(self._store, now=time)) as store:
            courier: Courier | None = None
            reception = PortalReception(self._keyring, store, put=lambda: courier.notice() if courier else None)
            courier = Courier(
                self._door, province=self._province, store=store, agents=self._keyring.agents, met=reception.meet
            )
            for agent, info in store.known().items():
                reception.meet(agent, Info.model_validate_json(info))
            for agent, count in sorted(store.count_waiting().items()):
                log.info("%d votes wait for %s", count, agent)
            pages = PortalPages(self._site, reception)
            threads = [
                threading.Thread(target=courier.run, args=(stop,), name="courier"),
                threading.Thread(target=pages.run, args=(stop,), name="pages"),
            ]
            for thread in threads:
                thread.start()
            try:
                if _wait(pages.ready, stop, threads):
                    ready(pages.port)
                while not stop.wait(LOOK_S) and all(thread.is_alive() for thread in threads):
                    self._look()
            finally:
                stop.set()
                courier.notice()
                for thread in threads:
                    thread.join()

    def _look(self) -> None:
        try:
            self._keyring.look()
        except PersonMustAct as error:
            log.error("%s; the keys read before stay", error)


def _wait(event: threading.Event, stop: threading.Event, threads: list[threading.Thread]) -> bool:
    """Whether *event* came before the end."""
    while not event.wait(0.05):
        if stop.is_set() or not all(thread.is_alive() for thread in threads):
            return False
    return True
