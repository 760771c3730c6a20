"""How far the wall clock may be believed, on a machine whose clocks are moved by hand."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.clock import BUILT, ClockQuality, LastSeen, ManualClock, Moment, SystemClock
from agent.kernel import Kernel
from tests.moved_kernel import MovedKernel

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TODAY = datetime(2026, 9, 1, 8, 0, tzinfo=ZONE)
TODAY_S = TODAY.timestamp()
NTP, RTC, FLOOR, NONE = ClockQuality


def seen(quality: ClockQuality, *, boot: str = "an0therb00t0", at: datetime = TODAY, age_s: float = 100) -> LastSeen:
    return LastSeen(boot, Moment(at, quality, at.astimezone(UTC) - timedelta(seconds=age_s)), at)


def clock(kernel: MovedKernel, last: LastSeen | None = None) -> SystemClock:
    return SystemClock(ZONE, last, kernel=kernel)


def test_the_machines_own_clock_can_be_read() -> None:
    own = SystemClock(ZONE)
    moment = own.read()
    assert own.boot == Kernel().boot
    assert moment.at.tzinfo is ZONE
    assert moment.booted < moment.at
    assert abs((own.read().age - moment.age).total_seconds()) < 5


def test_in_1970_nothing_vouches_for_the_clock() -> None:
    assert clock(MovedKernel()).quality() is NONE
    assert clock(MovedKernel(), seen(NTP)).quality() is NONE


def test_a_plausible_date_on_a_box_that_remembers_nothing_is_no_floor() -> None:
    assert clock(MovedKernel(wall_s=TODAY_S)).quality() is NONE


def test_a_clock_not_before_the_last_time_seen_stands_on_that_floor() -> None:
    assert clock(MovedKernel(wall_s=TODAY_S), seen(NTP)).quality() is FLOOR
    assert clock(MovedKernel(wall_s=TODAY_S - 1), seen(NTP)).quality() is NONE


def test_a_floor_from_before_this_software_was_built_is_lifted_to_its_making() -> None:
    last = seen(NONE, at=datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    assert clock(MovedKernel(wall_s=3600), last).quality() is NONE
    assert clock(MovedKernel(wall_s=3600), last).floor == BUILT
    assert clock(MovedKernel(wall_s=BUILT.timestamp() + 1), last).quality() is FLOOR


def test_the_floor_rises_with_the_clock_so_that_an_hour_turned_back_is_below_it() -> None:
    kernel = MovedKernel(wall_s=TODAY_S)
    ours = clock(kernel, seen(NTP))
    kernel.pass_time(86400)
    assert ours.quality() is FLOOR
    kernel.step(-3600)
    assert ours.quality() is NONE
    kernel.pass_time(3600)
    assert ours.quality() is FLOOR


def test_a_floor_from_the_future_falls_when_the_network_speaks() -> None:
    kernel = MovedKernel(wall_s=TODAY_S)
    ours = clock(kernel, seen(FLOOR, at=TODAY + timedelta(days=9000)))
    assert ours.quality() is NONE
    kernel.hear_network(TODAY_S)
    assert ours.quality() is NTP
    assert ours.floor == TODAY


def test_the_network_sets_the_clock_by_56_years() -> None:
    kernel = MovedKernel()
    ours = clock(kernel)
    before = ours.read()
    kernel.pass_time(10)
    kernel.hear_network(TODAY_S)
    after = ours.read()
    assert (before.quality, after.quality) == (NONE, NTP)
    assert after.at == TODAY
    assert after.age - before.age == timedelta(seconds=10)


def test_trust_outlasts_the_network_but_not_a_hand_on_the_clock() -> None:
    kernel = MovedKernel()
    ours = clock(kernel)
    kernel.hear_network(TODAY_S)
    assert ours.quality() is NTP
    kernel.synchronised = False  # as the kernel says after half a day without a network
    kernel.pass_time(20 * 3600)
    assert ours.quality() is NTP
    kernel.step(-3600)
    assert ours.quality() is NONE
    kernel.step(7200)
    assert ours.quality() is FLOOR
    kernel.hear_network(TODAY_S + 20 * 3600)
    assert ours.quality() is NTP


def test_a_suspend_is_no_step() -> None:
    kernel = MovedKernel(wall_s=TODAY_S, synchronised=True)
    ours = clock(kernel)
    before = ours.read()
    kernel.synchronised = False
    kernel.suspend(8 * 3600)
    after = ours.read()
    assert after.booted == before.booted
    assert after.quality is NTP
    assert ours.monotonic() == kernel.age_s - 8 * 3600


def test_timesyncds_file_vouches_where_the_kernel_may_not_be_asked() -> None:
    kernel = MovedKernel(synchronised=None)
    ours = clock(kernel)
    assert ours.quality() is NONE
    kernel.wall_s, kernel.synchronisation = TODAY_S, 1
    assert ours.quality() is NTP
    kernel.step(-3600)
    assert ours.quality() is NONE
    kernel.wall_s, kernel.synchronisation = TODAY_S + 5, 2
    assert ours.quality() is NTP


def test_a_restart_of_the_agent_does_not_believe_an_old_file_about_a_clock_set_since() -> None:
    kernel = MovedKernel(wall_s=TODAY_S - 3600, synchronisation=1)
    assert clock(kernel, seen(NONE, boot=kernel.boot)).quality() is NONE
    booted = TODAY_S - kernel.age_s
    at = datetime.fromtimestamp(booted + kernel.age_s, ZONE)
    assert clock(kernel, seen(NTP, boot=kernel.boot, at=at, age_s=kernel.age_s)).quality() is NONE


def test_a_restart_of_the_agent_keeps_the_trust_of_this_boot() -> None:
    kernel = MovedKernel(wall_s=TODAY_S, age_s=1000)
    last = seen(NTP, boot=kernel.boot, at=TODAY - timedelta(seconds=60), age_s=940)
    assert clock(kernel, last).quality() is NTP
    assert clock(kernel, seen(NTP, at=TODAY - timedelta(seconds=60), age_s=940)).quality() is FLOOR


def test_a_battery_that_gave_the_time_at_boot_is_trusted_until_somebody_sets_the_clock() -> None:
    kernel = MovedKernel(wall_s=TODAY_S, battery_s=TODAY_S + 1)
    ours = clock(kernel)
    assert ours.quality() is RTC
    kernel.pass_time(10**6)
    assert ours.quality() is RTC
    kernel.step(600)
    assert ours.quality() is FLOOR
    kernel.hear_network(TODAY_S + 10**6)
    assert ours.quality() is NTP


@pytest.mark.parametrize(
    ("battery", "why"),
    [
        (datetime(2001, 1, 1, tzinfo=UTC), "an empty battery; the wall clock comes from somewhere else"),
        (TODAY - timedelta(days=1), "the wall clock was moved since"),
        (None, "there is none"),
    ],
)
def test_a_battery_that_says_something_else_than_the_wall_is_not_trusted(battery: datetime | None, why: str) -> None:
    kernel = MovedKernel(wall_s=TODAY_S, battery_s=battery.timestamp() if battery is not None else None)
    assert clock(kernel).quality() is NONE, why


def test_a_battery_from_before_the_last_time_seen_is_not_trusted() -> None:
    kernel = MovedKernel(wall_s=TODAY_S - 86400, battery_s=TODAY_S - 86400)
    assert clock(kernel, seen(NTP)).quality() is NONE
    old = BUILT.timestamp() - 86400
    assert clock(MovedKernel(wall_s=old, battery_s=old)).quality() is NONE


def test_a_step_between_two_answers_never_makes_an_unsure_time_a_sure_one() -> None:
    class Stepping(MovedKernel):
        """The network is heard just after the wall clock was read, and just before the kernel is asked again."""

        def wall_and_age(self) -> tuple[float, float]:
            read = super().wall_and_age()
            self.hear_network(TODAY_S)
            return read

    ours = clock(Stepping())
    first = ours.read()
    assert (first.at.year, first.quality) == (1970, NONE)
    assert ours.read().quality is NTP


def test_small_corrections_leave_booted_where_it_is() -> None:
    kernel = MovedKernel(wall_s=TODAY_S, synchronised=True)
    ours = clock(kernel)
    before = ours.read().booted
    kernel.wall_s += 0.05
    assert ours.read().booted == before


def test_1970_in_vietnam_was_an_hour_ahead_and_the_difference_is_still_right() -> None:
    manual = ManualClock(datetime(1970, 1, 1, tzinfo=UTC).astimezone(ZONE), quality=NONE)
    before = manual.read()
    assert before.at.utcoffset() == timedelta(hours=8)
    manual.set_wall(TODAY, NTP)
    after = manual.read()
    assert after.age == before.age
    assert (after.booted - before.booted).total_seconds() == TODAY_S


def test_a_clock_moved_by_hand_sleeps_like_a_machine() -> None:
    manual = ManualClock(TODAY)
    before, monotonic = manual.read(), manual.monotonic()
    manual.suspend(3600)
    assert manual.read().booted == before.booted
    assert manual.monotonic() == monotonic


def test_a_moment_earlier_is_on_the_same_clock() -> None:
    moment = ManualClock(TODAY).read()
    assert moment.before(5).at == TODAY - timedelta(seconds=5)
    assert moment.before(5).booted == moment.booted
