"""Footage: of which times there are recordings, or were, by the index of a camera's archive.

For any thread and any process, beside the archivist that writes the index; nothing is written, and of a year's index
only what lies near the asked for time is read.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from agent.errors import TryAgain
from agent.event import stamp
from agent.rating.figures.opening import Span
from agent.surveillance.recording.archive import INDEX

NEAR = timedelta(days=1)
"""No recording is as long, and no clock that is believed drifts so far."""
_SURE = (
    "select began_at, ended_at, booted, boot, expired_at from recording"
    " where began_at < ended_at and began_at between ? and ? and clock in ('ntp', 'rtc')"
)
_UNSURE = (
    "select began_at, ended_at, booted, boot, expired_at from recording"
    " where began_at < ended_at and began_at between ? and ? and clock not in ('ntp', 'rtc')"
    " and boot = ? and booted = ?"
)
_CLOCKS = "select distinct boot, booted from recording where clock not in ('ntp', 'rtc')"


def spans_in(folder: Path, span: Span, boots: Mapping[str, datetime]) -> tuple[list[Span], list[Span]]:
    """When the recordings in *folder* were made, as far as in *span*: those that can be played, and those that expired.

    *boots*: when each boot began, where that is known better than when a recording was entered. What was found without
    anybody having told when it began is left out.

    Raises:
        TryAgain: the index cannot be read.
    """
    there: list[Span] = []
    expired: list[Span] = []
    path = folder / INDEX
    if not path.exists():
        return there, expired

    def correction(boot: str, booted: str) -> timedelta:
        return boots[boot] - datetime.fromisoformat(booted) if boot in boots else timedelta()

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("begin")  # all that is read is of one moment
            rows = db.execute(_SURE, _near(span, timedelta())).fetchall()
            for boot, booted in db.execute(_CLOCKS).fetchall():
                rows += db.execute(_UNSURE, (*_near(span, correction(boot, booted)), boot, booted))
    except sqlite3.Error as error:
        raise TryAgain(f"{path}: {error}") from error
    for began_at, ended_at, booted, boot, expired_at in rows:
        moved = correction(boot, booted)
        found = Span(datetime.fromisoformat(began_at) + moved, datetime.fromisoformat(ended_at) + moved)
        (there if expired_at is None else expired).append(found)
    return there, expired


def _near(span: Span, moved: timedelta) -> tuple[str, str]:
    """The range to look in, by a clock that was off by *moved*."""
    return stamp(span.start - moved - NEAR), stamp(span.end - moved + NEAR)
