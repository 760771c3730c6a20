"""A counter's box, and waits that do not make a test wait."""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from agent.uplink import service
from agent.uplink.backoff import Backoff
from tests.broker import AnyBroker, Broker, mosquitto_program
from tests.conftest import require
from tests.uplink.at_the_broker import Box, box
from tests.uplink.ear import Ear


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyBroker]:
    """A running broker: Mosquitto, or where a test is marked with `EVERY_BROKER` what that says."""
    kind = getattr(request, "param", Broker)
    require(mosquitto_program() if kind is Broker else find_spec("amqtt"), kind.name)
    folder = tmp_path / "a-broker"
    folder.mkdir()
    with kind(folder) as started:
        yield started


@pytest.fixture
def ear(broker: AnyBroker) -> Iterator[Ear]:
    """Hears everything there."""
    with Ear(broker.port, broker.newest).open("motcua/#") as ear:
        yield ear


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Box]:
    """A counter without a link."""
    with box(tmp_path) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnects within a fifth of a second."""
    monkeypatch.setattr(service, "Backoff", partial(Backoff, spread_s=0.1, cap_s=0.2))
