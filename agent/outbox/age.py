"""How old an event is, on a box that did not always know the time. Pure.

Rows of a lane are in the order in which they happened. So one whose clock could not be believed is as old
as any later one whose clock could: what is kept by age never depends on a date of 1970, nor on an hour
that was turned back. A box that does not know the time itself removes nothing by age.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain

from agent.clock import ClockQuality, Moment

AHEAD = 20
"""How many later rows are asked about one whose clock was unsure; each twice as far away as the one before."""


def first_kept(now: Moment, keep: timedelta, *, first: int, through: int, body: Callable[[int], bytes | None]) -> int:
    """The first of the rows *first*..*through* that may be younger than *keep*; `through + 1` when none is.

    *body* gives a row's event by its number; None beyond the last.
    """
    if not now.quality.is_trusted:
        return first
    kept = first
    for seq in chain(range(first, through + 1), (through + 2**step for step in range(AHEAD))):
        row = body(seq) if kept <= through else None
        if row is None:
            break
        event = json.loads(row)
        if ClockQuality(event["clock"]).is_trusted:
            if datetime.fromisoformat(event["time"]) >= now.at - keep:
                break
            kept = seq + 1
    return min(kept, through + 1)
