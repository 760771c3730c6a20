"""Votes add up: what was cast was released or is held, and one nonce is one vote."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.event import Lane
from agent.province.arrival import read_event
from agent.province.store import ProvinceStore, ProvinceView
from agent.uplink.payload import LaneMark, Watermark

AGENT, EPOCH = "na-0123", "01J6X"
NOW = datetime(2026, 9, 1, 8, 15, tzinfo=UTC)


class Office:
    """A province's store, and a counter's words to it."""

    def __init__(self, folder: Path) -> None:
        self.store = ProvinceStore(folder / "province.db")
        self.view = ProvinceView(folder / "province.db")
        self.said = 0

    def event(self, seq: int, *, nonce: str | None = None, kind: str = "rating", epoch: str = EPOCH) -> None:
        body = {
            "source": f"/motcua/40/{AGENT}",
            "type": f"vn.motcua.{kind}.v1",
            "time": NOW.isoformat(),
            "epoch": epoch,
            "lane": "record",
            "seq": seq,
            "data": {"level": 3, "nonce": nonce} if nonce else {"level": 3},
        }
        self.store.store([read_event(AGENT, json.dumps(body).encode())], at=NOW)

    def gap(self, first: int, last: int) -> None:
        body = {
            "source": f"/motcua/40/{AGENT}",
            "type": "vn.motcua.gap.v1",
            "time": NOW.isoformat(),
            "epoch": EPOCH,
            "lane": "alert",
            "seq": 1,
            "data": {"lane": "record", "epoch": EPOCH, "ranges": [[first, last]]},
        }
        self.store.store([read_event(AGENT, json.dumps(body).encode())], at=NOW)

    def watermark(self, last: int, *, held: int, cast: int | None, late_s: float | None = None) -> None:
        self.said += 60
        at = NOW + timedelta(seconds=self.said if late_s is None else late_s)
        mark = LaneMark(epoch=EPOCH, first=1, last=last, head="", acked=0, pending=0, lost=0)
        said = Watermark(at=at, lanes={Lane.RECORD: mark}, held=held, cast=cast)
        self.store.take_watermark(AGENT, said, at=at)

    @property
    def found(self) -> list[str]:
        return self.view.astray().get(AGENT, [])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with closing(made.store):
        yield made


def test_votes_that_were_released_or_are_held_add_up(office: Office) -> None:
    office.watermark(0, held=2, cast=2)
    office.watermark(0, held=3, cast=3)
    for seq in (1, 2, 3):
        office.event(seq)
    office.watermark(3, held=0, cast=3)
    office.event(4, kind="inspection")
    office.watermark(4, held=1, cast=4)
    assert office.found == []


def test_a_vote_that_vanishes_from_the_box_is_seen(office: Office) -> None:
    office.watermark(0, held=3, cast=3)
    office.watermark(0, held=2, cast=3)
    assert office.found == ["3 votes were cast, 0 released and 2 are held"]


def test_a_count_that_is_put_right_behind_it_is_seen_as_well(office: Office) -> None:
    office.watermark(0, held=3, cast=3)
    office.watermark(0, held=2, cast=2)
    assert office.found == ["3 votes were cast, then 2"]


def test_a_vote_put_into_the_lane_beside_the_count_is_seen(office: Office) -> None:
    office.event(1)
    office.event(2)
    office.watermark(2, held=0, cast=1)
    assert office.found == ["1 votes were cast, 2 released and 0 are held"]


def test_while_events_are_on_their_way_nothing_is_held_against_the_counter(office: Office) -> None:
    office.event(2)
    office.watermark(2, held=0, cast=2)
    assert office.found == []
    office.event(1)
    office.watermark(2, held=0, cast=2)
    assert office.found == []


def test_what_was_declared_dropped_is_accounted_for(office: Office) -> None:
    office.event(3)
    office.gap(1, 2)
    office.watermark(3, held=0, cast=3)
    assert office.found == []
    office.watermark(3, held=0, cast=4)
    assert office.found == ["4 votes were cast, 1 released and 0 are held"]


def test_a_watermark_that_the_broker_repeats_says_nothing_new(office: Office) -> None:
    office.watermark(0, held=1, cast=1)
    office.watermark(0, held=2, cast=2)
    office.watermark(0, held=1, cast=1, late_s=60)
    assert office.found == []


def test_a_counter_of_an_older_version_is_not_judged(office: Office) -> None:
    office.watermark(5, held=0, cast=None)
    assert office.found == []


def test_a_vote_that_comes_out_of_a_restored_copy_is_told_and_known_by_its_nonce(office: Office) -> None:
    office.event(1, nonce="N" * 22)
    office.event(1, nonce="M" * 22, epoch="01J6Y")
    assert office.found == []
    office.event(2, nonce="N" * 22, epoch="01J6Y")
    assert office.found == ["vote 2 came before, from another database"]


def test_the_same_event_again_is_no_second_vote(office: Office) -> None:
    office.event(1, nonce="N" * 22)
    office.event(1, nonce="N" * 22)
    assert office.found == []


def test_a_receiver_that_was_restarted_goes_on_adding(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.event(1)
    office.watermark(1, held=1, cast=2)
    office.store.close()
    said, office = office.said, Office(tmp_path)
    office.said = said
    with closing(office.store):
        office.watermark(1, held=0, cast=1)
        assert office.found == ["2 votes were cast, then 1"]
