"""An export: the very bytes for programs, tables for people, and nothing that is not meant to leave."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from agent.alive import AliveMark, write_mark
from agent.clock import ManualClock
from agent.errors import PersonMustAct
from agent.event import EventType, Fact, Lane
from agent.export import RATING_COLUMNS, Export, Form, day_columns, export_of, tame
from agent.language import language
from agent.outbox.lookback import newest_first
from agent.outbox.store import Outbox
from agent.province.arrival import read_event
from agent.province.store import ProvinceStore
from agent.rating.figures.daybook import Daybook
from agent.rating.figures.outages import Outage, OutageCause, OutageData
from agent.rating.figures.summary import summarise
from agent.verify import verify_file
from tests.rating.days import TERMS, ZONE, Week, at
from tests.test_verify import alter

CONFIG = """
counter: {province: "40", agent: na-0123, commune: "17329", holidays: none}
uplink: {broker: "mqtt://127.0.0.1"}
outbox: {path: %s}
keypads: [{driver: sim, keys: {"31": 3}}]
"""
COMMENT = "=HYPERLINK(cán bộ\nnhiệt tình)"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG % (tmp_path / "outbox.db"))
    return path


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Two days of a counter; the first one has its summary."""
    clock = ManualClock(at(17, 16))
    store = Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=clock, keep_days=90)
    with closing(store):
        store.open()
        week = Week()
        week.rates([3] * 29 + [0], at(8))
        week.rate(0, at(9), channel="qr", reasons=["deadline"], comment=COMMENT, raw=None, keymap=None)
        week.rate(3, at(12), flags=["off_hours"])
        outage = OutageData.of(Outage(OutageCause.KEYPAD, "keypad", "X", at(14), at(15)), until=at(15), opening=())
        week.tell(EventType.ALERT, at(15), outage.payload())
        week.tell(EventType.METRIC, at(17), {"code": "TRANSACTIONS", "date": "2026-09-01", "count": 300})
        for number in range(3):
            data = {"camera": "quay", "length_s": 300, "is_begin_seen": True, "bucket_min": 15, "nonce": str(number)}
            week.tell(EventType.VISIT, at(9), data)
        one = Week().rate(3, at(32))
        store.append(*(event.fact for event in week.events))
        summary = summarise(date(2026, 9, 1), book_of(store), TERMS, outages=week.book.outages, until=at(17, 16))
        store.append(Fact.seen(EventType.SUMMARY, clock.read(), summary.payload()))
        (kept,) = store.append(one.fact)
        store.append(Week().rate(0, at(32, 0, 2), corrects=kept.id, first=3).fact)
        yield store


def book_of(outbox: Outbox) -> Daybook:
    book = Daybook(ZONE)
    for lane in Lane:
        for row in reversed(list(newest_first(outbox, lane))):
            book.take(json.loads(row.body), row.body)
    return book


def table(made: Export, form: Form) -> list[dict[str, str]]:
    """The table under its English column names."""
    out = io.BytesIO()
    made.pour(out, form)
    text = out.getvalue().decode()
    assert text.startswith("\ufeff")
    header, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    columns = RATING_COLUMNS if form is Form.RATINGS else day_columns(4)
    assert len(header) == len(columns)
    return [dict(zip(columns, line, strict=True)) for line in lines]


def test_events_are_the_very_bytes_and_verify_takes_them(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    target = tmp_path / "events.ndjson"
    result = export_of(config, None).write(target, Form.EVENTS)
    stored = {row.body for lane in Lane for row in newest_first(outbox, lane)}
    lines = target.read_bytes().splitlines()
    assert (set(lines), len(lines), result.lines, result.damaged) == (stored, len(stored), len(stored), 0)
    assert verify_file(target) == verify_file(outbox.path)
    assert all(verdict.broken is None for verdict in verify_file(target))


def test_a_provinces_store_and_an_export_give_the_same_tables(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    export_of(config, None).write(events, Form.EVENTS)
    province = ProvinceStore(tmp_path / "province.db")
    with closing(province):
        province.store([read_event("na-0123", line) for line in events.read_bytes().splitlines()], at=datetime.now(UTC))
    ours = table(export_of(config, None), Form.RATINGS)
    assert len(ours) == 33
    for store in (events, tmp_path / "province.db"):
        assert table(export_of(config, store), Form.RATINGS) == ours
        assert table(export_of(config, store), Form.SUMMARY) == table(export_of(config, None), Form.SUMMARY)


def test_a_rating_is_one_line_of_what_may_leave(outbox: Outbox, config: Path) -> None:
    lines = table(export_of(config, None), Form.RATINGS)
    voice = lines[30]
    assert voice == {
        "agent": "na-0123",
        "counter": "1",
        "commune": "17329",
        "date": "2026-09-01",
        "time": "09:00",
        "channel": "qr",
        "level": "0",
        "label": "Không hài lòng",
        "first": "",
        "valid": "Có",
        "flags": "",
        "reasons": "deadline",
        "comment": "'=HYPERLINK(cán bộ nhiệt tình)",
        "number": "31",
    }
    assert (lines[31]["flags"], lines[31]["valid"]) == ("off_hours", "Không")
    corrected = lines[32]
    assert (corrected["level"], corrected["first"], corrected["date"]) == ("0", "3", "2026-09-02")
    out = io.BytesIO()
    export_of(config, None).pour(out, Form.RATINGS)
    for secret in ("nonce", "aaaa000000000000", "9f2c00000000"):
        assert secret not in out.getvalue().decode()


def test_a_day_has_the_figures_of_its_summary_event(outbox: Outbox, config: Path) -> None:
    made = export_of(config, None)
    first, second = made.summaries("na-0123", book_of(outbox))
    (told,) = book_of(outbox).summaries.values()
    assert first.payload() == told
    assert (second.valid, second.downgrades) == (1, 1)
    day, next_day = table(made, Form.SUMMARY)
    assert (day["date"], day["raw"], day["valid"], day["percent"]) == ("2026-09-01", "32", "31", "93,5")
    assert (day["response"], day["needed"], day["outages keypad"], day["outage_minutes keypad"]) == (
        "10,3",
        "171",
        "1",
        "60",
    )
    assert [day[f"level {level}"] for level in range(4)] == ["2", "0", "0", "29"]
    assert (day["visits"], next_day["visits"]) == ("quay 3", "")
    assert next_day["percent"] == "chưa đủ dữ liệu"


def test_without_a_counters_settings_its_days_are_what_it_told(outbox: Outbox) -> None:
    made = Export(outbox.path, language("en"))
    (day,) = table(made, Form.SUMMARY)
    assert (day["date"], day["percent"], day["availability"]) == ("2026-09-01", "93.5", "87.5")


def test_what_is_gone_right_now_is_taken_from_the_alive_mark(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    moment = ManualClock(at(33)).read()
    boot = ["9f2c00000000", at(32).isoformat(), moment.booted.isoformat(), "ntp"]
    notes = (["keypad", "keypad", "KEYPAD_UNPLUGGED", boot, None],)
    write_mark(tmp_path / "alive.json", AliveMark("9f2c00000000", moment, moment.at, is_clean=False, outages=notes))
    _, second = table(export_of(config, None), Form.SUMMARY)
    assert second["outages keypad"] == "1"


@pytest.mark.parametrize("text", ["=1+1", "+84 238", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1"])
def test_what_a_spreadsheet_would_run_stays_text(text: str) -> None:
    assert tame(text) == f"'{text}"


@pytest.mark.parametrize("harmless", ["tốt", "1-2", "", -1, 3.5])
def test_what_is_harmless_stays_as_it_is(harmless: object) -> None:
    assert tame(harmless) == harmless


def test_a_damaged_event_is_left_out_and_told(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    outbox.close()
    alter(outbox.path, "update record set body = x'00' where seq = 3")
    done = run(config, str(tmp_path / "out.ndjson"))
    assert (done.returncode, "counter-agent verify" in done.stderr) == (1, True)
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 40 - 1


def test_a_target_that_cannot_be_written_is_named_and_leaves_nothing(outbox: Outbox, config: Path) -> None:
    with pytest.raises(PersonMustAct, match="No such file"):
        export_of(config, None).write(config.parent / "no" / "file.csv", Form.RATINGS)
    assert not list(config.parent.glob("**/*.part"))


def test_an_agent_that_never_ran_is_told(config: Path) -> None:
    with pytest.raises(PersonMustAct, match="has not run"):
        export_of(config, None)


def run(config: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "agent", "export", "--config", str(config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_writes_to_a_file_and_to_standard_output(outbox: Outbox, config: Path, tmp_path: Path) -> None:
    target = tmp_path / "days.csv"
    done = run(config, "--as", "summary", str(target))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "2 dòng" in done.stderr
    again = run(config, "--as", "summary", "-")
    assert again.stdout.encode() == target.read_bytes().replace(b"\r\n", b"\n")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("counter: {}\n")
    assert run(wrong, "-").returncode == 78
