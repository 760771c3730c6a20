"""What the pages are made from. Kept apart from the pages, so that naming it imports no web server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from agent.health import Health
from agent.language import Language
from agent.screen.glass import Glass
from agent.screen.hub import ScreenHub
from agent.screen.media.medium import Refusal
from agent.screen.media.store import MediaStore

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

Figure = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class CameraSeen:
    """What the status page says of a camera beside its health."""

    name: str
    egress: Literal["pixelated", "masked", "plain"]
    is_recorded: bool
    kept_since: datetime | None = None
    """When the oldest recording was made; None: there is none."""
    kept_bytes: int = 0
    watched_by: str = ""
    """Who looks from elsewhere now; empty: nobody."""


def no_figures() -> Mapping[str, Figure]:
    return {}


def no_refusals() -> Sequence[Refusal]:
    return ()


def no_picture(name: str) -> bytes:
    """Raises: LookupError."""
    raise LookupError(name)


@dataclass(frozen=True)
class Site:
    """Everything the loopback pages read. All of it is thread-safe and answers without waiting."""

    hub: ScreenHub
    health: Health
    store: MediaStore
    language: Language
    """The technician's language: the status page."""
    figures: Callable[[], Mapping[str, Figure]] = no_figures
    """Numbers for the status page; a key with a text under `status.number` is shown in words. Asked once a second."""
    refusals: Callable[[], Sequence[Refusal]] = no_refusals
    """Files that are not shown, for the status page."""
    cameras: Callable[[], Sequence[CameraSeen]] = list
    """The cameras, for the status page. Asked once a second."""
    picture: Callable[[str], bytes] = no_picture
    """A still of the camera so called, as a JPEG that may be shown; waits for it, as the one exception. Raises
    LookupError for a camera that there is not, and `CounterAgentError`."""
    glass: Glass | None = None
    """What the kiosk is told and tells; None: nobody listens to one."""
    routes: Sequence["BaseRoute"] = ()
    """Further pages; they come first, so that the demo can take `/`."""
