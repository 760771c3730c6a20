"""What began and what ended is told, in order, whatever refuses meanwhile."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.event import EventType, Fact
from agent.rating.inspection.mode_service import ModeService
from agent.rating.inspection.modes import Mode, ModeKind
from agent.rating.inspection.sign import Sign, read_mode
from tests.eventually import eventually
from tests.rating.running import running


class Front:
    """A sign with its service, an outbox that may refuse, and whoever is told."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 0, tzinfo=UTC))
        self.path = folder / "mode.json"
        self.facts: list[Fact] = []
        self.told: list[Mode | None] = []
        self.refuses = False
        self.begin()

    def begin(self) -> None:
        """A new life of the agent."""
        self.sign = Sign(self.path, self.clock, read_mode(self.path))
        self.service = ModeService(self.sign, append=self.append, tell=self.told.append, clock=self.clock)

    def append(self, *facts: Fact) -> None:
        if self.refuses:
            raise TryAgain("the card is full")
        self.facts.extend(facts)

    def train(self, lasts_s: float = 60) -> None:
        self.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=lasts_s)

    @property
    def said(self) -> list[tuple[Any, ...]]:
        assert all(fact.type is EventType.ALERT for fact in self.facts)
        return [(fact.data["code"], fact.data["mode"], fact.data["lasts_s"]) for fact in self.facts]


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(tmp_path)


def test_beginning_and_end_are_told_and_then_forgotten(front: Front) -> None:
    front.train()
    front.service.look()
    front.service.look()
    assert front.said == [("MODE_BEGAN", "training", 60)]
    front.clock.advance(60)
    front.service.look()
    assert front.said[1:] == [("MODE_ENDED", "training", 60)]
    assert [mode and mode.kind for mode in front.told] == ["training", None]
    assert not front.path.exists()
    front.service.look()
    assert len(front.facts) == 2


def test_one_that_is_ended_early_tells_how_long_it_lasted(front: Front) -> None:
    front.train(3600)
    front.service.look()
    front.clock.advance(100)
    front.sign.end(ModeKind.TRAINING)
    front.service.look()
    assert front.said[1:] == [("MODE_ENDED", "training", 100)]


def test_a_mode_that_follows_another_ends_it(front: Front) -> None:
    front.train(3600)
    front.service.look()
    front.clock.advance(100)
    front.sign.hang(ModeKind.INSPECTION, by="Đoàn 3", lasts_s=600)
    front.service.look()
    assert front.said[1:] == [("MODE_ENDED", "training", 100), ("MODE_BEGAN", "inspection", 600)]
    assert front.told[-1] is not None


def test_while_the_outbox_refuses_the_end_waits_and_the_file_stays(front: Front) -> None:
    front.refuses = True
    front.train()
    front.service.look()
    front.clock.advance(60)
    front.service.look()
    assert front.told[-1] is None, "ratings count again, whatever can be stored"
    assert front.path.exists()
    front.refuses = False
    front.service.look()
    assert [code for code, *_ in front.said] == ["MODE_BEGAN", "MODE_ENDED"]
    assert not front.path.exists()


def test_an_end_while_no_agent_ran_is_told_by_the_next_life(front: Front) -> None:
    front.train()
    front.service.look()
    front.clock.advance(4000)
    front.begin()
    front.service.look()
    assert [code for code, *_ in front.said] == ["MODE_BEGAN", "MODE_BEGAN", "MODE_ENDED"]
    assert front.told[-1] is None
    assert not front.path.exists()


def test_the_service_looks_by_itself_and_begins_with_no_mode(front: Front) -> None:
    with running(front.service):
        eventually(lambda: front.told == [None])
        front.train()
        eventually(lambda: len(front.facts) == 1)
        front.clock.advance(60)
        eventually(lambda: len(front.facts) == 2)
