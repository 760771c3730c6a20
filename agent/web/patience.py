"""How long a stranger's connection is borne: a request that is not whole after `PATIENCE_S` is cut off.

uvicorn bounds how much a request may be and how many there are, but waits for ever for one that trickles, or
that never begins; a few dozen such connections would shut everybody out. The time is not prolonged by what
arrives. What strangers send wrong is not logged either: a log that anybody on the Wi-Fi can write wears out the
memory card. Runs on the server's event loop.
"""

import asyncio
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.web.rates import household

PATIENCE_S = 10.0
PER_PHONE = 8
"""Connections of one phone; browsers open six."""
_UNFINISHED = (h11.IDLE, h11.SEND_BODY)

_nowhere = logging.getLogger("agent.web.patience")
_nowhere.setLevel(logging.CRITICAL + 1)


class PatientProtocol(H11Protocol):
    """uvicorn's reading of HTTP/1.1, with a deadline."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.logger = _nowhere
        who = self._who()
        if sum(isinstance(other, PatientProtocol) and other._who() == who for other in self.connections) > PER_PHONE:
            transport.abort()
            return
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Start the clock while a request is awaited or on its way; stop it when one is whole."""
        is_kept_alive = self.timeout_keep_alive_task is not None
        if self.conn.their_state not in _UNFINISHED or is_kept_alive or self.transport.is_closing():
            self._calm()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(PATIENCE_S, self.transport.abort)

    def _calm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _who(self) -> str:
        return household(self.client[0]) if self.client else ""
