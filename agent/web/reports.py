"""What the page says: that it lives, and what it has shown. Any program on this machine can post: all of it is bounded.

A page that heard no answer says the same turns again; they are numbered from the page's first, so that none is
counted twice.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agent.screen.hub import Beat, ScreenHub, SkipReason

LIMIT_PAGES = 16
"""Of so many pages it is remembered what they have said."""

Count = Annotated[int, Field(ge=0, le=2**53)]


class _Said(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, strict=True, allow_inf_nan=False)


class BeatSaid(_Said):
    """One heartbeat."""

    revision: Count = 0
    item: Annotated[str, Field(max_length=128)] | None = None
    frames: Count = 0
    dropped: Count = 0
    heap_mb: Annotated[float, Field(ge=0)] | None = None

    def beat(self) -> Beat:
        return Beat(self.revision, self.item or "", self.frames, self.dropped, self.heap_mb)


class Turn(_Said):
    """An item that came on, or that was skipped."""

    item: Annotated[str, Field(max_length=128)]
    skipped: SkipReason | None = None
    ago_s: Annotated[float, Field(ge=0)] = 0.0


class TurnsSaid(_Said):
    """Turns in their order; `first` is the number of the first one since the page was loaded."""

    page: Annotated[str, Field(max_length=64)]
    first: Count
    turns: Annotated[list[Turn], Field(max_length=200)]


class Ear:
    """Hears pages for the hub; lives on the web service's event loop."""

    def __init__(self, hub: ScreenHub) -> None:
        self._hub = hub
        self._heard: dict[str, int] = {}

    def beat(self, body: bytes) -> None:
        """Raises ValueError for what is no heartbeat."""
        self._hub.beat(BeatSaid.model_validate_json(body).beat())

    def turns(self, body: bytes) -> None:
        """Count what was not counted yet; raises ValueError for what are no turns."""
        said = TurnsSaid.model_validate_json(body)
        heard = self._heard.pop(said.page, 0)
        for number, turn in enumerate(said.turns, start=said.first):
            if number < heard:
                continue
            if turn.skipped is None:
                self._hub.played(turn.item, ago_s=turn.ago_s)
            else:
                self._hub.skipped(turn.item, turn.skipped, ago_s=turn.ago_s)
        self._heard[said.page] = max(heard, said.first + len(said.turns))
        for page in list(self._heard)[:-LIMIT_PAGES]:
            del self._heard[page]
