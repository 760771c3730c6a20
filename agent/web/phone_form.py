"""What a phone sends: the fields of the rating form, bounded before they are read, and the vote they make. Pure."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request

from agent.rating.comment import scrub
from agent.rating.phone.visit import Visit
from agent.rating.record import LONGEST_COMMENT, Reason
from agent.rating.urn import Vote

LIMIT_BODY_BYTES = 8 * 1024
"""300 characters of any script, percent-encoded, and the rest of the form."""
LIMIT_TARGET_BYTES = 512
LIMIT_FIELDS = 16
_ONCE = frozenset({"ticket", "language", "level", "comment"})
_FORM = "application/x-www-form-urlencoded"


class FormRefused(Exception):
    """Not what this page's form sends; `status` is HTTP's number for why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it was filled in, so that it can be shown again."""

    ticket: str
    language: str = ""
    """In which it was shown."""
    level: str = ""
    reasons: list[str] = field(default_factory=list)
    comment: str = ""

    @classmethod
    async def sent(cls, request: Request) -> Self:
        """The form in the body of *request*.

        Raises:
            FormRefused: it is another body.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise FormRefused(415)
        body = await _body(request)
        try:
            given = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=LIMIT_FIELDS
            )
        except ValueError as error:
            raise FormRefused(400) from error
        found = dict(given)
        once = [name for name, _ in given if name != "reason"]
        if not _ONCE.issuperset(once) or len(set(once)) < len(once):
            raise FormRefused(400)
        reasons = [value for name, value in given if name == "reason"]
        comment = found.pop("comment", "").replace("\r\n", "\n")  # as the browser counted it
        return cls(found.get("ticket", ""), found.get("language", ""), found.get("level", ""), reasons, comment)

    @property
    def lack(self) -> str:
        """What the citizen has to mend, as the key of its words; empty: nothing."""
        if not self.level:
            return "choose"
        return "too_long" if len(self.comment) > LONGEST_COMMENT else ""

    def vote(self, visit: Visit) -> Vote:
        """The vote it makes at the visited counter.

        Raises:
            FormRefused: a level or a reason that the page did not offer.
        """
        level = next((level for level in range(len(visit.place.scale.levels)) if str(level) == self.level), None)
        if level is None or not {reason.value for reason in Reason}.issuperset(self.reasons):
            raise FormRefused(400)
        reasons = tuple(reason for reason in Reason if reason.value in self.reasons)  # nobody's order of ticking
        return Vote(level, visit.token, reasons, scrub(self.comment), is_static=visit.is_static)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LIMIT_BODY_BYTES:
            raise FormRefused(413)
    return body


def check_bounds(request: Request) -> None:
    """Whether the head of *request* is within what a phone sends.

    Raises:
        FormRefused: it is not.
    """
    length = Headers(scope=request.scope).get("content-length", "0")
    if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > LIMIT_TARGET_BYTES:
        raise FormRefused(414)
    if not length.isdecimal() or int(length) > LIMIT_BODY_BYTES:
        raise FormRefused(413)
