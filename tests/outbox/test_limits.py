"""Full: by its own limit, by the card, by a card that only reads. What goes is declared, and ratings go last."""

import json
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Lane, Stream
from agent.outbox.chain import verify
from agent.outbox.database import PAGE_BYTES, WAL_PAGES
from agent.outbox.store import Outbox
from tests.disk import fill
from tests.outbox.conftest import confirm, fact, outbox_at, seqs

LIMIT = 64 * 1024


def _fill(outbox: Outbox, clock: ManualClock, kind: EventType, count: int) -> None:
    for _ in range(count // 20):
        outbox.append(*(fact(clock, kind=kind) for _ in range(20)))


def _gaps(outbox: Outbox) -> list[dict[str, object]]:
    rows = outbox.read(Stream(outbox.epoch, Lane.ALERT), 1, 10**6)
    return [event["data"] for event in (json.loads(body) for _, body in rows) if event["type"] == "vn.motcua.gap.v1"]


def test_what_the_province_has_goes_first_and_is_no_loss(tmp_path: Path, clock: ManualClock) -> None:
    with closing(outbox_at(tmp_path / "outbox.db", clock, keep_days=90, limit_bytes=LIMIT)) as outbox:
        _fill(outbox, clock, EventType.RATING, 600)
        confirm(outbox, 600)
        _fill(outbox, clock, EventType.RATING, 400)
        marks = outbox.marks()[Lane.RECORD]
        assert (marks.lost, marks.last) == (0, 1000)
        assert marks.first > 1
        assert _gaps(outbox) == []


def test_metrics_go_before_ratings_and_every_drop_is_declared(tmp_path: Path, clock: ManualClock) -> None:
    with closing(outbox_at(tmp_path / "outbox.db", clock, limit_bytes=LIMIT)) as outbox:
        _fill(outbox, clock, EventType.METRIC, 3000)
        _fill(outbox, clock, EventType.RATING, 500)
        marks = outbox.marks()
        gaps = _gaps(outbox)
        assert marks[Lane.RECORD].lost == 0
        assert seqs(outbox) == list(range(1, 501))
        assert {gap["lane"] for gap in gaps} == {"metric"}
        assert sum(int(str(gap["count"])) for gap in gaps) == marks[Lane.METRIC].lost > 0
        assert verify(outbox.read(Stream(outbox.epoch, Lane.ALERT), 1, 10**6)).broken is None


def test_visits_go_before_ratings_and_are_not_waited_for_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "outbox.db"
    with closing(outbox_at(path, clock, limit_bytes=2 * LIMIT)) as outbox:
        for _ in range(100):
            outbox.append(*(fact(clock, kind=kind) for kind in [EventType.VISIT] * 15 + [EventType.RATING] * 5))
        lost = outbox.marks()[Lane.RECORD].lost
        assert lost > 0
        pending = outbox.marks()[Lane.RECORD].pending
    with closing(outbox_at(path, clock, limit_bytes=2 * LIMIT)) as again:
        again.open()
        mark = again.marks()[Lane.RECORD]
        assert (mark.lost, mark.pending) == (lost, pending)
        rows = again.read(Stream(again.epoch, Lane.RECORD), 1, 10**6)
        assert sum(b"rating" in body for _, body in rows) == 500
        assert [seq for seq, _ in rows] == [
            n for a, b in again.waiting()[Stream(again.epoch, Lane.RECORD)] for n in range(a, b + 1)
        ]


def test_ratings_go_last_and_oldest_first(tmp_path: Path, clock: ManualClock) -> None:
    with closing(outbox_at(tmp_path / "outbox.db", clock, limit_bytes=LIMIT)) as outbox:
        _fill(outbox, clock, EventType.RATING, 3000)
        mark = outbox.marks()[Lane.RECORD]
        assert mark.last == 3000
        assert mark.lost == mark.first - 1 > 0
        assert outbox.path.stat().st_size < 2 * WAL_PAGES * PAGE_BYTES


def test_on_a_full_card_the_reserve_is_given_back_for_ratings_alone(small_disk: Path, clock: ManualClock) -> None:
    with closing(outbox_at(small_disk / "outbox.db", clock)) as outbox:
        outbox.open()
        reserve = outbox.path.with_name("outbox.db.reserve")
        assert reserve.exists()
        _fill(outbox, clock, EventType.METRIC, 2000)
        filler = small_disk / "filler"
        fill(filler)
        count = 0
        while reserve.exists():
            outbox.append(fact(clock))
            count += 1
            assert count < 20_000
        with pytest.raises(TryAgain, match="kept for ratings"):
            outbox.append(fact(clock, kind=EventType.METRIC))
        for _ in range(1000):
            outbox.append(fact(clock))
        assert outbox.trouble is None
        filler.unlink()
        outbox.append(fact(clock, kind=EventType.METRIC))
        assert reserve.exists()
        assert verify(outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 10**6)).broken is None


def test_a_card_that_turns_read_only_refuses_and_takes_again_when_it_can(small_disk: Path, clock: ManualClock) -> None:
    with closing(outbox_at(small_disk / "outbox.db", clock)) as outbox:
        outbox.append(fact(clock))
        outbox.close()
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        with pytest.raises((TryAgain, PersonMustAct)):
            outbox.append(fact(clock))
        refused = outbox.trouble
        assert refused is not None
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        outbox.append(fact(clock))
        assert outbox.trouble is None
        assert seqs(outbox) == [1, 2]
