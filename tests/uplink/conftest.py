"""A counter's box, and waits that do not make a test wait."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.uplink import service
from agent.uplink.backoff import Backoff
from tests.uplink.at_the_broker import Box, box


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Box]:
    """A counter without a link."""
    with box(tmp_path) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnects within a fifth of a second."""
    monkeypatch.setattr(service, "Backoff", partial(Backoff, spread_s=0.1, cap_s=0.2))
