"""A file that is not what was written: put aside, read as far as it goes, and a new epoch begun, aloud."""

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.event import Event, Lane, Stream
from agent.outbox.chain import verify
from agent.outbox.database import KEPT_DAMAGED, PAGE_BYTES
from agent.outbox.store import Outbox
from agent.ranges import Ranges
from tests.outbox.conftest import confirm, fact, outbox_at, seqs


def _alerts(outbox: Outbox) -> list[dict[str, object]]:
    return [json.loads(body)["data"] for _, body in outbox.read(Stream(outbox.epoch, Lane.ALERT), 1, 99)]


def _flat(path: Path) -> None:
    """Everything from the log into the file, as after hours of running."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma wal_checkpoint(truncate)")


def _spoil(path: Path, seed: int, *, pages: int) -> None:
    """Overwrite some pages with noise."""
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(pages):
        page = chance.randrange(len(content) // PAGE_BYTES)
        content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = chance.randbytes(PAGE_BYTES)
    path.write_bytes(content)


def test_a_file_that_is_no_database_gives_way_to_a_new_epoch_and_presses_go_on(
    outbox: Outbox, clock: ManualClock
) -> None:
    outbox.append(fact(clock))
    old = outbox.epoch
    outbox.close()
    for file in outbox.path.parent.glob("outbox.db*"):
        file.write_bytes(b"\xff" * 4096)
    outbox.append(fact(clock))
    assert outbox.epoch != old
    assert seqs(outbox) == [1]
    assert _alerts(outbox)[0]["code"] == "OUTBOX_REPLACED"


@pytest.mark.parametrize(
    "rot",
    ["body = zeroblob(300)", "body = cast(body as text)", "crc = crc + 1", "stored = 4000", "stored = -1"],
)
def test_a_rotten_last_row_is_not_continued(outbox: Outbox, clock: ManualClock, rot: str) -> None:
    events = outbox.append(*(fact(clock) for _ in range(3)))
    old = Stream(outbox.epoch, Lane.RECORD)
    outbox.close()
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute(f"update record set {rot} where seq = 3")
        db.commit()
    assert outbox.append(fact(clock))[0].seq == 1
    assert outbox.epoch != old.epoch
    saved = outbox.read(old, 1, 9)
    assert saved[:2] == [(event.seq, event.encode()) for event in events[:2]]


def test_rows_that_can_be_read_keep_their_bytes_and_wait_for_the_province(outbox: Outbox, clock: ManualClock) -> None:
    events = [outbox.append(fact(clock))[0] for _ in range(200)]
    confirm(outbox, 40)
    events += outbox.append(fact(clock))
    old = Stream(outbox.epoch, Lane.RECORD)
    outbox.close()
    _flat(outbox.path)
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute("update record set body = zeroblob(300) where seq = 100")
        db.commit()
    outbox.open()
    with pytest.raises(TryAgain, match="damaged"):
        outbox.read(old, 90, 110)
    assert outbox.epoch != old.epoch
    waiting = outbox.waiting()[old]
    assert waiting == Ranges([(41, 99), (101, 201)])
    assert outbox.read(old, 41, 60) == [(event.seq, event.encode()) for event in events[40:60]]
    alert = _alerts(outbox)[0]
    assert (alert["old_epoch"], alert["salvaged"]) == (old.epoch, {"alert": 0, "record": 160, "metric": 0})
    assert outbox.confirm(old, have=Ranges([(1, 201)]), missing=Ranges([(100, 100)]))
    assert old not in outbox.waiting()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_pages_rot_it_goes_on_and_serves_no_wrong_byte(tmp_path: Path, clock: ManualClock, seed: int) -> None:
    path = tmp_path / "outbox.db"
    with closing(outbox_at(path, clock)) as outbox:
        outbox.open()
        events: dict[int, Event] = {}
        for _ in range(60):
            for event in outbox.append(fact(clock), fact(clock)):
                events[event.seq] = event
        old = Stream(outbox.epoch, Lane.RECORD)
    _flat(path)
    _spoil(path, seed, pages=1 + seed % 7)
    with closing(outbox_at(path, clock)) as again:
        try:
            again.open()
            again.check()
        except TryAgain:
            again.open()
        after = again.append(fact(clock))[0]
        for stream, numbers in again.waiting().items():
            for first, last in numbers:
                for seq, body in again.read(stream, first, last):
                    if stream == old and seq != after.seq:
                        assert body == events[seq].encode()
        assert json.loads(again.read(Stream(again.epoch, Lane.RECORD), after.seq, after.seq)[0][1])["seq"] == after.seq


def test_an_old_copy_put_back_is_noticed_when_the_province_knows_more(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(fact(clock), fact(clock))
    outbox.close()
    _flat(outbox.path)
    copy = shutil.copy(outbox.path, outbox.path.with_name("copy.db"))
    outbox.append(*(fact(clock) for _ in range(5)))
    outbox.close()
    _flat(outbox.path)
    old = Stream(outbox.epoch, Lane.RECORD)
    shutil.copy(copy, outbox.path)
    outbox.append(fact(clock, level=0))
    assert not confirm(outbox, 7)
    assert outbox.epoch != old.epoch
    assert "rolled back" in str(_alerts(outbox)[0]["reason"])
    assert [seq for seq, _ in outbox.read(old, 1, 9)] == [1, 2, 3]
    assert [event.seq for event in outbox.append(fact(clock))] == [1]


def test_a_wrong_page_in_the_middle_is_found_by_the_check(outbox: Outbox, clock: ManualClock) -> None:
    for _ in range(300):
        outbox.append(fact(clock))
    outbox.close()
    _flat(outbox.path)
    content = bytearray(outbox.path.read_bytes())
    with closing(sqlite3.connect(outbox.path)) as db:
        middle = content.index(db.execute("select body from record where seq = 150").fetchone()[0]) // PAGE_BYTES
    content[middle * PAGE_BYTES : (middle + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
    outbox.path.write_bytes(content)
    before = outbox.epoch
    try:
        assert outbox.check() is not None
    except TryAgain:
        outbox.open()
    assert outbox.epoch != before


def test_only_the_last_damaged_files_are_kept(outbox: Outbox, clock: ManualClock) -> None:
    for _ in range(KEPT_DAMAGED + 3):
        outbox.append(fact(clock))
        outbox.close()
        outbox.path.write_bytes(b"\xff" * 8192)
        outbox.open()
    aside = [file for file in outbox.path.parent.glob("*.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
    assert len(aside) == KEPT_DAMAGED
    rows = outbox.read(Stream(outbox.epoch, Lane.ALERT), 1, 9)
    assert verify(rows).broken is None
