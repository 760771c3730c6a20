"""The web service: the loopback pages, served (`agent.web.server` says how)."""

from typing import Any

from agent.web.server import PageService
from agent.web.site import Site


class WebService(PageService):
    """Serves *site* at *listen*."""

    name = "web"
    busy = "WEB_PORT_BUSY"

    def __init__(self, listen: str, site: Site) -> None:
        super().__init__(listen, site.health)
        self._site = site

    def application(self) -> Any:
        from agent.web.app import create_app  # noqa: PLC0415

        return create_app(self._site)

    def let_go(self, application: Any) -> None:
        application.state.streams.close()
