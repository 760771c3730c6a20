"""What is put on the line: batches made while those before them travel, of what is in the outbox."""

from pathlib import Path

import pytest

from agent.event import Lane, Stream
from agent.uplink.batch import unpack
from agent.uplink.cargo import Cargo, Loader
from agent.uplink.dispatch import Parcel
from tests.uplink.at_the_broker import Box, box


def batch(box: Box, first: int, last: int) -> Parcel:
    return Parcel(Stream(box.outbox.epoch, Lane.RECORD), first, last, is_live=False, is_batch=True)


def numbers(cargo: Cargo | None) -> list[int]:
    assert cargo is not None
    return [element.said["seq"] for element in unpack(cargo.payload)]


def test_a_batch_made_ahead_is_the_one_that_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with box(tmp_path) as counter:
        counter.press(90)
        loader = Loader(counter.outbox, counter.topics)
        coming = [batch(counter, 1, 30), batch(counter, 31, 60)]
        at_once = [loader.load(parcel) for parcel in coming]
        assert [loader.prepare(coming) for _ in range(3)] == [True, True, False]
        monkeypatch.setattr(counter.outbox, "read", None)  # nobody waits for the disk any more
        assert [loader.load(parcel) for parcel in coming] == at_once
        assert numbers(at_once[1]) == list(range(31, 61))


def test_what_was_made_ahead_and_does_not_come_is_forgotten(tmp_path: Path) -> None:
    """The broker turned out to take only small packets, or the province has it meanwhile."""
    with box(tmp_path) as counter:
        counter.press(60)
        loader = Loader(counter.outbox, counter.topics)
        assert loader.prepare([batch(counter, 1, 60)])
        assert loader.prepare([batch(counter, 1, 30)])
        assert loader.prepare([batch(counter, 1, 60)]), "it would have to be made again"
        assert numbers(loader.load(batch(counter, 31, 60))) == list(range(31, 61))
