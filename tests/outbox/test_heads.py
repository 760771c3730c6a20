"""Chain heads in a line that fits a QR code and reads back."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.event import EventType, Lane
from agent.outbox.heads import Head, heads_of, read_heads, spell
from tests.outbox.conftest import fact, outbox_at

HASH = "Ab3_-" * 8 + "xyz"


def test_the_heads_of_an_outbox_read_back_and_lanes_without_events_have_none(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 9, 1, tzinfo=UTC))
    with closing(outbox_at(tmp_path / "outbox.db", clock)) as outbox:
        outbox.append(fact(clock), fact(clock), fact(clock, kind=EventType.ALERT))
        marks = outbox.marks()
        heads = heads_of("na-0123", marks)
        assert [(head.lane, head.seq, head.hash) for head in heads] == [
            ("alert", 1, marks[Lane.ALERT].head),
            ("record", 2, marks[Lane.RECORD].head),
        ]
        line = spell("na-0123", outbox.epoch, heads)
    assert read_heads(line) == heads
    assert len(line) < 250, "it fits a QR code that a phone reads from a photograph"


def test_a_line_with_other_white_space_reads_alike() -> None:
    assert read_heads(f"  MOTCUA1 na-0123\n01J6X  record:4:{HASH} \n") == [
        Head("na-0123", "01J6X", "record", 4, HASH),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "MOTCUA1",
        "MOTCUA1 na-0123",
        f"MOTCUA2 na-0123 01J6X record:4:{HASH}",
        f"MOTCUA1 na-0123 01J6X record:0:{HASH}",
        f"MOTCUA1 na-0123 01J6X other:4:{HASH}",
        f"MOTCUA1 na-0123 01J6X record:4:{HASH}x",
        "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/7K3M9QX2",
    ],
)
def test_what_is_no_such_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="MOTCUA1"):
        read_heads(line)
