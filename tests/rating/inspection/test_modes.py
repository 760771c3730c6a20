"""A mode has an end, whatever happens to the clock; and nobody is kept from being counted by a doubt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import ClockQuality, ManualClock
from agent.rating.inspection.modes import Lease, Mode, ModeChange, ModeKind

MORNING = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
TRAINING_S = 3600.0


def granted(clock: ManualClock) -> Lease:
    return Lease("PV01", clock.boot, clock.read(), TRAINING_S)


def another_boot(at: datetime, quality: ClockQuality = ClockQuality.NTP) -> ManualClock:
    return ManualClock(at, boot="ba9876543210", quality=quality)


def left_s(lease: Lease, clock: ManualClock) -> float:
    return lease.left_s(clock.read(), clock.boot)


def test_it_ends_after_its_length() -> None:
    clock = ManualClock(MORNING)
    lease = granted(clock)
    clock.advance(3599)
    assert left_s(lease, clock) == pytest.approx(1)
    clock.advance(1)
    assert left_s(lease, clock) <= 0


@given(st.lists(st.timedeltas(timedelta(days=-9000), timedelta(days=9000)), max_size=20))
def test_within_a_boot_no_setting_of_the_clock_makes_it_longer_or_shorter(jumps: list[timedelta]) -> None:
    clock = ManualClock(MORNING)
    lease = granted(clock)
    for jump in jumps:
        clock.advance(100)
        clock.set_wall(MORNING + jump, ClockQuality.NONE)
    assert left_s(lease, clock) == pytest.approx(TRAINING_S - 100 * len(jumps))


def test_a_machine_that_slept_has_used_up_the_time() -> None:
    clock = ManualClock(MORNING)
    lease = granted(clock)
    clock.suspend(3600)
    assert left_s(lease, clock) <= 0


def test_over_a_restart_of_the_machine_it_goes_on_where_both_clocks_can_be_trusted() -> None:
    lease = granted(ManualClock(MORNING))
    assert left_s(lease, another_boot(MORNING + timedelta(minutes=20))) == pytest.approx(2400)
    assert left_s(lease, another_boot(MORNING + timedelta(hours=2))) <= 0


@pytest.mark.parametrize("quality", [ClockQuality.FLOOR, ClockQuality.NONE])
def test_over_a_restart_of_the_machine_it_is_over_where_nobody_can_say(quality: ClockQuality) -> None:
    assert left_s(granted(ManualClock(MORNING)), another_boot(MORNING, quality)) <= 0
    assert left_s(granted(ManualClock(MORNING, quality=quality)), another_boot(MORNING)) <= 0


def test_one_that_begins_in_the_future_is_over() -> None:
    assert left_s(granted(ManualClock(MORNING)), another_boot(MORNING - timedelta(days=1))) <= 0


@given(st.floats(0, 4000))
def test_what_is_cut_is_over_and_tells_how_long_it_lasted(after_s: float) -> None:
    clock = ManualClock(MORNING)
    lease = granted(clock)
    clock.advance(after_s)
    cut = lease.cut(clock.read(), clock.boot)
    assert left_s(cut, clock) <= 1e-3
    assert cut.lasts_s == pytest.approx(min(after_s, TRAINING_S), abs=1e-3)


def test_a_mode_reads_back_as_it_was_written() -> None:
    mode = Mode(ModeKind.TRAINING, granted(ManualClock(MORNING)))
    assert Mode.decode(mode.encode()) == mode


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"training"', b'"holiday"'),
        (b'"lasts_s": 3600.0', b'"lasts_s": 864000'),
        (b'"lasts_s": 3600.0', b'"lasts_s": -1'),
        (b"+00:00", b""),
        (b'"ntp"', b'"sundial"'),
        (b'"boot"', b'"boots"'),
        (b"}", b""),
    ],
    ids=str,
)
def test_what_is_no_mode_counts_as_none(old: bytes, new: bytes) -> None:
    body = Mode(ModeKind.TRAINING, granted(ManualClock(MORNING))).encode()
    assert old in body
    with pytest.raises(ValueError, match="not a mode"):
        Mode.decode(body.replace(old, new))


def test_every_mode_has_a_flag_and_an_hour_at_which_it_must_be_over() -> None:
    assert [(kind, kind.flag, kind.limit_s / 60) for kind in ModeKind] == [
        ("training", "training", 480),
        ("inspection", "inspection", 30),
    ]


def test_a_change_tells_who_asked_and_for_how_long() -> None:
    change = ModeChange.of("MODE_BEGAN", Mode(ModeKind.TRAINING, granted(ManualClock(MORNING))))
    assert change.payload() == {
        "code": "MODE_BEGAN",
        "mode": "training",
        "by": "PV01",
        "began": "2026-09-01T08:00:00.000Z",
        "lasts_s": 3600,
    }
