"""Retention: which recordings leave the card, the oldest first. Pure.

Three limits, each enough: the days they are kept, the size they may take together, and the room that the
rest of the box needs: ratings come before video. Oldest is what was recorded first, by the order of recording; a
clock decides only about days, and only one that can be believed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_BYTES = 512 * 1024**2
"""Video leaves this much of its disk to everything else."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much video may stay."""

    keep_days: int
    limit_bytes: int
    free_bytes: int = FREE_BYTES


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished segment on the card."""

    id: int
    """Rises in the order of recording."""
    file: str
    """Its path below the archive's folder."""
    ended_at: datetime | None
    """Or when one that was recorded later ended; None: no clock that can be believed has said so yet."""
    size_bytes: int


def expired(
    recordings: Iterable[Recording], limits: Limits, *, total_bytes: int, free_bytes: int, now: datetime | None
) -> Iterator[Recording]:
    """Which of *recordings*, oldest first, have to go, until all limits are kept.

    *total_bytes* is what all recordings take, *free_bytes* what is free on their disk; *now* is None while
    the clock cannot be believed.
    """
    for recording in recordings:
        ended_at = recording.ended_at
        is_old = now is not None and ended_at is not None and ended_at < now - timedelta(days=limits.keep_days)
        if not (is_old or total_bytes > limits.limit_bytes or free_bytes < limits.free_bytes):
            return
        total_bytes -= recording.size_bytes
        free_bytes += recording.size_bytes
        yield recording
