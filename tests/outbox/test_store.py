"""Facts become events: durable, chained, one transaction, whatever happens between two rows."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import PersonMustAct, TryAgain
from agent.event import GENESIS, EventType, Lane, Stream
from agent.outbox.chain import verify
from agent.outbox.database import PAGE_BYTES, VERSION, WAL_PAGES
from agent.outbox.epoch import new_epoch
from agent.outbox.store import SWEEP, Outbox
from agent.ranges import Ranges
from tests.outbox.conftest import confirm, fact, outbox_at, seqs


def test_what_was_appended_is_there_after_a_restart(outbox: Outbox, clock: ManualClock) -> None:
    events = outbox.append(fact(clock, 3), fact(clock, 0))
    outbox.close()
    again = outbox_at(outbox.path, clock)
    with closing(again):
        again.open()
        assert again.read(Stream(again.epoch, Lane.RECORD), 1, 9) == [(event.seq, event.encode()) for event in events]
        assert again.marks() == outbox.marks()


def test_events_are_read_in_the_order_they_happened_whatever_the_clock_said(outbox: Outbox, clock: ManualClock) -> None:
    for offset_s in (0, 3600, -7200, 60, -1):
        clock.set_wall(clock.now() + timedelta(seconds=offset_s))
        outbox.append(fact(clock))
    assert seqs(outbox) == [1, 2, 3, 4, 5]


def test_each_lane_counts_and_chains_for_itself(outbox: Outbox, clock: ManualClock) -> None:
    kinds = [EventType.RATING, EventType.ALERT, EventType.METRIC, EventType.RATING, EventType.ALERT]
    events = outbox.append(*(fact(clock, kind=kind) for kind in kinds))
    assert [(event.lane, event.seq) for event in events] == [
        (Lane.RECORD, 1),
        (Lane.ALERT, 1),
        (Lane.METRIC, 1),
        (Lane.RECORD, 2),
        (Lane.ALERT, 2),
    ]
    assert [event.previous for event in events[:3]] == [GENESIS] * 3
    for lane in Lane:
        assert verify(outbox.read(Stream(outbox.epoch, lane), 1, 9)).broken is None


def test_a_fault_between_two_rows_leaves_neither(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(fact(clock))
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute(
            "create trigger fault before insert on record when new.seq = 3"
            " begin select raise(abort, 'the disk gives up'); end"
        )
        db.commit()
    with pytest.raises(TryAgain, match="the disk gives up"):
        outbox.append(fact(clock), fact(clock))
    assert seqs(outbox) == [1]
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute("drop trigger fault")
        db.commit()
    assert [event.seq for event in outbox.append(fact(clock), fact(clock))] == [2, 3]
    assert verify(outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 9)).broken is None


def test_a_fact_that_cannot_be_written_down_leaves_nothing_and_blocks_nobody(
    outbox: Outbox, clock: ManualClock
) -> None:
    with pytest.raises(TypeError):
        outbox.append(fact(clock), fact(clock, level=object()))  # type: ignore[arg-type] # on purpose
    assert seqs(outbox) == []
    session = outbox.next_session()
    outbox.append(fact(clock))
    assert seqs(outbox) == [1]
    outbox.close()
    assert outbox.next_session() > session


def test_a_listener_is_called_once_the_disk_has_the_event(outbox: Outbox, clock: ManualClock) -> None:
    seen: list[list[int]] = []

    def look() -> None:
        with closing(sqlite3.connect(outbox.path)) as db:
            seen.append([seq for (seq,) in db.execute("select seq from record")])

    outbox.listen(look)
    outbox.append(fact(clock))
    outbox.unlisten(look)
    outbox.append(fact(clock))
    assert seen == [[1]]


def test_four_threads_appending_at_once_keep_every_chain_whole(outbox: Outbox, clock: ManualClock) -> None:
    kinds = [EventType.RATING, EventType.ALERT, EventType.METRIC]

    def work() -> None:
        for number in range(25):
            outbox.append(fact(clock, number, kinds[number % 3]), fact(clock, number))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lane in Lane:
        rows = outbox.read(Stream(outbox.epoch, lane), 1, 1000)
        assert [seq for seq, _ in rows] == list(range(1, outbox.marks()[lane].last + 1))
        assert verify(rows).broken is None
    assert sum(mark.last for mark in outbox.marks().values()) == 200


# -- how it is opened --------------------------------------------------------------------------------


def test_the_log_is_written_ahead_and_flushed_at_every_commit(outbox: Outbox) -> None:
    with outbox._using() as connection:
        said = {name: connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
        assert said == {"journal_mode": "wal", "synchronous": 2}
        assert connection.execute("pragma page_size").fetchone()[0] == PAGE_BYTES
        assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"


def test_the_log_has_its_size_from_the_start_and_appending_does_not_grow_it(outbox: Outbox, clock: ManualClock) -> None:
    wal = outbox.path.with_name("outbox.db-wal")
    size = wal.stat().st_size
    assert size >= WAL_PAGES * PAGE_BYTES
    for _ in range(50):
        outbox.append(fact(clock))
    assert wal.stat().st_size == size


def test_a_file_system_that_refuses_the_log_is_refused(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite answers the pragma with the mode it stays in; a database in memory is the one at hand that cannot."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda _path, **options: connect(":memory:", **options))
    outbox = outbox_at(tmp_path / "outbox.db", clock)
    for _ in range(2):  # and it stays refused: nothing half open is used
        with pytest.raises(PersonMustAct, match="write-ahead log"):
            outbox.open()


def test_a_database_of_a_newer_version_is_refused_every_time_and_left_as_it_is(
    outbox: Outbox, clock: ManualClock
) -> None:
    outbox.append(fact(clock))
    outbox.close()
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute(f"pragma user_version = {VERSION + 1}")
    for _ in range(2):
        with pytest.raises(PersonMustAct, match="newer version"):
            outbox.open()
        with pytest.raises(PersonMustAct, match="newer version"):
            outbox.append(fact(clock))
    with closing(sqlite3.connect(outbox.path)) as db:
        assert db.execute("select count(*) from record").fetchone() == (1,)


def test_a_folder_that_cannot_be_made_needs_a_person(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PersonMustAct, match="folder"):
        outbox_at(tmp_path / "file" / "outbox.db", clock).open()


def test_a_disk_that_comes_back_is_used_again(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "outbox.db"
    path.mkdir()  # a folder in the file's place: SQLite cannot open it
    outbox = outbox_at(path, clock)
    with closing(outbox):
        with pytest.raises(TryAgain):
            outbox.append(fact(clock))
        path.rmdir()
        assert outbox.append(fact(clock))[0].seq == 1


def test_a_damaged_row_is_noticed_when_it_is_read(outbox: Outbox, clock: ManualClock) -> None:
    _, event = outbox.append(fact(clock), fact(clock))
    with closing(sqlite3.connect(outbox.path)) as db:
        body = event.encode().replace(b'"level":3', b'"level":0')
        db.execute("update record set body = ?, form = null where seq = 2", (body,))
        db.commit()
    assert [seq for seq, _ in outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 1)] == [1]
    with pytest.raises(TryAgain, match="record/2 is damaged"):
        outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 2)


def test_the_migration_library_is_imported_only_when_there_is_something_to_migrate(tmp_path: Path) -> None:
    program = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from agent.clock import ManualClock
from agent.outbox.store import Outbox
outbox = Outbox(Path({str(tmp_path / "outbox.db")!r}), province="40", agent="na-0123",
                clock=ManualClock(datetime.now(UTC)), keep_days=90)
outbox.open()
outbox.close()
print("sqlite_utils" in sys.modules)
"""
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]


def test_an_epoch_is_new_with_every_database_and_sorts_by_its_time() -> None:
    early, late = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 2, tzinfo=UTC)
    epochs = [new_epoch(early), new_epoch(late), new_epoch(early)]
    assert epochs[0] != epochs[2]
    assert max(epochs[0], epochs[2]) < epochs[1]
    assert all(len(epoch) == 26 and epoch.isalnum() and epoch.isascii() for epoch in epochs)


# -- what the province has ---------------------------------------------------------------------------


def test_what_the_province_has_is_no_longer_waiting(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(*(fact(clock) for _ in range(10)))
    assert confirm(outbox, 8, (3, 4))
    assert outbox.waiting()[Stream(outbox.epoch, Lane.RECORD)] == Ranges([(3, 4), (9, 10)])
    mark = outbox.marks()[Lane.RECORD]
    assert (mark.first, mark.last, mark.acked, mark.pending) == (1, 10, 2, 4)


def test_what_the_province_lost_again_waits_again(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(*(fact(clock) for _ in range(5)))
    confirm(outbox, 5)
    confirm(outbox, 5, (2, 4))
    assert outbox.waiting()[Stream(outbox.epoch, Lane.RECORD)] == Ranges([(2, 4)])


def test_a_confirmation_of_an_epoch_that_never_was_here_is_not_believed(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(fact(clock), fact(clock))
    have = Ranges([(1, 2)])
    assert not outbox.confirm(Stream(new_epoch(clock.now()), Lane.RECORD), have=have, missing=Ranges())
    assert outbox.waiting()[Stream(outbox.epoch, Lane.RECORD)] == have


def test_a_confirmation_costs_no_flush_and_reaches_the_disk_with_the_next_event(
    outbox: Outbox, clock: ManualClock
) -> None:
    outbox.append(fact(clock), fact(clock))
    with flushes(outbox) as committed:
        confirm(outbox, 2)
        assert committed() == 0
        outbox.append(fact(clock))
        assert committed() == 1
    outbox.close()
    outbox.open()
    assert outbox.waiting()[Stream(outbox.epoch, Lane.RECORD)] == Ranges([(3, 3)])


def test_within_their_audit_days_confirmed_events_cost_one_flush_in_five_hundred(
    tmp_path: Path, clock: ManualClock
) -> None:
    outbox = outbox_at(tmp_path / "outbox.db", clock, keep_days=90)
    with closing(outbox):
        outbox.append(*(fact(clock) for _ in range(2 * SWEEP + 100)))
        count = 0
        with flushes(outbox) as committed:
            for upto in range(1, 2 * SWEEP + 100):
                confirm(outbox, upto)
                count += committed()
        assert count == 2
        outbox.close()
        outbox.open()
        assert outbox.marks()[Lane.RECORD].acked == 2 * SWEEP  # a restart repeats the rest, not all of it


@contextmanager
def flushes(outbox: Outbox) -> Iterator[Callable[[], int]]:
    """Asks whether anything was committed since the last time, 0 or 1 (what `pragma data_version` is for)."""
    with closing(sqlite3.connect(outbox.path)) as db:
        before = [db.execute("pragma data_version").fetchone()[0]]

        def committed() -> int:
            before.append(db.execute("pragma data_version").fetchone()[0])
            return int(before[-1] != before[-2])

        yield committed


# -- sessions and orders -----------------------------------------------------------------------------


def test_session_numbers_grow_and_never_repeat_over_restarts(outbox: Outbox) -> None:
    numbers: list[int] = []
    for _ in range(3):
        numbers += [outbox.next_session() for _ in range(120)]
        outbox.close()
    assert numbers == sorted(set(numbers))


def test_session_numbers_never_repeat_after_a_crash(tmp_path: Path, clock: ManualClock) -> None:
    numbers = []
    for _ in range(3):
        outbox = outbox_at(tmp_path / "outbox.db", clock)
        numbers.append(outbox.next_session())
        outbox.close()
    assert numbers == sorted(set(numbers))


def test_an_order_is_remembered_before_and_after_it_is_carried_out(outbox: Outbox) -> None:
    assert outbox.begin_command("7f3a", "ping") is None
    assert outbox.begin_command("7f3a", "ping") == b""
    assert outbox.open_commands() == [("7f3a", "ping")]
    outbox.finish_command("7f3a", '{"status":"done","lời":"xong"}'.encode())
    outbox.close()
    assert json.loads(outbox.begin_command("7f3a", "ping") or b"")["lời"] == "xong"
    assert outbox.open_commands() == []


def test_the_journal_of_orders_keeps_the_last_five_hundred_and_all_that_are_open(outbox: Outbox) -> None:
    outbox.begin_command("open", "snapshot")
    for number in range(600):
        outbox.begin_command(str(number), "ping")
        outbox.finish_command(str(number), b"{}")
    assert outbox.open_commands() == [("open", "snapshot")]
    assert outbox.begin_command("599", "ping") == b"{}"
    assert outbox.begin_command("1", "ping") is None
