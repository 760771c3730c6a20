"""The played service: tells the province how often each item was on the glass.

Once an hour is over, and at the end of the agent's life, what the pages reported of it becomes `played` events: one
for each hundred items. Nothing is written for a single showing. What the outbox refuses is kept and tried again; a
power cut takes at most the present hour.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from agent.clock import Clock
from agent.data import EventData, Stamp
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact
from agent.screen.tally import Played, SkipReason, Tally
from agent.service import Service

log = logging.getLogger(__name__)

LOOK_S = 5.0
AT_ONCE = 100
"""Items in one event: about ten kilobytes."""


class PlayedItem(EventData):
    """What became of one item within the hour."""

    item: str
    """The first 128 bits of its content's SHA-256, in hexadecimal."""
    name: str
    """As technicians know it: the file's name, or the entry's."""
    times: int
    """How often it came on."""
    skips: dict[SkipReason, int]
    """How often the page had to skip it, or leave it before its end, by reason."""


class PlayedData(EventData):
    """A `played`: what the screen showed within one hour. Further events of the same hour add to it."""

    hour: Stamp
    """When the hour began."""
    items: list[PlayedItem]
    uncounted: int = 0
    """Reports for which there was no room any more, of any hour: the figures are that much too low."""


class PlayedService(Service):
    """The tally of the hub -> lane `metric`."""

    name = "played"

    def __init__(self, tally: Tally, *, append: Callable[..., object], clock: Clock) -> None:
        super().__init__()
        self._tally, self._append, self._clock = tally, append, clock
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_S):
            self.progress.beat()
            self._tell(self._clock.now().replace(minute=0, second=0, microsecond=0))
        self._tell(None)

    def _tell(self, before: datetime | None) -> None:
        """Append what is over before *before*, or everything."""
        taken = self._tally.take(before)
        if not taken:
            return
        hours: dict[datetime, list[Played]] = defaultdict(list)
        for cell in taken:
            hours[cell.hour].append(cell)
        parts = [cells[at : at + AT_ONCE] for cells in hours.values() for at in range(0, len(cells), AT_ONCE)]
        uncounted = self._tally.take_uncounted()
        now = self._clock.read()
        data = [_data(cells, uncounted if cells is parts[0] else 0) for cells in parts]
        try:
            self._append(*(Fact.seen(EventType.PLAYED, now, each.payload()) for each in data))
        except (TryAgain, PersonMustAct) as error:
            self._tally.give_back(taken, uncounted)
            if not self._is_refused:
                log.warning("what the screen has shown cannot be stored for now: %s", error)
            self._is_refused = True
        else:
            if self._is_refused:
                log.info("what the screen has shown is stored again")
            self._is_refused = False


def _data(cells: list[Played], uncounted: int) -> PlayedData:
    return PlayedData(
        hour=cells[0].hour,
        items=[PlayedItem(item=cell.item, name=cell.name, times=cell.times, skips=cell.skips) for cell in cells],
        uncounted=uncounted,
    )
