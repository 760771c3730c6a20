"""What a camera missed, and why, as a daemon whose camera was held still tells it on the box and to the province."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.__main__ import cli
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import CAMERA_WORKS, Ear, Province
from tests.story.test_camera import child_of
from tests.story.test_clock import MovedCounter
from tests.story.test_outages import status_page, summaries

SLACK_S = 3.0
"""A key frame of the simulated camera at either end."""


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker) -> Iterator[MovedCounter]:
    box = MovedCounter(tmp_path / "counter", mosquitto.url)
    box.settings["counter"]["language"] = "en"
    box.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    yield box
    box.close()


def coverage_of(counter: MovedCounter) -> str:
    """What `counter-agent coverage` prints beside the running daemon."""
    told = CliRunner().invoke(cli, ["coverage", "--config", str(counter.config)])
    assert told.exit_code == 0, told.output
    return told.output


def test_a_camera_that_was_held_still_is_told_with_its_cause_on_the_box_and_in_the_days_figures(
    counter: MovedCounter, province: Province, mosquitto: Broker
) -> None:
    province.start()
    with Ear(mosquitto.port).open("motcua/#") as ear:

        def works() -> bool:
            return (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS

        counter.start()
        eventually(works, within_s=30)
        child = child_of(counter.process.pid)
        assert child is not None
        began = time.monotonic()
        os.kill(child, signal.SIGSTOP)
        eventually(lambda: not works(), within_s=20)
        eventually(works, within_s=30)
        away_s = time.monotonic() - began
    told = eventually(lambda: re.search(r"(\d+) s  Camera sent nothing", coverage_of(counter)), within_s=20)
    assert told is not None
    assert abs(int(told[1]) - away_s) <= SLACK_S
    assert "quay: valid video for" in coverage_of(counter)
    eventually(lambda: re.search(r"Cameras saw.*?quay [\d.]+ %", status_page(counter), re.DOTALL), within_s=20)
    counter.let_pass(86400)
    day = eventually(lambda: summaries(province), within_s=20)[0]["coverage"]["quay"]
    assert abs(day["gaps"]["stall"]["seconds"] - away_s) <= SLACK_S
