"""The sign at the door: what a press carries, and what a restart finds."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.rating.inspection.modes import Mode, ModeKind
from agent.rating.inspection.sign import Sign, read_mode
from agent.rating.record import Flag

MORNING = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


class Door:
    """A sign, its clock and its file."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(MORNING)
        self.path = folder / "state" / "mode.json"
        self.sign = Sign(self.path, self.clock, None)

    def restart(self) -> None:
        self.sign = Sign(self.path, self.clock, read_mode(self.path))

    def flag(self) -> Flag | None:
        return self.sign.flag_at(self.clock.monotonic())


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_presses_carry_the_flag_from_its_beginning_to_its_end(door: Door) -> None:
    assert door.flag() is None
    door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=60)
    assert door.flag() is Flag.TRAINING
    door.clock.advance(59)
    assert door.flag() is Flag.TRAINING
    door.clock.advance(1)
    assert door.flag() is None


def test_a_press_that_waited_is_judged_by_the_moment_it_was_made(door: Door) -> None:
    before = door.clock.monotonic()
    door.clock.advance(1)
    door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=60)
    assert door.sign.flag_at(before) is None
    inside = door.clock.monotonic() + 59
    door.clock.advance(90)
    assert door.sign.flag_at(inside) is Flag.TRAINING
    assert door.flag() is None


def test_one_that_is_ended_early_is_over_at_once_and_flags_what_was_pressed_before(door: Door) -> None:
    door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=3600)
    door.clock.advance(10)
    inside = door.clock.monotonic() - 1
    door.sign.end(ModeKind.INSPECTION)
    assert door.flag() is Flag.TRAINING
    door.sign.end(ModeKind.TRAINING)
    assert door.flag() is None
    assert door.sign.flag_at(inside) is Flag.TRAINING
    door.restart()
    assert door.flag() is None


def test_a_restart_of_the_agent_goes_on_with_it_and_does_not_prolong_it(door: Door) -> None:
    door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=60)
    door.clock.advance(40)
    door.restart()
    assert door.flag() is Flag.TRAINING
    assert door.sign.left_s == pytest.approx(20)
    door.clock.set_wall(MORNING.replace(year=2020))
    assert door.flag() is Flag.TRAINING
    door.clock.advance(20)
    door.restart()
    assert door.flag() is None
    assert door.sign.mode is not None, "its end is still to be told"


def test_what_was_told_is_forgotten_for_good(door: Door) -> None:
    mode = door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=60)
    later = door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=90)
    door.sign.take_down(mode)
    assert door.sign.mode == later
    door.sign.take_down(later)
    assert not door.path.exists()
    door.restart()
    assert door.sign.mode is None


def test_an_inspection_ends_a_training_and_is_not_interrupted(door: Door) -> None:
    door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=3600)
    door.sign.hang(ModeKind.INSPECTION, by="Đoàn 3", lasts_s=600)
    assert door.flag() is Flag.INSPECTION
    with pytest.raises(TryAgain, match="another 600 s"):
        door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=3600)
    door.clock.advance(600)
    assert door.flag() is None


@pytest.mark.parametrize(("kind", "lasts_s"), [("training", 8 * 3600 + 1), ("inspection", 1801), ("training", 0)])
def test_none_lasts_longer_than_its_kind_may(door: Door, kind: str, lasts_s: float) -> None:
    with pytest.raises(ValueError, match="at most"):
        door.sign.hang(ModeKind(kind), by="PV01", lasts_s=lasts_s)
    assert door.flag() is None


def test_one_that_cannot_be_kept_does_not_begin(door: Door) -> None:
    door.path.parent.write_text("not a folder")
    with pytest.raises(TryAgain, match="cannot be written"):
        door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=60)
    assert door.flag() is None


def test_a_file_that_is_no_mode_counts_as_none(door: Door) -> None:
    door.path.parent.mkdir()
    door.path.write_bytes(b'{"mode": "training"')
    assert read_mode(door.path) is None
    assert isinstance(door.sign.hang(ModeKind.TRAINING, by="PV01", lasts_s=60), Mode)
