"""uvicorn's server, but asleep while nobody asks: its own looks ten times a second whether it is to end.

That is a third of what an idle agent takes of a processor. This one is woken by `stop`, and once a second for the date
in its answers. Imports uvicorn: only what serves may import this module.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import uvicorn

TICK_S = 1.0
GRACE_S = 0.5
"""For requests under way when asked to stop; streams are let go at once."""


class QuietServer(uvicorn.Server):
    """Serves until *stop*: *began* is called once it does, *beat* at every tick, *ends* before it closes."""

    def __init__(
        self,
        config: uvicorn.Config,
        stop: threading.Event,
        *,
        began: Callable[[], None],
        beat: Callable[[], None],
        ends: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._stop = stop
        self._began, self._beat, self._ends = began, beat, ends

    async def main_loop(self) -> None:
        self._began()
        with ThreadPoolExecutor(1, "web-stop") as waiting:  # the loop's own pool would start more
            while not (await self.on_tick(0) or self._stop.is_set()):
                self._beat()
                await asyncio.get_running_loop().run_in_executor(waiting, self._stop.wait, TICK_S)
        self._ends()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's; but who came at the last moment, or does not read, is cut off, so that nobody is still there."""
        cut = asyncio.get_running_loop().call_later(GRACE_S, self._cut)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut(self) -> None:
        for connection in self.server_state.connections:
            connection.transport.abort()
