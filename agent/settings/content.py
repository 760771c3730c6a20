"""`screen.content` as the file says it: whom the screen believes besides its own folder, and when it may fetch.

content:
  key_file: /etc/counter-agent/content.pub
  hosts: [media.nghean.example]
  window: ["20:00-06:00"]
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agent.settings.refusal import refuse
from agent.settings.words import SecretFile

_HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_SPAN = f"{_TIME}-({_TIME}|24:00)"


def _host(text: str) -> str:
    if not re.fullmatch(_HOST, text):
        better = re.sub(r"^https?://", "", text.strip().lower()).partition("/")[0].removesuffix(":443")
        suggestion = better if re.fullmatch(_HOST, better) else "media.nghean.example"
        raise refuse("content_host", seen=text, suggestion=suggestion)
    return text.removesuffix(":443")


def _span(text: str) -> str:
    if not re.fullmatch(_SPAN, text) or text[:5] == text[6:]:
        raise refuse("content_span", seen=text)
    return text


Host = Annotated[str, AfterValidator(_host), Field(json_schema_extra={"pattern": f"^{_HOST}$"})]
NightSpan = Annotated[str, AfterValidator(_span), Field(json_schema_extra={"pattern": f"^{_SPAN}$"})]


class Content(BaseModel):
    """What the province may put on the screen."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", allow_inf_nan=False)

    key_file: SecretFile
    """The province's public key (PEM, Ed25519): `counter-agent province content key` makes it."""
    hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=8)]
    """Web servers from which files may come, over HTTPS only: media.nghean.example, with :port unless that is 443."""
    window: Annotated[tuple[NightSpan, ...], Field(max_length=8)] = ()
    """Times of day at which files may be fetched, "20:00-06:00" through the night; at any time unless said."""
    daily_mb: int = Field(default=200, ge=1, le=1_000_000)
    """What may be fetched in a day, in MB."""
    ca_file: SecretFile | None = None
    """Certificate of the authority that signed the web server's (PEM); the system's authorities unless said."""

    def is_open(self, time: str) -> bool:
        """Whether files may be fetched at *time*, `HH:MM`."""
        spans = [(span[:5], span[6:]) for span in self.window]
        return not spans or any(
            start <= time < end if start < end else time >= start or time < end for start, end in spans
        )
