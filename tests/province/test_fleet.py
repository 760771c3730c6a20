"""The fleet as its retained topics tell it."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agent.province.fleet import Fleet
from agent.province.watch import table
from agent.uplink.topics import parse

NOW = datetime(2026, 9, 1, 1, 15, tzinfo=UTC)
FULL = {"status": "degraded", "code": "DISK_FULL", "message": "Thẻ nhớ gần đầy, còn 90 MB", "hint": "Xoá bớt tệp"}
COVERED = {"status": "failed", "code": "CAM_COVERED", "message": "Camera bị che", "hint": "Kiểm tra ống kính"}
FINE = {"status": "ok", "code": "OK", "message": "Tốt", "hint": ""}
NO_KEYPAD = {"status": "off", "code": "NOT_CONFIGURED", "message": "Không lắp", "hint": ""}


def tell(fleet: Fleet, topic: str, body: Any, *, agent: str = "na-0123", is_retained: bool = True) -> None:
    heard = parse(f"motcua/v1/40/{agent}/up/{topic}")
    assert heard is not None
    payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    fleet.hear(heard, payload, at=NOW, is_retained=is_retained)


def mark(pending: int, last: int, lost: int = 0) -> dict[str, Any]:
    return {"epoch": "E", "first": 1, "last": last, "head": "h", "acked": 0, "pending": pending, "lost": lost}


@pytest.fixture
def fleet() -> Fleet:
    made = Fleet()
    tell(made, "state", {"state": "online", "session": 42, "since": "2026-09-01T07:28:11+07:00"})
    tell(made, "info", {"name": "Công an xã Kim Liên", "counter": 2, "versions": {}})
    tell(made, "health/camera", COVERED)
    tell(made, "health/disk", FULL)
    tell(made, "health/keypad", NO_KEYPAD)
    tell(
        made, "watermark", {"at": "2026-09-01T08:15:00+07:00", "lanes": {"record": mark(3, 10), "alert": mark(1, 2, 5)}}
    )
    return made


def test_a_counter_is_what_its_topics_say(fleet: Fleet) -> None:
    assert [counter.row() for counter in fleet.rows()] == [
        {
            "agent": "na-0123",
            "state": "online",
            "since": "2026-09-01T07:28:11+07:00",
            "unit": "Công an xã Kim Liên",
            "counter": 2,
            "events": 12,
            "pending": 4,
            "lost": 5,
            "breaks": [],
            "conflicts": [],
            "astray": [],
            "worst": {"component": "camera", "since": "", **COVERED},
            "heard_at": None,
        }
    ]


def test_what_is_not_fitted_is_no_trouble(fleet: Fleet) -> None:
    for component in ("camera", "disk"):
        tell(fleet, f"health/{component}", FINE)
    assert fleet.counters["na-0123"].worst is None


def test_only_what_is_said_now_is_heard_now(fleet: Fleet) -> None:
    tell(fleet, "health/camera", FINE, is_retained=False)
    assert fleet.counters["na-0123"].heard_at == NOW


@pytest.mark.parametrize(("session", "state"), [(42, "lost"), (41, "online")])
def test_the_will_of_an_earlier_session_is_ignored(fleet: Fleet, session: int, state: str) -> None:
    tell(fleet, "state", {"state": "lost", "session": session})
    assert fleet.counters["na-0123"].state == state


def test_a_component_that_was_emptied_is_gone_and_so_is_a_counter(fleet: Fleet) -> None:
    tell(fleet, "health/camera", b"")
    assert set(fleet.counters["na-0123"].health) == {"disk", "keypad"}
    tell(fleet, "state", b"")
    assert fleet.rows() == []


def test_those_in_trouble_come_first(fleet: Fleet) -> None:
    tell(fleet, "state", {"state": "online", "session": 1}, agent="na-0001")
    tell(fleet, "state", {"state": "lost", "session": 1}, agent="na-0200")
    assert [counter.agent for counter in fleet.rows()] == ["na-0123", "na-0200", "na-0001"]


@given(
    st.sampled_from(["state", "info", "health/camera", "watermark"]),
    st.one_of(
        st.binary(),
        st.recursive(
            st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        ).map(lambda value: json.dumps(value).encode()),
        st.just(b'{"status":"dancing"}'),
        st.just(b'{"status":["ok"]}'),
        st.just(b"[" * 100_000),
    ),
)
def test_no_message_whatsoever_spoils_the_table(topic: str, payload: bytes) -> None:
    fleet = Fleet()
    tell(fleet, topic, payload)
    assert drawn(fleet) or not payload
    for counter in fleet.rows():
        json.dumps(counter.row())


def drawn(fleet: Fleet, width: int = 160) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=False)
    console.print(table(fleet, "40", NOW))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_table_says_who_is_there_and_what_to_do(fleet: Fleet) -> None:
    tell(fleet, "state", {"state": "lost", "session": 1}, agent="na-0001")
    tell(fleet, "health/keypad", FINE, is_retained=False)
    text = drawn(fleet)
    assert "Province 40: 1 of 2 counters online" in text
    row = next(line for line in text.splitlines() if "na-0123" in line)
    for word in ("online", "Công an xã Kim Liên · 2", "12", "4", "0 s", "camera Camera bị che"):
        assert word in row
    assert "→ Kiểm tra ống kính" in text
    assert "lost" in next(line for line in text.splitlines() if "na-0001" in line)


def test_markup_in_a_message_is_shown_and_not_obeyed(fleet: Fleet) -> None:
    tell(fleet, "health/camera", {**COVERED, "message": "[red]/dev/video0[/red] [/]"})
    assert "[red]/dev/video0[/red] [/]" in drawn(fleet)


def test_what_the_store_found_wrong_stands_beside_what_a_counter_says(fleet: Fleet) -> None:
    tell(fleet, "health/camera", COVERED)
    fleet.learn_faults({"na-0123": ["E/record/2"]}, {"na-0123": ["E/record/7", "E/record/8"], "na-0999": ["E/alert/1"]})
    shown = drawn(fleet, width=300)
    assert "chain 1 broken, first at E/record/2" in shown
    assert "numbers 2 sent again with other bytes, first at E/record/7" in shown
    assert "camera Camera bị che" in shown
    assert not any(counter.is_well for counter in fleet.rows())
