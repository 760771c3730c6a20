"""Pages served by a service: its event loop lives inside its own thread.

The keypad comes first: asyncio, Starlette, uvicorn and Jinja2, a quarter of all work at the start, are imported when
the keypads are open. The listening socket is opened here; while its address is taken, or not there yet (a
Wi-Fi that is not up), the service says so in health and tries again. It writes to the component `agent`, since
without its pages the agent is without a face, and only when it had trouble.
"""

import logging
import socket
import threading
from abc import abstractmethod
from typing import Any

from agent.errors import SystemReason
from agent.health import OK, Condition, Health, Status
from agent.service import Service
from agent.web.handed import handed

log = logging.getLogger(__name__)

RETRY_S = 3.0
TICK_S = 0.1
LAST_S = 1
"""For what is not over though everybody was cut off."""
LIMIT_CONNECTIONS = 96
LIMIT_HEAD_BYTES = 16 * 1024


class PageService(Service):
    """Serves one ASGI application at *listen* (`127.0.0.1:8080`; port 0: any free one)."""

    connections = LIMIT_CONNECTIONS
    """At once; further ones are refused."""
    busy: str
    """The code in health while the address cannot be had."""

    def __init__(self, listen: str, health: Health) -> None:
        super().__init__()
        self._listen, self._health = listen, health
        self.ready = threading.Event()
        """Set while the pages can be asked for; `port` is known then."""
        self.port = 0

    @abstractmethod
    def application(self) -> Any:
        """The ASGI application. Imports what is slow."""

    def protocol(self) -> Any:
        """uvicorn's name or class of the protocol that reads requests. Imports what is slow."""
        return "h11"

    def let_go(self, application: Any) -> None:
        """End what would keep *application*'s connections open."""

    def run(self, stop: threading.Event) -> None:
        opened = self._open(stop)
        if opened is None:
            return
        import asyncio  # noqa: PLC0415

        with opened as listener:
            try:
                asyncio.run(self._serve(listener, stop))
            finally:
                self.ready.clear()

    def _open(self, stop: threading.Event) -> socket.socket | None:
        """The listening socket; None when asked to stop before the address was free."""
        is_lost = False
        while not stop.is_set():
            self.progress.beat()
            try:
                listener = _listener(self._listen)
            except OSError as error:
                if not is_lost:
                    log.warning("%s: %s cannot be opened: %s; trying again", self.name, self._listen, error)
                is_lost = True
                values = {"listen": self._listen, "error": SystemReason.of(error)}
                self._health.report("agent", Condition(Status.DEGRADED, self.busy, values))
                stop.wait(RETRY_S)
                continue
            if is_lost:
                log.info("%s: %s is open now", self.name, self._listen)
            if any(report.condition.code == self.busy for report in self._health.reports()):
                self._health.report("agent", OK)
            return listener
        return None

    async def _serve(self, listener: socket.socket, stop: threading.Event) -> None:
        import uvicorn  # noqa: PLC0415

        from agent.web.quiet import QuietServer  # noqa: PLC0415

        application = self.application()
        config = uvicorn.Config(
            application,
            http=self.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=self.connections,
            h11_max_incomplete_event_size=LIMIT_HEAD_BYTES,
            timeout_graceful_shutdown=LAST_S,
        )
        server = QuietServer(
            config,
            stop,
            began=lambda: self._say_where(listener),
            beat=self.progress.beat,
            ends=lambda: self.let_go(application),
        )
        await server.serve(sockets=[listener])

    def _say_where(self, listener: socket.socket) -> None:
        host, self.port = listener.getsockname()[:2]
        log.info("%s: http://%s:%d/", self.name, f"[{host}]" if ":" in host else host, self.port)
        self.ready.set()


def _listener(listen: str) -> socket.socket:
    """A socket listening at `host:port`: systemd's, where it holds one.

    Raises:
        OSError: the address is taken, or not of this machine.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if (held := handed(host, int(port))) is not None:
        return held
    return socket.create_server(
        (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=64, reuse_port=False
    )
