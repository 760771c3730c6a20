"""The portal's pages: the rating page on the internet, for all counters of a province.

Meant to stand behind a web server that speaks TLS for it; without one it minds its connections itself.
"""

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.clock import SystemClock
from agent.health import Health
from agent.rating.phone.visit import Reception
from agent.web.rates import Allowance, Rates
from agent.web.server import PageService

if TYPE_CHECKING:
    from starlette.requests import Request

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

    def __init__(self, site: Site, reception: Reception) -> None:
        super().__init__(site.listen, Health(SystemClock(UTC)))
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
