"""The demo's one page: the counter's screen, a keypad to press, what the province has, how everyone is.

It shows what is really there: a press is handed to whoever holds the simulated keypad's wire, the list
is what the province has stored, the hops light up on evidence (the commit's thank-you, the province's
row, its acknowledgement). The page polls nothing; one stream tells it what has changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from agent.event import EventType
from agent.health import Health
from agent.language import Language, language
from agent.rating.record import Flag
from agent.screen.hub import ScreenHub
from agent.web.app import embedded, read_json, templates
from agent.web.status import components
from agent.web.stream import Changes, Streams

POLL_S = 0.3
ROWS = 40
"""The newest rows told to the page."""


@dataclass(frozen=True)
class Face:
    """A key as drawn: its number on the keypad, the level it stands for, its words."""

    key: int
    level: int
    label: str
    caption: str
    mouth: str
    """An SVG path in a box of 48 by 48."""


FACES = (
    Face(1, 3, "Rất hài lòng", "Very satisfied", "M13 27c1 9 6 12 11 12s10-3 11-12z"),
    Face(2, 2, "Hài lòng", "Satisfied", "M14 29c5 7 15 7 20 0"),
    Face(3, 1, "Bình thường", "Neutral", "M15 32h18"),
    Face(4, 0, "Không hài lòng", "Dissatisfied", "M14 35c5-7 15-7 20 0"),
)
HOPS = (
    ("phím", "key press"),
    ("quầy", "desk rules"),
    ("hộp thư", "committed to disk"),
    ("đường lên", "MQTT"),
    ("tỉnh", "province stored it"),
    ("xác nhận", "acknowledged"),
)


@dataclass(frozen=True)
class DemoSources:
    """Where the page's content comes from. Callables are thread-safe and answer at once."""

    press: Callable[[int], None]
    """Press key 1 to 4 on the simulated keypad; OSError when its wire is gone."""
    received: Callable[[], Sequence[Mapping[str, Any]]]
    """What the province has stored, newest first: `seq, time, type, level, flags, channel, comment, received_at`
    (ISO times)."""
    totals: Callable[[], Mapping[str, int]]
    """The province's counts: `ratings`, `events`, `acknowledged`, `gaps`; others are shown by their key."""
    code: Callable[[], str | None]
    """The address in the QR on the screen now; None: there is none."""
    hub: ScreenHub
    health: Health
    language: Language


def demo_routes(sources: DemoSources) -> list[Route]:
    """`/` and what feeds it, to stand before the site's own routes; `/demo/phone` opens what the QR says."""

    def now() -> dict[str, Any]:
        return {
            "components": components(sources.health, sources.language),
            "received": [dict(row) for row in sources.received()[:ROWS]],
            "totals": dict(sources.totals()),
            "thanks": sources.hub.thanks().token,
        }

    async def page(request: Request) -> Response:
        state = sources.hub.state()
        context = {"faces": FACES, "hops": HOPS, "unit": state["unit"], "counter": state["counter"]["label"]}
        context["words"] = embedded(_words())
        context["levels"] = embedded({face.level: {"label": face.label, "mouth": face.mouth} for face in FACES})
        return templates.TemplateResponse(request, "demo.html", context)

    async def events(request: Request) -> Response:
        return _streams(request).open(request, Changes("now", now), bell=sources.hub, poll_s=POLL_S)

    async def press(request: Request) -> Response:
        body = await read_json(request)
        key = body.get("key") if body else None
        if key not in {face.key for face in FACES} or isinstance(key, bool):
            return PlainTextResponse("A key from 1 to 4 is expected.\n", 400)
        try:
            sources.press(key)
        except OSError as error:
            return PlainTextResponse(f"The keypad's wire is gone: {error}\n", 503)
        return Response(status_code=204)

    async def phone(request: Request) -> Response:  # noqa: ARG001
        address = sources.code()
        if address is None:
            return PlainTextResponse("The screen shows no code now.\n", 503)
        return RedirectResponse(address, 303)

    return [
        Route("/", page),
        Route("/demo/events", events),
        Route("/demo/press", press, methods=["POST"]),
        Route("/demo/phone", phone),
    ]


def _words() -> dict[str, dict[str, list[str]]]:
    """What events and flags are called, in the page's two languages."""
    tongues = [language(code) for code in ("vi", "en")]

    def called(kind: str, names: Iterable[str]) -> dict[str, list[str]]:
        return {name: [tongue.text(f"demo.{kind}.{name}") for tongue in tongues] for name in names}

    return {"event": called("event", EventType), "flag": called("flag", Flag)}


def _streams(request: Request) -> Streams:
    streams: Streams = request.app.state.streams  # the site's own, so that they end with its server
    return streams
