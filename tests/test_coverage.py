"""What a technician and the status page are told of a day's coverage, in the counter's words."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.__main__ import cli
from agent.clock import ManualClock
from agent.coverage import report, seen_today
from agent.language import language
from agent.settings.load import load
from agent.settings.model import Settings
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.watchbook import BOOK, Entry, Watchbook
from tests.rating.days import at

CONFIG = """
counter: {{province: "40", agent: na-0123, language: en}}
uplink: {{broker: "mqtt://127.0.0.1"}}
outbox: {{path: {folder}/outbox.db}}
cameras: [{{name: quay, driver: sim, record: {{path: {folder}/recordings}}}}]
"""
DAY = date(2026, 9, 8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return load(path)


@pytest.fixture
def watched(settings: Settings, tmp_path: Path) -> ManualClock:
    """A camera that was covered from nine to ten, as it stands at noon; the counter opened at seven."""
    clock = ManualClock(at(7, days=7))
    book = Watchbook(tmp_path, clock)
    book.fit(["quay"])
    hour = clock.monotonic() + 3600  # a manual clock is as old as it says
    book.enter([Entry("quay", 1, Cause.TAMPER, hour + 3600, hour + 7200)])
    clock.advance(5 * 3600)
    book.beat(is_kept=True)
    book.close()
    return clock


def test_a_day_is_told_camera_by_camera_with_every_gap(settings: Settings, watched: ManualClock) -> None:
    hours = settings.counter.calendar.opening(DAY)[0].seconds / 3600
    share = str(round(100 * (1 - 1 / hours), 2))
    assert list(report(settings, DAY)) == [
        f"quay: valid video for {share} % of {hours} h of opening hours",
        f"  recordings: 0.0 h can be played, 0.0 h were recorded and have expired, {hours} h were never recorded",
        "  09:00:00–10:00:00  3600 s  Camera covered or turned away",
    ]
    assert list(report(settings, date(2026, 9, 13))) == ["quay: no opening hours to count yet"]


def test_the_command_prints_it_and_says_when_there_is_nothing(
    settings: Settings, watched: ManualClock, tmp_path: Path
) -> None:
    arguments = ["coverage", "2026-09-08", "--config", str(tmp_path / "config.yaml")]
    told = CliRunner().invoke(cli, arguments)
    assert (told.exit_code, told.output.splitlines()) == (0, list(report(settings, DAY)))
    (tmp_path / BOOK).unlink()
    assert "nothing yet" in CliRunner().invoke(cli, arguments).output


def test_the_status_page_has_todays_share_so_far(settings: Settings, watched: ManualClock, tmp_path: Path) -> None:
    told = seen_today(settings, at(11, days=7), language("vi"))
    assert told == {"coverage": "quay 75,0 %"}
    assert seen_today(settings, at(6, days=7), language("vi")) == {}
    (tmp_path / BOOK).write_bytes(b"no database" * 1000)
    assert seen_today(settings, at(11, days=7), language("vi")) == {}
