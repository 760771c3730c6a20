"""`played` events: once an hour, whole, and not lost by a disk that says no or an orderly end."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.event import EventType, Fact, Lane
from agent.outbox.lookback import newest_first
from agent.outbox.store import Outbox
from agent.screen import played as module
from agent.screen.played import PlayedService
from agent.screen.tally import Tally
from tests.eventually import eventually

A, B = "a" * 32, "b" * 32


class Telling:
    """The service in its thread, and what it appended."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 30, tzinfo=UTC))
        self.tally = Tally(self.clock)
        self.tally.know([(A, "poster.jpg"), (B, "film.mp4")])
        self.facts: list[Fact] = []
        self.is_full = False
        self.refusals = 0
        self._stop = threading.Event()
        service = PlayedService(self.tally, append=self.append, clock=self.clock)
        self._thread = threading.Thread(target=service.run, args=(self._stop,), name="played")
        self._thread.start()

    def append(self, *facts: Fact) -> None:
        if self.is_full:
            self.refusals += 1
            raise TryAgain("the disk is full")
        self.facts += facts

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telling]:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    telling = Telling()
    yield telling
    telling.stop()


def test_an_hour_is_told_once_when_it_is_over(telling: Telling) -> None:
    telling.tally.count(A)
    telling.tally.count(A)
    telling.tally.count(B, "frozen")
    telling.clock.advance(1800)
    eventually(lambda: telling.facts)
    (fact,) = telling.facts
    assert fact.type is EventType.PLAYED
    assert fact.data == {
        "hour": "2026-09-01T08:00:00.000Z",
        "items": [
            {"item": A, "name": "poster.jpg", "times": 2, "skips": {}},
            {"item": B, "name": "film.mp4", "times": 0, "skips": {"frozen": 1}},
        ],
        "uncounted": 0,
    }
    telling.stop()
    assert len(telling.facts) == 1


def test_an_orderly_end_tells_the_hour_that_is_not_over(telling: Telling) -> None:
    telling.tally.count(A)
    telling.stop()
    assert [fact.data["items"][0]["times"] for fact in telling.facts] == [1]


def test_what_the_disk_refuses_is_told_later_and_once(telling: Telling) -> None:
    telling.is_full = True
    telling.tally.count(A)
    telling.clock.advance(1800)
    eventually(lambda: telling.refusals > 2)
    telling.tally.count(A, ago_s=3600)
    telling.is_full = False
    eventually(lambda: telling.facts)
    telling.stop()
    assert [fact.data["items"][0]["times"] for fact in telling.facts] == [2]


def test_many_items_make_more_than_one_event_and_none_is_large(telling: Telling) -> None:
    many = [f"{number:032x}" for number in range(250)]
    telling.tally.know((id_, "Thông báo lịch tiếp công dân.jpg") for id_ in many)
    for id_ in many:
        telling.tally.count(id_)
    telling.clock.advance(1800)
    eventually(lambda: len(telling.facts) == 3)
    assert [len(fact.data["items"]) for fact in telling.facts] == [100, 100, 50]


def test_it_stands_in_the_metric_lane_of_a_real_outbox(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 9, 1, 8, 30, tzinfo=UTC))
    outbox = Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=clock, keep_days=90)
    outbox.open()
    tally = Tally(clock)
    tally.know([(A, "poster.jpg")])
    tally.count(A)
    stop = threading.Event()
    stop.set()
    clock.advance(timedelta(hours=1).total_seconds())
    PlayedService(tally, append=outbox.append, clock=clock).run(stop)
    ((_, _, told),) = newest_first(outbox, Lane.METRIC)
    assert b'"type":"vn.motcua.played.v1"' in told
    outbox.close()
