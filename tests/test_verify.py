"""`counter-agent verify` names the first break of every stream, in whichever file the events lie."""

import json
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import PersonMustAct
from agent.event import EventType, Lane, Stream, chain_hash
from agent.outbox.heads import Head, heads_in
from agent.outbox.rows import events
from agent.outbox.store import Outbox
from agent.province.arrival import read_event
from agent.province.store import ProvinceStore
from agent.verify import Verdict, verify_file
from tests.outbox.conftest import confirm, fact, outbox_at

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def filled(path: Path, count: int = 9) -> list[bytes]:
    """An outbox with *count* ratings and two alerts; the ratings' bytes."""
    clock = ManualClock(NOW)
    with closing(outbox_at(path, clock)) as outbox:
        events = outbox.append(*(fact(clock, number % 4) for number in range(count)))
        outbox.append(*(fact(clock, kind=EventType.ALERT) for _ in range(2)))
    return [event.encode() for event in events]


def alter(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement, values)
        db.commit()


def record(path: Path) -> Verdict:
    return next(verdict for verdict in verify_file(path) if verdict.place.lane == Lane.RECORD)


def test_a_whole_outbox_is_whole_and_its_head_is_the_watermarks(tmp_path: Path) -> None:
    bodies = filled(tmp_path / "outbox.db")
    verdicts = verify_file(tmp_path / "outbox.db")
    assert [(v.place.agent, v.place.lane, v.count, v.broken) for v in verdicts] == [
        ("na-0123", "alert", 2, None),
        ("na-0123", "record", 9, None),
    ]
    assert verdicts[1].head == chain_hash(bodies[-1])


def test_a_changed_row_is_named_by_its_checksum(tmp_path: Path) -> None:
    """A write that went astray: what stands there can be read, and is another row's."""
    filled(tmp_path / "outbox.db")
    alter(tmp_path / "outbox.db", "update record set body = (select body from record where seq = 3) where seq = 4")
    broken = record(tmp_path / "outbox.db").broken
    assert broken is not None
    assert (broken.seq, broken.reason) == (4, "the row is not what was written")


def test_a_row_changed_with_its_checksum_is_named_by_its_successor(tmp_path: Path) -> None:
    bodies = filled(tmp_path / "outbox.db")
    forged = bodies[3].replace(b'"level":3', b'"level":0')
    alter(
        tmp_path / "outbox.db",
        "update record set body = ?, form = null, crc = ? where seq = 4",
        forged,
        zlib.crc32(forged),
    )
    broken = record(tmp_path / "outbox.db").broken
    assert broken is not None
    assert broken.seq == 5


def test_a_row_that_vanished_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "outbox.db")
    alter(tmp_path / "outbox.db", "delete from record where seq in (3, 4, 7)")
    broken = record(tmp_path / "outbox.db").broken
    assert broken is not None
    assert (broken.seq, broken.reason) == (5, "events 3 to 4 are missing")


def test_what_left_after_its_audit_days_and_what_was_declared_dropped_is_no_break(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with closing(outbox_at(tmp_path / "outbox.db", clock, limit_bytes=40_000)) as outbox:
        for _ in range(64):
            outbox.append(*(fact(clock, kind=EventType.METRIC) for _ in range(9)), fact(clock))
        confirm(outbox, 10)
        outbox.tidy(least=1)
        lost = outbox.marks()[Lane.METRIC].lost
    verdicts = {verdict.place.lane: verdict for verdict in verify_file(tmp_path / "outbox.db")}
    assert [verdict.broken for verdict in verdicts.values()] == [None, None, None]
    assert verdicts["record"].first > 1
    assert lost > 0


def test_a_hole_in_the_middle_counts_as_dropped_where_a_gap_event_declares_it(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with closing(outbox_at(tmp_path / "outbox.db", clock)) as outbox:
        outbox.append(*(fact(clock) for _ in range(9)))
        gap = {"lane": "record", "epoch": outbox.epoch, "ranges": [[3, 4]], "count": 2, "reason": "quota"}
        outbox.append(fact(clock, kind=EventType.GAP).__class__(EventType.GAP, NOW, clock.quality(), gap))
    alter(tmp_path / "outbox.db", "delete from record where seq in (3, 4)")
    verdict = record(tmp_path / "outbox.db")
    assert (verdict.dropped, verdict.broken) == (2, None)
    alter(tmp_path / "outbox.db", "delete from record where seq = 5")
    verdict = record(tmp_path / "outbox.db")
    assert verdict.broken is not None
    assert (verdict.dropped, verdict.broken.reason) == (2, "events 5 to 5 are missing")


def test_a_provinces_store_is_judged_stream_by_stream(tmp_path: Path) -> None:
    bodies = filled(tmp_path / "outbox.db")
    forged = bodies[5].replace(b'"level":1', b'"level":2')
    with closing(ProvinceStore(tmp_path / "province.db")) as store:
        for body in (*bodies[:5], forged, *bodies[6:]):
            store.store([read_event("na-0123", body)], at=NOW)
    [verdict] = verify_file(tmp_path / "province.db")
    assert verdict.broken is not None
    assert (verdict.count, verdict.broken.seq) == (9, 7)


def test_salvaged_events_may_have_holes_and_may_not_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path)
    alter(path, "update record set body = zeroblob(length(body)) where seq = 4")
    clock = ManualClock(NOW)
    with closing(outbox_at(path, clock)) as outbox:
        outbox.open()
        old = Stream(outbox.epoch, Lane.RECORD)
        with pytest.raises(Exception, match="damaged"):
            outbox.read(old, 1, 9)
        salvaged = Outbox.read(outbox, old, 1, 9)
    assert [seq for seq, _ in salvaged] == [1, 2, 3, 5, 6, 7, 8, 9]
    assert record(path).broken is None
    alter(
        path, "update salvaged set body = replace(body, '\"level\":', '\"level\" :') where seq = 6 and lane = 'record'"
    )
    broken = record(path).broken
    assert broken is not None
    assert broken.seq == 6


def test_an_export_is_judged_line_by_line(tmp_path: Path) -> None:
    bodies = filled(tmp_path / "outbox.db")
    export = tmp_path / "events.jsonl"
    export.write_bytes(b"\n".join(bodies) + b"\n")
    assert record(export).broken is None
    export.write_bytes(b"\r\n".join([*bodies[:2], bodies[3], bodies[2], *bodies[4:]]))
    broken = record(export).broken
    assert broken is not None
    assert "missing" in broken.reason or "stands after" in broken.reason


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not an event\n", b'{"seq":1}\n', b"[" * 100_000], ids=len)
def test_a_file_without_events_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(PersonMustAct, match=r"file"):
        verify_file(tmp_path / "file")


def test_another_programs_database_is_refused_in_words(tmp_path: Path) -> None:
    alter(tmp_path / "other.db", "create table photo (id integer)")
    with pytest.raises(PersonMustAct, match="neither"):
        verify_file(tmp_path / "other.db")


def test_the_command_prints_a_line_a_stream_and_exits_1_at_a_break(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path)
    before = path.read_bytes()

    def run(*options: str) -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "agent", "verify", str(path), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    code, lines = run()
    assert code == 0
    assert all(line.endswith("; whole") for line in lines)
    assert path.read_bytes() == before
    alter(path, "delete from record where seq = 4")
    code, lines = run("--json")
    assert code == 1
    assert [json.loads(line)["broken"] for line in lines] == [
        None,
        {"seq": 5, "reason": "events 4 to 4 are missing"},
    ]


# -- held against heads ----------------------------------------------------------------------------


def forge(path: Path, first: int) -> None:
    """Write the chain of ratings anew from event *first* on, with better levels: it holds by itself."""
    with closing(sqlite3.connect(path)) as db:
        rows = list(events(db, Lane.RECORD))
        previous = ""
        for seq, written in rows:
            body = written
            if seq >= first:
                event = json.loads(written)
                event["data"]["level"] = 3
                event["data"]["forged"] = True
                event["previous"] = previous or event["previous"]
                body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
                db.execute(
                    "update record set body = ?, form = null, crc = ? where seq = ?", (body, zlib.crc32(body), seq)
                )
            previous = chain_hash(body)
        db.commit()


def heads(path: Path, *, upto: int) -> list[Head]:
    """What a province would hold that saw a watermark after each of the first *upto* ratings."""
    place = record(path).place
    with closing(sqlite3.connect(path)) as db:
        rows = list(events(db, Lane.RECORD))[:upto]
    return [Head(place.agent, place.epoch, place.lane, seq, chain_hash(body)) for seq, body in rows]


def against(path: Path, held: list[Head]) -> Verdict:
    return next(verdict for verdict in verify_file(path, held) if verdict.place.lane == Lane.RECORD)


def test_a_whole_outbox_fits_every_head_that_was_ever_seen_of_it(tmp_path: Path) -> None:
    filled(tmp_path / "outbox.db")
    verdict = against(tmp_path / "outbox.db", heads(tmp_path / "outbox.db", upto=9))
    assert (verdict.broken, verdict.heads) == (None, 9)


def test_a_chain_written_anew_holds_by_itself_and_breaks_at_the_first_head_that_covers_it(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path)
    seen = [head for head in heads(path, upto=9) if head.seq in (3, 7)]
    forge(path, 5)
    assert record(path).broken is None
    verdict = against(path, seen)
    assert verdict.broken is not None
    assert (verdict.broken.seq, verdict.heads) == (7, 1)
    assert "after event 3, whose head fits" in verdict.broken.reason


def test_events_cut_off_the_end_are_named_when_a_head_names_one(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path)
    seen = heads(path, upto=9)
    alter(path, "delete from record where seq > 6")
    verdict = against(path, seen)
    assert verdict.broken is not None
    assert (verdict.broken.seq, verdict.heads) == (7, 6)
    assert verdict.broken.reason == "events 7 to 9 are missing: a head names event 9"


def test_a_head_of_the_event_before_the_first_one_here_is_checked_and_older_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path)
    seen = heads(path, upto=4)
    alter(path, "delete from record where seq <= 4")
    assert against(path, seen).broken is None
    forged = [Head(head.agent, head.epoch, head.lane, head.seq, "A" * 43) for head in seen]
    broken = against(path, forged).broken
    assert broken is not None
    assert broken.seq == 5


def test_a_stream_that_is_gone_altogether_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "outbox.db")
    filled(tmp_path / "other" / "outbox.db")
    verdicts = verify_file(tmp_path / "other" / "outbox.db", heads(tmp_path / "outbox.db", upto=9))
    (gone,) = [verdict for verdict in verdicts if verdict.broken is not None]
    assert (gone.place, gone.count) == (record(tmp_path / "outbox.db").place, 0)


def test_watermarks_verdicts_and_photographs_are_read_from_files_and_the_command_line(tmp_path: Path) -> None:
    path, held = tmp_path / "outbox.db", tmp_path / "heads.json"
    filled(path)
    place, head = record(path).place, record(path).head
    mark = {"epoch": place.epoch, "first": 1, "last": 9, "head": head, "acked": 0, "pending": 9, "lost": 0}
    watermark = json.dumps({"at": "2026-09-01T00:00:00Z", "lanes": {"record": mark, "metric": {**mark, "last": 0}}})
    line = f"MOTCUA1 {place.agent} {place.epoch} record:9:{head}"
    for text in (
        watermark,
        f"motcua/v1/40/na-0123/up/watermark {watermark}\n{line}\n",
        "\n".join(json.dumps(verdict.payload()) for verdict in verify_file(path)),
        f"[{watermark}]",
    ):
        held.write_text(text, encoding="utf-8")
        assert against(path, heads_in(held)).heads == 1
    command = [sys.executable, "-m", "agent", "verify", str(path), "--heads", str(held), "--head", line]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "; 1 heads fit; whole" in done.stdout
    forge(path, 2)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "BROKEN at 9: it is not the event that a head names" in done.stdout


@pytest.mark.parametrize("text", ["hello", "{}", '{"lanes": 3}', "[1]", "motcua/v1/40/na-0123/up/watermark", "MOTCUA1"])
def test_a_file_that_holds_no_heads_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "heads").write_text(text, encoding="utf-8")
    with pytest.raises(PersonMustAct, match="is not a watermark"):
        heads_in(tmp_path / "heads")
