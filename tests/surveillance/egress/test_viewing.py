"""Who looked at a camera for a while is told, however the look ended."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.event import EventType, Fact
from agent.surveillance.egress.account import Ended
from agent.surveillance.egress.still import Still
from agent.surveillance.egress.viewing import Viewing, Viewings

STILL = Still(b"\xff\xd8", 640, 360, 0.0, "pixelated", ("masks", "people"))


class Store:
    """An event store that may refuse."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.refuses = False

    def append(self, fact: Fact) -> None:
        if self.refuses:
            raise TryAgain("the card is full")
        self.facts.append(fact)

    @property
    def told(self) -> list[Any]:
        assert {fact.type for fact in self.facts} <= {EventType.EGRESS}
        return [fact.data for fact in self.facts]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 9, 1, 1, 15, tzinfo=UTC))


@pytest.fixture
def store() -> Store:
    return Store()


def of(folder: Path, clock: ManualClock, store: Store) -> Viewings:
    return Viewings(folder / "viewings.json", clock, store.append)


def look() -> Viewing:
    return Viewing("watch", "quay", "pixelated", longest_s=120.0, most=41, order="w-1", by="PC06")


def test_a_look_is_one_event_when_it_is_over_and_nothing_is_left_on_the_card(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    viewings, viewing = of(tmp_path, clock, store), look()
    viewings.begin(viewing)
    for _ in range(3):
        viewing.shows(STILL)
        clock.advance(5)
    assert store.told == []
    viewings.end(viewing, Ended.STOPPED)
    viewings.settle()
    (told,) = store.told
    assert told == {
        "kind": "watch",
        "camera": "quay",
        "order": "w-1",
        "is_broadcast": False,
        "by": "PC06",
        "pictures": 3,
        "egress": "pixelated",
        "hidden": ["masks", "people"],
        "from": "2026-09-01T01:15:00.000Z",
        "to": "2026-09-01T01:15:15.000Z",
        "ended": "stopped",
    }
    assert list(tmp_path.iterdir()) == []


def test_a_look_that_a_crash_cut_off_is_told_by_the_next_life_as_the_most_it_can_have_been(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    of(tmp_path, clock, store).begin(look())
    clock.advance(3600)
    of(tmp_path, clock, store).settle()
    (told,) = store.told
    assert (told["ended"], told["pictures"], told["by"]) == ("restart", 41, "PC06")
    assert (told["from"], told["to"]) == ("2026-09-01T01:15:00.000Z", "2026-09-01T01:17:00.000Z")
    of(tmp_path, clock, store).settle()
    assert len(store.told) == 1


def test_what_cannot_be_noted_may_not_begin(tmp_path: Path, clock: ManualClock, store: Store) -> None:
    (tmp_path / "state").write_text("in the way")
    viewings = of(tmp_path / "state", clock, store)
    with pytest.raises(TryAgain):
        viewings.begin(look())
    viewings.settle()
    assert store.told == []


@pytest.mark.parametrize("dies", [False, True])
def test_what_the_event_store_refuses_is_told_once_it_takes_events_again(
    tmp_path: Path, clock: ManualClock, store: Store, dies: bool
) -> None:
    viewings, viewing = of(tmp_path, clock, store), look()
    viewings.begin(viewing)
    viewing.shows(STILL)
    store.refuses = True
    viewings.end(viewing, Ended.TIME)
    assert store.told == []
    store.refuses = False
    if dies:
        viewings = of(tmp_path, clock, store)
    viewings.settle()
    (told,) = store.told
    assert (told["ended"], told["pictures"]) == (("restart", 41) if dies else ("time", 1))


def test_a_clock_that_is_set_meanwhile_does_not_make_a_look_longer(
    tmp_path: Path, clock: ManualClock, store: Store
) -> None:
    viewings, viewing = of(tmp_path, clock, store), look()
    viewings.begin(viewing)
    clock.advance(10)
    clock.set_wall(datetime(2026, 9, 3, tzinfo=UTC))
    viewings.end(viewing, Ended.TIME)
    (told,) = store.told
    assert (told["from"], told["to"]) == ("2026-09-02T23:59:50.000Z", "2026-09-03T00:00:00.000Z")


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"kind": 1}', b"\xff\xfe"])
def test_a_damaged_note_does_not_keep_anybody_from_looking(
    tmp_path: Path, clock: ManualClock, store: Store, damage: bytes
) -> None:
    (tmp_path / "viewings.json").write_bytes(damage)
    viewings, viewing = of(tmp_path, clock, store), look()
    viewings.begin(viewing)
    assert len(json.loads((tmp_path / "viewings.json").read_bytes())) == 1
    viewings.end(viewing, Ended.TIME)
    assert len(store.told) == 1


def test_a_look_is_told_once_though_the_card_refuses_to_forget_its_note(
    tmp_path: Path, clock: ManualClock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewings, viewing = of(tmp_path, clock, store), look()
    viewings.begin(viewing)
    with monkeypatch.context() as card:
        card.setattr(Path, "unlink", Mock(side_effect=OSError("read-only")))
        viewings.end(viewing, Ended.TIME)
    assert len(store.told) == 1
    viewings.settle()
    of(tmp_path, clock, store).settle()
    assert len(store.told) == 1
