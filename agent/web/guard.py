"""The guard before every page: who may ask, from where, and how much.

A box's pages have no password; what protects them is that only this machine, or a person who typed
its address, can ask. So a request is answered only when its `Host` is a number or `localhost` (a
rebound DNS name is neither) and when an `Origin`, if one is sent, is the page's own (another site's
script always sends its own). Whatever changes something must send one. Pure ASGI, one pass, no state.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT_BODY_BYTES = 16 * 1024
LIMIT_TARGET_BYTES = 2048
_SAFE = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Wraps an ASGI application; refuses with a plain sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = _refusal(scope)
        answer = PlainTextResponse(refusal[1] + "\n", refusal[0]) if refusal else self._app

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await answer(scope, _Bounded(receive), send_guarded)


class OversizeError(Exception):
    """The request's body passed its bound."""


class _Bounded:
    """Hands the body on until it passes the bound."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = LIMIT_BODY_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise OversizeError
        return message


def _refusal(scope: Scope) -> tuple[int, str] | None:
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin")
    length = headers.get("content-length", "0")
    if not is_own_host(host):
        return 421, "Host must be an address of this machine."
    if origin is None and scope["method"] not in _SAFE:
        return 403, "Origin is missing."
    if origin is not None and origin != f"{scope['scheme']}://{host}":
        return 403, "Origin is another site."
    if len(scope["raw_path"]) + len(scope["query_string"]) > LIMIT_TARGET_BYTES:
        return 414, "The address is too long."
    if not length.isdecimal() or int(length) > LIMIT_BODY_BYTES:
        return 413, f"At most {LIMIT_BODY_BYTES} bytes."
    return None


def is_own_host(host: str) -> bool:
    """Whether *host* (`Host:`, with or without a port) cannot be a name that somebody else's DNS answers for."""
    try:
        parts = urlsplit(f"//{host}")
        name = parts.hostname or ""
        if parts.netloc != host or "@" in host or (parts.port is None and host.endswith(":")):
            return False
        if name == "localhost":
            return True
        ip_address(name)
    except ValueError:
        return False
    return True
