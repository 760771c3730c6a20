"""The rating page on a citizen's phone: one form, one thank-you, no script, no cookie.

The same page on the counter's own Wi-Fi and at the province's portal; behind it stands a `Reception`. Its
ways, below `/r/` or `/R/` (in capitals a QR is smaller):

    GET  /r/<code>           the visit begins      -> /r/?t=<ticket>, which a phone may load again
    GET  /r/?t=<ticket>      the form
    POST /r/                 the vote, durable     -> /r/thanks
    GET  /r/thanks           the same for everybody

Nothing in an answer tells the level, not its length, its status or its address: the officer sits a metre
away. Everything else is a page that says in plain words what is wrong and what to do. Addresses are
relative, and a request is bounded in every direction before it is read. Nothing of a request is stored or
logged. Runs on its server's event loop; the reception is asked on worker threads.
"""

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from agent.rating.phone.visit import Ground, Reception, VisitRefused
from agent.rating.urn import Cast
from agent.web.guard import is_own_host
from agent.web.phone_form import Form, FormRefused, check_bounds
from agent.web.phone_pages import HEADERS, form_page, refusal_page, thanks_page, words_for
from agent.web.rates import Allowance, Rates

log = logging.getLogger(__name__)

EACH = Allowance(at_once=40, per_s=0.5)
"""A visit is four requests and a browser's wish for an icon."""
TOGETHER = Allowance(at_once=200, per_s=20)
RETRY_AFTER = {"Retry-After": "60"}


class PhonePage:
    """The page as an ASGI application."""

    def __init__(
        self,
        reception: Reception,
        *,
        rates: Rates | None = None,
        is_own: Callable[[str], bool] = is_own_host,
        scheme: str = "http",
        client: Callable[[Request], str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*is_own*: whether a `Host` is this site's; *scheme*: how phones reach it (a proxy may speak TLS for it);
        *client*: the phone's address, where a proxy stands before it."""
        self._reception = reception
        self._rates = rates if rates is not None else Rates(each=EACH, together=TOGETHER)
        self._is_own, self._scheme = is_own, scheme
        self._client = client or _peer
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the edge; its text may hold what a citizen wrote, so only its place
            log.error("the rating page failed: %s at %s", type(error).__name__, _place(error))
            response = refusal_page(words_for(request), Ground.LATER, status=500)
        response.headers.update(HEADERS)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            self._check(request)
            return await self._route(request)
        except VisitRefused as refused:
            response = refusal_page(words_for(request), refused.ground)
            if refused.ground is Ground.CROWDED:
                response.headers.update(RETRY_AFTER)
            return response
        except FormRefused as refused:
            return refusal_page(words_for(request), Ground.INVALID, status=refused.status)

    def _check(self, request: Request) -> None:
        """Whether *request* comes from this site's own page, is no larger than a phone's, and not one too many."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self._is_own(host):
            raise FormRefused(421)
        if origin is not None and origin != f"{self._scheme}://{host}":  # old phones send none: their ticket vouches
            raise FormRefused(403)
        check_bounds(request)
        if not self._rates.admit(self._client(request), self._monotonic()):
            raise VisitRefused(Ground.CROWDED)

    async def _route(self, request: Request) -> Response:
        path = re.fullmatch(r"/[rR]/(.*)", request.scope["path"])
        if path is None:
            raise VisitRefused(Ground.INVALID)
        match request.method, path[1]:
            case "POST", "":
                return await self._vote(request)
            case "GET" | "HEAD", "":
                visit = await run_in_threadpool(self._reception.resume, request.query_params.get("t", ""))
                return form_page(words_for(request), visit, Form(visit.ticket))
            case "GET" | "HEAD", "thanks":
                return thanks_page(words_for(request))
            case "GET" | "HEAD", code:
                visit = await run_in_threadpool(self._reception.open, code)
                return _elsewhere("./", t=visit.ticket, l=request.query_params.get("l", ""))
        raise FormRefused(405)

    async def _vote(self, request: Request) -> Response:
        form = await Form.sent(request)
        words = words_for(request, form.language)
        visit = await run_in_threadpool(self._reception.resume, form.ticket)
        if form.lack:
            return form_page(words, visit, form, lack=form.lack, status=422)
        match await run_in_threadpool(self._reception.cast, visit, form.vote(visit)):
            case Cast.TAKEN:
                return _elsewhere("thanks", l=words.code)
            case Cast.SPENT:
                return refusal_page(words, Ground.SPENT, ticket=visit.ticket)
            case Cast.LATER:
                return form_page(words, visit, form, lack="again", status=503)
        raise FormRefused(400)


def _elsewhere(page: str, **query: str) -> Response:
    return RedirectResponse(f"{page}?" + urlencode({name: value for name, value in query.items() if value}), 303)


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _place(error: BaseException) -> str:
    """The line that raised *error*."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
