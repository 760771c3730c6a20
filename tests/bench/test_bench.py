"""Every measurement of `make bench` runs and says something possible. Figures are not judged: the machine is busy."""

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.event import Lane, Stream
from agent.outbox.chain import verify
from tests.bench.events import START, fill, outbox_at, rating
from tests.bench.figures import SMOKE, NotPossible
from tests.bench.measurements import MEASUREMENTS
from tests.bench.report import markdown

IN_REAL_TIME = {"camera-live", "camera-faults", "camera-onset"}
"""Half a minute each, however little is measured."""


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_runs_and_says_something_possible(name: str, tmp_path: Path) -> None:
    if name in IN_REAL_TIME and "COUNTER_AGENT_BENCH" not in os.environ:
        pytest.skip("`make soak` runs it")
    try:
        rows = list(MEASUREMENTS[name](tmp_path, SMOKE))
    except NotPossible as reason:
        pytest.skip(str(reason))
    assert rows
    for row in rows:
        assert row.what
        assert row.here
        assert (row.reach == "") == (row.reached is None)
        assert row.ratio is None or 0 < row.ratio.low <= row.ratio.middle <= row.ratio.high
    assert rows[0].what in markdown(rows, machine="this one", load="1.0", notes=())


def test_a_backlog_made_in_a_hurry_is_what_append_would_have_stored(tmp_path: Path) -> None:
    path, clock = tmp_path / "outbox.db", ManualClock(START)
    fill(path, 300)
    with closing(outbox_at(path, clock)) as outbox:
        event = outbox.append(rating(clock))[0]
        stored = outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 400)
    checked = verify(stored)
    assert (checked.count, checked.broken) == (301, None)
    made, appended = json.loads(stored[0][1]), json.loads(event.encode())
    assert list(made) == list(appended)
    assert list(made["data"]) == list(appended["data"])
