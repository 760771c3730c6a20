"""The tally: how often each item was on the glass within an hour, and how often the page had to skip it, and why.

Thread-safe, without a thread of its own. Counts live here until somebody takes them, in a bounded number of cells;
what found no cell any more is counted too. What no playlist ever had is not: any program on this machine can post.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from agent.clock import STEP, Clock, Moment

SkipReason = Literal["slow", "broken", "no_frame", "frozen", "overran"]
"""Not loaded in time; not decodable; no picture 3 s after its start; stood still; past its end by 5 s."""
SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)
LIMIT_CELLS = 4096
"""Of (item, hour): a week of 24 items."""
KNOWN_AFTERWARDS = 512
"""So many items that left the playlist still count: a page that lost its agent reports later."""
LONGEST_AGO_S = 24 * 3600.0
HALF_AN_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Played:
    """What became of an item within one hour."""

    item: str
    name: str
    hour: datetime
    times: int
    """How often it came on."""
    skips: dict[SkipReason, int]
    """How often it was skipped, or left before its end."""


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


class Tally:
    """Counts by item and hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._cells: dict[tuple[str, datetime], Counter[str]] = {}
        self._booted = clock.read().booted
        self._uncounted = 0

    def know(self, items: Iterable[tuple[str, str]]) -> None:
        """These (id, name) may be reported from now on."""
        with self._lock:
            playing = dict(items)
            for id_, name in playing.items():
                self._names.pop(id_, None)
                self._names[id_] = name
            for id_ in list(self._names)[: -(len(playing) + KNOWN_AFTERWARDS)]:
                del self._names[id_]

    def count(self, item: str, reason: SkipReason | None = None, *, ago_s: float = 0.0) -> bool:
        """Count that *item* came on, or was skipped for *reason*, so long ago. False: no such item."""
        now = self._clock.read()
        cell = item, _hour(now.at - timedelta(seconds=min(max(ago_s, 0.0), LONGEST_AGO_S)))
        with self._lock:
            self._follow(now)
            if item not in self._names:
                return False
            if cell not in self._cells and len(self._cells) >= LIMIT_CELLS:
                self._uncounted += 1
            else:
                self._cells.setdefault(cell, Counter())[reason or ""] += 1
            return True

    def take(self, before: datetime | None = None) -> list[Played]:
        """Hand over the counts of the hours before *before*, or all; oldest hour first."""
        now = self._clock.read()
        with self._lock:
            self._follow(now)
            taken = {cell: n for cell, n in self._cells.items() if before is None or cell[1] < before}
            for cell in taken:
                del self._cells[cell]
            names = dict(self._names)
        return [
            Played(
                item,
                names.get(item, ""),
                hour,
                counts[""],
                {reason: counts[reason] for reason in SKIP_REASONS if counts[reason]},
            )
            for (item, hour), counts in sorted(taken.items(), key=lambda pair: pair[0][1])
        ]

    def _follow(self, now: Moment) -> None:
        """Move what was counted along with a clock that was set since: it was not yesterday, the clock was wrong."""
        moved, self._booted = now.booted - self._booted, now.booted
        if abs(moved) < STEP:
            return
        before, self._cells = self._cells, {}
        for (item, hour), counts in before.items():
            self._cells.setdefault((item, _hour(hour + moved + HALF_AN_HOUR)), Counter()).update(counts)

    def take_uncounted(self) -> int:
        """How many reports found no cell since the last call."""
        with self._lock:
            uncounted, self._uncounted = self._uncounted, 0
            return uncounted

    def give_back(self, played: Iterable[Played], uncounted: int = 0) -> None:
        """What was taken could not be kept elsewhere: it counts again."""
        with self._lock:
            self._uncounted += uncounted
            for cell in played:
                counts = self._cells.setdefault((cell.item, cell.hour), Counter())
                counts[""] += cell.times
                counts.update(cell.skips)
