"""Server-sent events, level-triggered: every stream tells the whole present first, then what has changed since.

A stream keeps no queue. Something rings its bell, it asks its view what is new, and sends that: a slow
reader skips states instead of piling them up. A heartbeat every 5 s lets the page notice silence.
`Streams` counts what is open, bounds it, and lets all of it go when the server stops.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

HEARTBEAT_S = 5.0
RETRY_MS = 1000
"""How long a browser waits before it connects again."""
LIMIT_STREAMS = 24
"""A screen, a QR display and a few technicians; more is somebody's broken script."""

News = list[tuple[str, Any]]
"""Events (name, data for JSON) to send."""


class View(Protocol):
    """One reader's view of something that changes."""

    def news(self) -> News:
        """What this reader does not know yet; on the first call everything. Must not wait."""


class Bell(Protocol):
    """Something that calls back, from any thread, when there may be news."""

    def listen(self, listener: Callable[[], None]) -> None: ...
    def unlisten(self, listener: Callable[[], None]) -> None: ...


class Changes:
    """A view of a value that is polled: one event whenever it is another than before."""

    def __init__(self, event: str, value: Callable[[], Any]) -> None:
        self._event, self._value = event, value
        self._told: str | None = None

    def news(self) -> News:
        value = self._value()
        written = _json(value)
        if written == self._told:
            return []
        self._told = written
        return [(self._event, value)]


class Streams:
    """The open streams of one server. Lives on its event loop."""

    def __init__(self) -> None:
        self._wakes: set[asyncio.Event] = set()
        self._is_closing = False

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._is_closing = True
        for wake in self._wakes:
            wake.set()

    def open(self, request: Request, view: View, *, bell: Bell | None = None, poll_s: float = HEARTBEAT_S) -> Response:
        """The response that streams *view*: looked at when *bell* rings, and at least every *poll_s*."""
        if self._is_closing or len(self._wakes) >= LIMIT_STREAMS:
            return PlainTextResponse("Too many streams are open.\n", 503, headers={"Retry-After": "5"})
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        return _Stream(self, view, bell, poll_s)

    async def run(self, stream: "_Stream", receive: Receive, send: Send) -> None:
        """Serve *stream* until its reader hangs up or the server stops."""
        wake, loop = asyncio.Event(), asyncio.get_running_loop()

        def ring() -> None:
            with suppress(
                RuntimeError
            ):  # the server has ended: whoever rings, a rating perhaps, has nothing to do with it
                loop.call_soon_threadsafe(wake.set)

        async def hang_up() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            wake.set()

        self._wakes.add(wake)
        gone = asyncio.create_task(hang_up())
        if stream.bell is not None:
            stream.bell.listen(ring)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _raw_headers()})
            await _push(send, f"retry: {RETRY_MS}\n\n")
            silent_since = loop.time()
            while not (self._is_closing or gone.done()):
                news = stream.view.news()
                if news:
                    await _push(send, "".join(f"event: {event}\ndata: {_json(data)}\n\n" for event, data in news))
                    silent_since = loop.time()
                elif loop.time() - silent_since >= HEARTBEAT_S:
                    await _push(send, "event: beat\ndata: {}\n\n")
                    silent_since = loop.time()
                try:
                    async with asyncio.timeout(min(stream.poll_s, silent_since + HEARTBEAT_S - loop.time())):
                        await wake.wait()
                except TimeoutError:
                    continue
                wake.clear()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._wakes.discard(wake)
            if stream.bell is not None:
                stream.bell.unlisten(ring)


class _Stream(Response):
    """A response whose body is a stream."""

    def __init__(self, streams: Streams, view: View, bell: Bell | None, poll_s: float) -> None:
        super().__init__()
        self._streams = streams
        self.view, self.bell, self.poll_s = view, bell, poll_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await self._streams.run(self, receive, send)


_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}


def _raw_headers() -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


async def _push(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
