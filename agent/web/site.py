"""What the pages are made from. Kept apart from the pages, so that naming it imports no web server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.health import Health
from agent.language import Language
from agent.screen.hub import ScreenHub
from agent.screen.media import MediaStore, Refusal

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

Figure = str | int | float | bool | None


def no_figures() -> Mapping[str, Figure]:
    return {}


def no_refusals() -> Sequence[Refusal]:
    return ()


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
    routes: Sequence["BaseRoute"] = ()
    """Further pages; they come first, so that the demo can take `/`."""
