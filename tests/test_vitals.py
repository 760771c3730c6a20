"""What the box says of its disk and its outbox."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import vitals as rules
from agent.clock import ManualClock
from agent.errors import PersonMustAct
from agent.event import EventType, Fact, Lane, Stream
from agent.health import OK, Health
from agent.outbox.store import SWEEP, Outbox
from agent.ranges import Ranges
from agent.vitals import LEAST_FREE_BYTES, VitalsService, disk_condition
from tests.eventually import eventually
from tests.rating.running import running

CLOCK = ManualClock(datetime(2026, 9, 1, tzinfo=UTC))


@pytest.fixture
def health() -> Health:
    return Health(CLOCK)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "state" / "outbox.db", province="40", agent="na-0123", clock=CLOCK, keep_days=0)
    with closing(made):
        yield made


def code(health: Health, component: str) -> str:
    return next((r.condition.code for r in health.reports() if r.component == component), "")


def disk(monkeypatch: pytest.MonkeyPatch, *, free_bytes: int, flags: int = 0) -> None:
    """The kernel's answer about a disk that no test can make."""
    answer = SimpleNamespace(f_flag=flags, f_bavail=free_bytes // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: answer)


def test_a_disk_with_room_is_well(tmp_path: Path) -> None:
    assert disk_condition(tmp_path) == OK or os.statvfs(tmp_path).f_bavail * 4096 < LEAST_FREE_BYTES


def test_a_disk_that_is_almost_full_says_what_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk(monkeypatch, free_bytes=LEAST_FREE_BYTES)
    assert disk_condition(tmp_path) == OK
    disk(monkeypatch, free_bytes=90 * 1024 * 1024)
    found = disk_condition(tmp_path)
    assert (found.code, found.values) == ("DISK_FULL", {"free_mb": 90})


def test_a_disk_that_became_read_only_says_so_however_much_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk(monkeypatch, free_bytes=10**12, flags=os.ST_RDONLY)
    assert disk_condition(tmp_path).code == "DISK_READ_ONLY"


def test_a_folder_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    found = disk_condition(tmp_path / "gone")
    assert (found.code, found.values) == ("DISK_UNREADABLE", {"reason": "No such file or directory"})


def test_an_outbox_that_cannot_be_opened_is_tried_until_it_can(
    outbox: Outbox, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LOOK_S", 0.02)
    outbox.path.parent.mkdir()
    outbox.path.mkdir()
    with running(VitalsService(outbox=outbox, health=health)):
        eventually(lambda: code(health, "outbox") == "OUTBOX_UNREADABLE")
        outbox.path.rmdir()
        eventually(lambda: code(health, "outbox") == "OK")
    assert outbox.epoch


def test_an_outbox_that_needs_a_person_says_so_again_and_again(
    outbox: Outbox, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LOOK_S", 0.02)
    tries: list[int] = []

    def refuse() -> None:
        tries.append(1)
        raise PersonMustAct("written by a newer version")

    monkeypatch.setattr(outbox, "open", refuse)
    with running(VitalsService(outbox=outbox, health=health)):
        eventually(lambda: len(tries) > 3)
        assert code(health, "outbox") == "OUTBOX_FAULT"


def test_what_is_left_of_a_confirmed_backlog_goes_without_a_press(
    outbox: Outbox, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LOOK_S", 0.02)
    outbox.append(*(Fact(EventType.RATING, CLOCK.now(), CLOCK.quality(), {"level": 3}) for _ in range(5 * SWEEP)))
    stream = Stream(outbox.epoch, Lane.RECORD)
    outbox.confirm(stream, have=Ranges([(1, 5 * SWEEP)]), missing=Ranges())
    with running(VitalsService(outbox=outbox, health=health)):
        eventually(lambda: outbox.marks()[Lane.RECORD].first > 4 * SWEEP)
    assert outbox.read(stream, 1, 5 * SWEEP)[0][0] == outbox.marks()[Lane.RECORD].first
