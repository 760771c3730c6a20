"""Coverage held to an injected fault log: the share to 0.1 %, and every gap with the right cause."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.surveillance.cause import Cause
from agent.surveillance.coverage.watchman import KEEP_EVERY_S
from tests.surveillance.conftest import camera
from tests.surveillance.faultlog import DAWN, FIRST, LAST, Day, faults

EDGE_S = 2.5
"""A key frame, and a look."""


def test_a_day_of_faults_is_told_to_a_tenth_of_a_percent_and_every_gap_has_its_cause(tmp_path: Path) -> None:
    day = Day(tmp_path, camera("sim"), faults(1, each=6))
    day.live()
    assert day.told is not None
    assert day.told.figures.percent == pytest.approx(day.true_percent, abs=0.1)
    told = [
        (gap.cause, (gap.span.start - DAWN).total_seconds(), (gap.span.end - DAWN).total_seconds())
        for gap in day.told.gaps
    ]
    first, last = ((each - DAWN).total_seconds() for each in (FIRST, LAST))
    expected = [
        (cause, max(start, first), min(end, last)) for cause, start, end in day.gaps if start < last and end > first
    ]
    assert [gap[0] for gap in told] == [gap[0] for gap in expected]
    for (cause, start, end), (_, true_start, true_end) in zip(told, expected, strict=True):
        tolerance_s = KEEP_EVERY_S + EDGE_S if cause is Cause.POWER else EDGE_S
        assert abs(start - true_start) <= tolerance_s, (cause, timedelta(seconds=start))
        assert abs(end - true_end) <= EDGE_S, (cause, timedelta(seconds=end))
    print(f"coverage: told {day.told.figures.percent} %, true {day.true_percent:.2f} %, {len(told)} gaps")
