"""What is put on the line is what is in the outbox."""

from pathlib import Path

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


def test_a_batch_carries_its_rows_and_none_that_left_meanwhile(tmp_path: Path) -> None:
    with box(tmp_path) as counter:
        counter.press(90)
        loader = Loader(counter.outbox, counter.topics)
        assert numbers(loader.load(batch(counter, 31, 60))) == list(range(31, 61))
        assert numbers(loader.load(batch(counter, 81, 120))) == list(range(81, 91))
        assert loader.load(batch(counter, 91, 120)) is None
