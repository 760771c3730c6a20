"""The power goes at a thousand moments of a counter's life: what was promised before is there after.

`COUNTER_AGENT_CUTS` is how many moments there are altogether (`make soak` takes a hundred thousand).
"""

import os
import random
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.conftest import require
from tests.controls.builds import BUILDS, lay_out
from tests.powercut import scenarios
from tests.powercut.aftermath import sweep
from tests.powercut.recording import strace_program
from tests.powercut.scenarios import Scenario
from tests.story.counter import Counter

CUTS = int(os.environ.get("COUNTER_AGENT_CUTS", "1000"))


@pytest.fixture(autouse=True)
def recorder() -> None:
    require(strace_program(), "strace, or the right to use it,")


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """A counter that is configured and not started; its broker is away."""
    box = Counter(tmp_path / "counter", "mqtt://127.0.0.1:9")
    yield box
    box.close()


def hold(scenario: Scenario, share: float, record_property: Callable[[str, object], None]) -> None:
    """Cut *scenario* at its *share* of all moments; the seed is named with whatever was wrong."""
    seed = secrets.randbelow(2**32)
    complaints = sweep(scenario, int(CUTS * share), random.Random(seed))
    operations = len(scenario.recording.operations)
    record_property(
        f"figure: power cuts, {scenario.name}", f"{int(CUTS * share)} over {operations} operations, seed {seed}"
    )
    assert not complaints, f"{len(complaints)} cuts of {int(CUTS * share)}, seed {seed}:\n" + "\n".join(complaints[:10])


@pytest.mark.timeout(3600)
def test_nothing_thanked_for_is_lost_over_a_checkpoint(counter: Counter, record_property: Callable[..., None]) -> None:
    hold(scenarios.presses_over_a_checkpoint(counter), 0.3, record_property)


def test_the_same_cuts_find_the_loss_in_a_build_that_does_not_flush(counter: Counter, tmp_path: Path) -> None:
    counter.source = lay_out(tmp_path / "source", BUILDS["synchronous=NORMAL"])
    complaints = sweep(scenarios.presses_over_a_checkpoint(counter, presses=12), 60, random.Random(1))
    assert any("lost" in complaint for complaint in complaints)


@pytest.mark.timeout(3600)
def test_a_drain_removes_only_what_the_province_has(
    counter: Counter, mosquitto: Broker, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    counter.settings["uplink"]["broker"] = mosquitto.url
    hold(scenarios.drain_with_removal(counter, mosquitto, tmp_path), 0.2, record_property)


@pytest.mark.timeout(3600)
def test_the_first_start_leaves_nothing_that_cannot_be_opened(
    counter: Counter, record_property: Callable[..., None]
) -> None:
    hold(scenarios.first_start(counter), 0.2, record_property)


@pytest.mark.timeout(3600)
def test_files_the_agent_writes_are_the_old_or_the_new(tmp_path: Path, record_property: Callable[..., None]) -> None:
    hold(scenarios.files_written_often(tmp_path), 0.2, record_property)


@pytest.mark.timeout(3600)
def test_a_damaged_database_gives_way_without_taking_sound_events_along(
    counter: Counter, mosquitto: Broker, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    counter.settings["uplink"]["broker"] = mosquitto.url
    hold(scenarios.damaged_database(counter, mosquitto, tmp_path), 0.1, record_property)
