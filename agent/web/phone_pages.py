"""How the rating page looks: the form, the thank-you, and what is said when a phone may not vote.

One column of big targets, each a face, a colour and words; one stylesheet inside the page, which the policy
names by its hash. Nothing is loaded from anywhere and no script runs. Languages are files; a phone gets
its own if there is one, and the others stand there as links.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from agent.language import Language, phone_language, phone_languages
from agent.rating.phone.visit import Ground, Visit
from agent.rating.record import LONGEST_COMMENT, Reason
from agent.rating.scale import Scale
from agent.web.phone_form import Form

HOUSE = "vi"
"""The language of a phone that wishes none of ours."""
_HERE = Path(__file__).parent / "templates" / "phone"
_CSS = (_HERE / "phone.css").read_text(encoding="utf-8")
_STYLE = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with `no-referrer` a browser hides the form's origin from its own server
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
}
"""On every answer."""
_STATUS = {
    Ground.INVALID: 404,
    Ground.EXPIRED: 410,
    Ground.SPENT: 409,
    Ground.CROWDED: 429,
    Ground.LATER: 503,
}

_pages = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True, slots=True)
class Face:
    """An answer as drawn: its level, its words, how its mouth goes and how warm it is."""

    level: int
    label: str
    mouth: str
    """An SVG path in a box of 48 by 48."""
    tone: int
    """0 the worst to 4 the best, for any number of levels."""


def faces(scale: Scale, words: Language) -> list[Face]:
    """The answers of *scale*, the best first, as on the keypad."""
    moods = _moods(len(scale.levels) - len(scale.satisfied), len(scale.satisfied))
    return [
        Face(index, level.label(words), f"M14 {31 - 2 * mood:.3g}q10 {9 * mood:.3g} 20 0", round(2 * mood) + 2)
        for index, (level, mood) in reversed([*enumerate(zip(scale.levels, moods, strict=True))])
    ]


def _moods(unsatisfied: int, satisfied: int) -> list[float]:
    """From -1 to 1, the worst first: who is satisfied smiles, who is nearly so keeps a straight face."""
    low = [-1 + step / max(1, unsatisfied - 1) for step in range(unsatisfied)]
    return low + [step / satisfied for step in range(1, satisfied + 1)]


def words_for(request: Request, chosen: str = "") -> Language:
    """The language *chosen* on the form, else by the page's link, else the phone's own, else the house's."""
    wishes = [chosen, request.query_params.get("l", ""), *_wishes(request.headers.get("accept-language", ""))]
    known = phone_languages()
    return phone_language(next((wish for wish in wishes if wish in known), HOUSE))


def form_page(words: Language, visit: Visit, form: Form, *, lack: str = "", status: int = 200) -> HTMLResponse:
    """The form, as it was filled in so far, and what it lacks."""
    return _page(
        words,
        "form.html",
        link=_form_link(visit.ticket),
        status=status,
        place=visit.place,
        faces=faces(visit.place.scale, words),
        reasons=list(Reason),
        form=form,
        limit=LONGEST_COMMENT,
        lack=words.text(lack, limit=LONGEST_COMMENT) if lack else "",
    )


def thanks_page(words: Language) -> HTMLResponse:
    """The same whatever was said."""
    return _page(words, "thanks.html", link="thanks?")


def refusal_page(words: Language, ground: Ground, *, status: int | None = None, ticket: str = "") -> HTMLResponse:
    """What is wrong and what to do; with a *ticket* the visit may go on, in another language too."""
    link = _form_link(ticket) if ticket else "?"
    return _page(words, "refused.html", link=link, status=status or _STATUS[ground], ground=ground.value)


def _form_link(ticket: str) -> str:
    return "./?" + urlencode({"t": ticket}) + "&"


def _page(words: Language, name: str, *, link: str, status: int = 200, **context: object) -> HTMLResponse:
    """A page; *link* is its own address up to the choice of a language."""
    others = [phone_language(code) for code in phone_languages() if code != words.code]
    body = _pages.get_template(name).render(
        css=_CSS,
        text=words.text,
        code=words.code,
        others=[{"code": other.code, "name": other.text("name")} for other in others],
        link=link,
        **context,
    )
    return HTMLResponse(body, status, {"Content-Language": words.code})


def _wishes(header: str) -> list[str]:
    """The languages of an `Accept-Language`, the dearest first, without their regions."""
    weighed = []
    for part in header[:200].split(","):
        tag, _, weight = part.partition(";")
        try:
            dear = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        weighed.append((-dear, tag.strip().partition("-")[0].lower()))
    return [tag for _, tag in sorted(weighed, key=lambda wish: wish[0])]
