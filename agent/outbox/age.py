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

    *body* gives the event of a number, or of the next one that is there; None beyond the last. Only a few are
    asked for, by halves: what happened before an old event is old.
    """
    if not now.quality.is_trusted:
        return first
    before, kept, step = now.at - keep, first, through - first + 1
    while step and kept <= through:
        seq = min(kept + step - 1, through)
        if _happened(before, seq, body):
            kept = seq + 1
        else:
            step //= 2
    return kept


def _happened(before: datetime, seq: int, body: Callable[[int], bytes | None]) -> bool:
    """Whether the event *seq* happened before a moment, by its own clock or by the next one that could be believed."""
    for number in chain((seq,), (seq + 2**step for step in range(AHEAD))):
        row = body(number)
        if row is None:
            return False
        event = json.loads(row)
        if ClockQuality(event["clock"]).is_trusted:
            return datetime.fromisoformat(event["time"]) < before
    return False
