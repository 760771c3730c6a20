"""The pages on loopback: the screen for citizens, the status for technicians, and what feeds them.

Everything comes from this box: styles, scripts, fonts and pictures; nothing is loaded from elsewhere,
and the guard refuses whoever is elsewhere. Handlers run on the web service's event loop and never wait
for anything but the network; a camera's still is waited for on a thread of its own.
"""

import json
import mimetypes
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from agent.errors import CounterAgentError
from agent.screen.glass import Glass
from agent.screen.hub import ScreenHub
from agent.screen.kiosk.word import Sight
from agent.web.guard import Guard, OversizeError
from agent.web.reports import Ear
from agent.web.site import Site
from agent.web.status import condition_of_everything
from agent.web.stream import Changes, News, Streams

_HERE = Path(__file__).parent
_FONTS = {weight: f"BeVietnamPro-{name}.ttf" for weight, name in ((400, "Regular"), (600, "SemiBold"), (700, "Bold"))}
FOREVER = "public, max-age=31536000, immutable"
"""For what is named after its content."""
A_DAY = "public, max-age=86400"
ASK_AGAIN = "no-cache"
"""Kept, but used only after the server said that it is still the same."""
STATUS_POLL_S = 1.0

templates = Jinja2Templates(_HERE / "templates")


def create_app(site: Site) -> Starlette:
    """The whole site as one ASGI application; `app.state.streams.close()` lets its open streams go."""
    mimetypes.init(files=())  # what a suffix means is in the standard library, whatever tables this box has
    pages = _Pages(site)
    app = Starlette(
        routes=[
            *site.routes,
            Route("/", pages.root),
            Route("/screen", pages.screen),
            Route("/events", pages.events),
            Route("/screen/beat", pages.beat, methods=["POST"]),
            Route("/screen/turns", pages.turns, methods=["POST"]),
            Route("/screen/logo", pages.logo),
            *_kiosk(site.glass),
            Route("/qr", pages.qr),
            Route("/qr/beat", pages.qr_beat, methods=["POST"]),
            Route("/media/{id}", pages.media),
            Route("/status", pages.status),
            Route("/status/events", pages.status_events),
            Route("/status/camera/{name}.jpg", pages.camera),
            Route("/fonts/{weight:int}.ttf", _font),
            Mount("/static", _Static(directory=_HERE / "static")),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={OversizeError: _too_large},
    )
    app.state.streams = pages.streams
    return app


def is_json(request: Request) -> bool:
    """Whether the body says of itself that it is JSON: a form of another page cannot."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def read_json(request: Request) -> dict[str, Any] | None:
    """The request's body as a JSON object, or None when it is none."""
    if not is_json(request):
        return None
    try:
        body = await request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def embedded(value: Any) -> str:
    """*value* as JSON that may stand inside a `<script type="application/json">`."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


class _Pages:
    """The handlers, around what they read."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ear = Ear(site.hub)
        self.streams = Streams()

    async def root(self, request: Request) -> Response:  # noqa: ARG002
        return RedirectResponse("/status", 303)

    async def screen(self, request: Request) -> Response:
        return self._stateful(request, "screen.html")

    async def qr(self, request: Request) -> Response:
        return self._stateful(request, "qr.html")

    def _stateful(self, request: Request, template: str) -> Response:
        state = self._site.hub.state()
        return templates.TemplateResponse(request, template, {"state": state, "state_json": embedded(state)})

    async def events(self, request: Request) -> Response:
        return self.streams.open(request, _ScreenView(self._site.hub), bell=self._site.hub)

    async def beat(self, request: Request) -> Response:
        return await _heard(request, self._ear.beat)

    async def qr_beat(self, request: Request) -> Response:
        if await read_json(request) is None:
            return PlainTextResponse("A JSON object is expected.\n", 400)
        self._site.hub.beat_code_page()
        return Response(status_code=204)

    async def turns(self, request: Request) -> Response:
        return await _heard(request, self._ear.turns)

    async def logo(self, request: Request) -> Response:  # noqa: ARG002
        logo = self._site.hub.theme.logo
        if logo is None or not logo.is_file():
            return PlainTextResponse("No logo.\n", 404)
        return FileResponse(logo, headers={"Cache-Control": ASK_AGAIN})

    async def media(self, request: Request) -> Response:
        found = self._site.store.find(request.path_params["id"])
        if found is None:
            return PlainTextResponse("No such medium.\n", 404)
        file, media_type = found
        return FileResponse(file, media_type=media_type, headers={"Cache-Control": FOREVER})

    async def status(self, request: Request) -> Response:
        now = condition_of_everything(self._site)
        context = {"now": now, "now_json": embedded(now), "text": self._site.language.text}
        context["language"] = self._site.language.code
        return templates.TemplateResponse(request, "status.html", context)

    async def status_events(self, request: Request) -> Response:
        view = Changes("status", lambda: condition_of_everything(self._site))
        return self.streams.open(request, view, poll_s=STATUS_POLL_S)

    async def camera(self, request: Request) -> Response:
        try:
            content = await run_in_threadpool(self._site.picture, request.path_params["name"])
        except LookupError:
            return PlainTextResponse("No such camera.\n", 404)
        except CounterAgentError as error:
            return PlainTextResponse(f"{error}\n", 503, headers={"Retry-After": "5"})
        return Response(content, media_type="image/jpeg")


class _ScreenView:
    """One page's knowledge of the hub."""

    def __init__(self, hub: ScreenHub) -> None:
        self._hub = hub
        self._revision = 0
        self._token = ""

    def news(self) -> News:
        news: News = []
        revision, thanks = self._hub.revision, self._hub.thanks()
        if revision != self._revision:
            state = self._hub.state()
            self._revision, self._token = state["revision"], state["thanks"]["token"]
            news.append(("state", state))
        if thanks.token != self._token:
            self._token = thanks.token
            news.append(("thanks", {"token": thanks.token, "left_ms": thanks.left_ms}))
        return news


class _Static(StaticFiles):
    """Our own files: a new version of the software is a new page at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = ASK_AGAIN
        return response


def _kiosk(glass: Glass | None) -> list[Route]:
    """What is said with the kiosk."""
    if glass is None:
        return []

    async def wish(request: Request) -> Response:  # noqa: ARG001
        return Response(glass.wish().model_dump_json(), media_type="application/json")

    async def report(request: Request) -> Response:
        return await _heard(request, lambda body: glass.saw(Sight.model_validate_json(body)))

    return [Route("/kiosk", wish), Route("/kiosk/report", report, methods=["POST"])]


async def _heard(request: Request, hear: Callable[[bytes], None]) -> Response:
    """Hand the body to *hear*; 400 when it makes no sense."""
    try:
        if not is_json(request):
            raise ValueError
        hear(await request.body())
    except ValueError:
        return PlainTextResponse("That is no report.\n", 400)
    return Response(status_code=204)


async def _font(request: Request) -> Response:
    name = _FONTS.get(request.path_params["weight"])
    package = find_spec("fontpkg_be_vietnam_pro")
    if name is None or package is None or package.origin is None:
        return PlainTextResponse("No such font.\n", 404)
    file = Path(package.origin).parent / "files" / name
    return FileResponse(file, media_type="font/ttf", headers={"Cache-Control": A_DAY})


async def _too_large(request: Request, exc: Exception) -> Response:  # noqa: ARG001
    return PlainTextResponse("The body is too large.\n", 413)
