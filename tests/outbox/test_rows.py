"""A row keeps what an event says anew; what it was, to the last byte, comes back, or it is known to be damaged."""

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import ManualClock
from agent.event import Event, EventType, Fact, Lane, Stream
from agent.outbox import schema
from agent.outbox.rows import TABLES, Forms, events
from agent.outbox.store import Outbox
from tests.outbox.conftest import confirm, fact, outbox_at, stream

V4_STEPS = 4
DAY_S = 86400.0


def _sql(outbox: Outbox, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(outbox.path)) as db:
        found = db.execute(statement).fetchall()
        db.commit()
        return found


def _forms(outbox: Outbox) -> list[list[tuple[object, ...]]]:
    return [_sql(outbox, f"select id, body, crc from {table}") for table in TABLES]


def _numbered(written: list[Event]) -> list[tuple[int, bytes]]:
    return [(event.seq, event.encode()) for event in written]


def test_a_row_takes_a_fifth_of_its_event_and_every_byte_comes_back(outbox: Outbox, clock: ManualClock) -> None:
    written = outbox.append(*(fact(clock, number % 4) for number in range(50)))
    assert outbox.read(stream(outbox), 1, 50) == _numbered(written)
    [(longest,)] = _sql(outbox, "select max(length(body)) from record")
    assert int(str(longest)) < len(written[0].encode()) / 4
    assert _forms(outbox)[0] == _forms(outbox)[1]


def test_every_kind_has_a_form_of_its_own_and_a_restart_goes_on_with_it(outbox: Outbox, clock: ManualClock) -> None:
    kinds = [EventType.RATING, EventType.VISIT, EventType.ALERT, EventType.METRIC]
    for _ in range(2):
        outbox.append(*(fact(clock, kind=kind) for kind in kinds))
        outbox.close()
    assert [kind for (kind,) in _sql(outbox, "select kind from form")] == kinds
    assert len(outbox.read(stream(outbox), 1, 9)) == 4


def test_one_of_the_two_may_rot(outbox: Outbox, clock: ManualClock) -> None:
    written = outbox.append(*(fact(clock) for _ in range(5)))
    for table in TABLES:
        outbox.close()
        kept = _sql(outbox, f"select id, body from {table}")
        _sql(outbox, f"update {table} set body = zeroblob(300)")
        assert outbox.read(stream(outbox), 1, 5) == _numbered(written)
        outbox.close()
        with closing(sqlite3.connect(outbox.path)) as db:
            db.execute(f"update {table} set body = ? where id = ?", kept[0][::-1])
            db.commit()


@pytest.mark.parametrize("table", TABLES)
def test_the_daily_look_notices_that_one_of_the_two_is_not_what_was_written_while_all_can_be_read(
    outbox: Outbox, clock: ManualClock, table: str
) -> None:
    written = outbox.append(*(fact(clock) for _ in range(5)))
    old = stream(outbox)
    _sql(outbox, f"update {table} set body = zeroblob(300)")
    assert outbox.check() == "a form is not what was written"
    assert outbox.read(old, 1, 5) == _numbered(written)
    assert outbox.epoch != old.epoch
    assert outbox.check() is None


def test_with_both_gone_the_rows_that_need_them_are_damaged_and_the_others_are_sent_on(
    outbox: Outbox, clock: ManualClock
) -> None:
    outbox.append(fact(clock), fact(clock))
    told = Fact(EventType.RATING, clock.now(), clock.quality(), {"level": 3, "comment": "ổn"})
    alert = outbox.append(fact(clock, kind=EventType.ALERT))
    outbox.close()
    for table in TABLES:
        _sql(outbox, f"delete from {table} where id = 1")
    again = outbox.append(told)  # the last rating cannot be read, so a new epoch has begun
    assert [event.seq for event in again] == [1]
    old = Stream(alert[0].epoch, Lane.ALERT)
    assert outbox.read(old, 1, 9) == _numbered(alert)


def test_what_a_citizen_wrote_never_becomes_a_form(outbox: Outbox, clock: ManualClock) -> None:
    words = Fact(EventType.RATING, clock.now(), clock.quality(), {"level": 0, "comment": "chờ quá lâu"})
    written = outbox.append(words)
    assert _forms(outbox) == [[], []]
    written += outbox.append(fact(clock))
    written += outbox.append(words)
    assert all("chờ quá lâu".encode() not in body for table in _forms(outbox) for _, body, _ in table)  # type: ignore[operator]
    assert outbox.read(stream(outbox), 1, 9) == _numbered(written)


def test_each_boot_has_its_forms_and_those_that_no_row_can_need_leave(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "outbox.db"
    for number in range(6):
        clock.boot = f"{number:012x}"
        with closing(outbox_at(path, clock)) as outbox:
            outbox.append(fact(clock, kind=EventType.VISIT), fact(clock))
            outbox.append(fact(clock, 1), fact(clock, kind=EventType.VISIT))
            if number < 3:
                assert len(_forms(outbox)[0]) == 2 * (number + 1)
                assert [seq for seq, _ in outbox.read(stream(outbox), 1, 99)] == list(range(1, 4 * number + 5))
            else:
                confirm(outbox, 4 * number)
                outbox.tidy(least=1)
    assert [boot for (boot,) in _sql(outbox, "select distinct boot from form order by id")] == [
        f"{number:012x}" for number in (4, 5)
    ]
    with closing(sqlite3.connect(path)) as db:
        assert [seq for seq, _ in events(db, Lane.RECORD)] == list(range(21, 25))


def test_a_file_of_the_time_before_forms_is_read_continued_and_salvaged(tmp_path: Path, clock: ManualClock) -> None:
    """Its rows stand for themselves, as the migration leaves them."""
    path = tmp_path / "outbox.db"
    with closing(outbox_at(path, clock)) as outbox:
        written = outbox.append(*(fact(clock) for _ in range(3)))
        epoch = outbox.epoch
    with closing(sqlite3.connect(path)) as db:
        for step in schema.STEPS._migrations[V4_STEPS:]:
            db.execute("delete from _sqlite_migrations where name = ?", (step.name,))
        for table in ("form", "spare", "box", "spent"):
            db.execute(f"drop table {table}")
        db.execute("alter table store drop column taken")
        for lane in Lane:
            db.execute(f"alter table {lane} drop column form")
            db.execute(f"alter table {lane} drop column taken")
        db.executemany("update record set body = ? where seq = ?", ((e.encode(), e.seq) for e in written))
        db.execute(f"pragma user_version = {V4_STEPS}")
        db.commit()
        assert list(events(db, Lane.RECORD)) == _numbered(written)
    early = path.read_bytes()
    with closing(outbox_at(path, clock)) as outbox:
        written += outbox.append(fact(clock), fact(clock))
        assert outbox.read(Stream(epoch, Lane.RECORD), 1, 9) == _numbered(written)
        assert outbox.standing().cast == 5
        assert _sql(outbox, "select form is null from record") == [(1,), (1,), (1,), (0,), (0,)]
    for file in tmp_path.glob("outbox.db*"):
        file.unlink()
    path.write_bytes(early)
    with closing(sqlite3.connect(path)) as db:
        db.execute("update alert set body = 1")  # nothing: the file is as it was
        db.execute("insert into alert values (9, x'00', 0, 0)")
        db.commit()
    with closing(outbox_at(path, clock)) as outbox:
        outbox.open()  # the alert is not what was written: put aside, salvaged
        assert outbox.epoch != epoch
        assert outbox.read(Stream(epoch, Lane.RECORD), 1, 9) == _numbered(written[:3])


@settings(max_examples=60, deadline=None)
@given(first=st.text(max_size=300), second=st.text(max_size=6000))
def test_whatever_events_say_they_come_back(first: str, second: str) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        schema.migrate(db)
        forms = Forms(db)
        forms.begin("b")
        bodies = [json.dumps({"a": text}, ensure_ascii=False).encode() for text in (first, second, first + second)]
        forms.add(EventType.RATING, bodies[0])
        for body in bodies:
            packed, form = forms.pack(EventType.RATING, body)
            assert len(packed) <= len(body)
            assert Forms(db).event(packed, form, zlib.crc32(body)) == body
            assert Forms(db).event(packed[:-1], form, zlib.crc32(body)) in (None, body)
