"""The actors of the stories."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.story.counter import Counter, Province


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker) -> Iterator[Counter]:
    """A counter that is configured and not yet started."""
    box = Counter(tmp_path / "counter", mosquitto.url)
    yield box
    box.close()


@pytest.fixture
def province(tmp_path: Path, mosquitto: Broker) -> Iterator[Province]:
    """A province that is receiving."""
    receiver = Province(mosquitto, tmp_path / "province.db")
    receiver.start()
    yield receiver
    receiver.stop()
