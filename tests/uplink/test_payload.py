"""What a counter says beside events, to the letter."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.health import Condition, Report, Status
from agent.language import language
from agent.settings.problem import Problem
from agent.uplink.payload import ConfigProblem, ConfigReport, HealthReport

SINCE = datetime(2026, 9, 1, 1, 15, 0, 5, tzinfo=UTC)
FULL = Condition(Status.DEGRADED, "DISK_FULL", {"free_mb": 90})


@pytest.mark.parametrize(("zone", "written"), [("Asia/Ho_Chi_Minh", "08:15:00+07:00"), ("UTC", "01:15:00+00:00")])
def test_health_is_said_as_the_protocol_says(zone: str, written: str) -> None:
    report = Report("disk", FULL, SINCE.astimezone(ZoneInfo(zone)))
    message, hint = (json.dumps(words, ensure_ascii=False) for words in report.words(language("vi")))
    assert HealthReport.of(report, language("vi")).encode().decode() == (
        f'{{"status":"degraded","code":"DISK_FULL","since":"2026-09-01T{written}",'
        f'"message":{message},"hint":{hint},"every_s":600}}'
    )


def test_a_rejected_configuration_is_said_with_its_problems_and_what_runs_on() -> None:
    problem = Problem("config.yaml", 14, 11, "keypads[0].driver", 'không có bộ đọc "seriel"', "- driver: seriel")
    told = ConfigReport(
        hash="", status="rejected", errors=[ConfigProblem.model_validate(problem.payload())], running="0123456789abcdef"
    )
    assert told.encode().decode() == (
        '{"hash":"","status":"rejected","errors":[{"path":"keypads[0].driver","line":14,"column":11,'
        '"message":"không có bộ đọc \\"seriel\\""}],"running":"0123456789abcdef"}'
    )
