"""Time, injected: the wall, the monotonic clock, and how far the wall may be believed.

No rule reads the time by itself; it is handed a `Clock` or a moment. Wall times are aware datetimes in
the counter's zone and never order anything; order comes from sequence numbers.

A box without a battery-backed clock starts in 1970, or where it was switched off, and is set right when
it first hears the network. What it wrote before stays as it was written and is corrected by whoever reads
it. That needs one figure beside each time: `booted`, when this boot began *by the same clock*. It changes
only when somebody sets the clock, and `at - booted` is how long after the boot's beginning something
happened, whatever the clock said. Once any clock with a right `booted` of that boot is known, everything
that happened in it is at that `booted + (at - booted)`. No order among events is needed for this, no memory
of how often the clock was set, and it survives a restart of the agent.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from threading import Lock
from typing import Protocol

from agent.kernel import Kernel

BUILT = datetime(2026, 7, 1, tzinfo=UTC)
"""Before this version was made: no wall clock that is right shows an earlier date."""
STEP = timedelta(seconds=2)
"""A clock that was set by more than this has jumped."""
HOLDS = timedelta(seconds=0.5)
"""Who vouched for a setting of the clock does not vouch for one that is further away."""
UNNOTICED = timedelta(seconds=0.1)
"""`booted` follows the clock no finer than this, so that it stands still while nobody sets the clock."""
BATTERY_DRIFT_S = 60.0
"""How far a hardware clock may have drifted from the wall clock that it set at boot."""


class ClockQuality(StrEnum):
    """Why the wall clock may be believed, best first."""

    NTP = "ntp"
    """Synchronised over the network since boot, and not set otherwise afterwards."""
    RTC = "rtc"
    """Taken from a battery-backed clock at boot, and not set otherwise afterwards."""
    FLOOR = "floor"
    """Not earlier than the last time this box saw; otherwise unknown."""
    NONE = "none"
    """Nothing vouches for it."""

    __hash__ = str.__hash__  # as its word's, and in C: an enum's own is written in Python

    @property
    def is_trusted(self) -> bool:
        return self in (ClockQuality.NTP, ClockQuality.RTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the wall clock, with what is needed to correct it later."""

    at: datetime
    """Aware, in the counter's zone."""
    quality: ClockQuality
    booted: datetime
    """When this boot began, by the clock that said `at`; aware."""

    @property
    def age(self) -> timedelta:
        """How long after the boot's beginning this is: the same whatever the wall clock says."""
        return self.at - self.booted

    def before(self, seconds: float) -> "Moment":
        """The moment so many seconds earlier, by the same clock."""
        return replace(self, at=self.at - timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class LastSeen:
    """What an earlier life of this box knew of the time when it was last seen alive."""

    boot: str
    moment: Moment
    floor: datetime


class Clock(Protocol):
    """What a room may know of time."""

    @property
    def boot(self) -> str:
        """Identifies this boot of the machine: 12 hexadecimal digits."""

    @property
    def floor(self) -> datetime:
        """The last time this box saw, or `BUILT` before it saw any; no wall clock that is right is before it."""

    def read(self) -> Moment:
        """The wall clock and how far it may be believed, as one: what an event carries."""

    def now(self) -> datetime:
        """The wall clock, aware, in the counter's zone."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""

    def quality(self) -> ClockQuality:
        """How far `now` may be believed."""


class SystemClock:
    """The machine's own clock. Any thread may ask.

    Somebody *vouches* for the present setting of the clock, that is for one `booted`: the kernel while a
    time service disciplines it, timesyncd at every touch of its file, a hardware clock at boot. The vouching
    lasts while `booted` stays where it was; a clock that is set by hand loses it. What an earlier life of
    the agent in the same boot knew is believed before evidence that may be older than the last step.
    """

    def __init__(self, zone: tzinfo, last: LastSeen | None = None, *, kernel: Kernel | None = None) -> None:
        self._zone = zone
        self._kernel = kernel or Kernel()
        self._lock = Lock()
        self._vouched: tuple[ClockQuality, datetime] | None = None
        self._booted: datetime | None = None
        self._has_floor = last is not None
        self._floor = max(last.floor, BUILT) if last is not None else BUILT
        self._synchronisation: int | None = None
        self._is_first = True
        if last is not None and last.boot == self.boot:
            self._synchronisation = self._kernel.last_synchronisation()
            self._is_first = False
            if last.moment.quality.is_trusted:
                self._vouched = (last.moment.quality, last.moment.booted)

    @property
    def boot(self) -> str:
        return self._kernel.boot

    @property
    def floor(self) -> datetime:
        return self._floor

    def now(self) -> datetime:
        return self.read().at

    def monotonic(self) -> float:
        return self._kernel.monotonic()

    def quality(self) -> ClockQuality:
        return self.read().quality

    def read(self) -> Moment:
        with self._lock:
            # Asked before and after: a step between the two answers never makes an unsure time a sure one.
            was_synchronised = self._kernel.is_synchronised()
            wall_s, age_s = self._kernel.wall_and_age()
            is_synchronised = was_synchronised and self._kernel.is_synchronised()
            at = datetime.fromtimestamp(wall_s, self._zone)
            booted = at.astimezone(UTC) - timedelta(seconds=age_s)
            if self._booted is not None and abs(booted - self._booted) <= UNNOTICED:
                booted = self._booted
            self._booted = booted
            self._look_for_vouchers(wall_s, booted, is_synchronised=bool(is_synchronised))
            return Moment(at, self._judge(at, booted), booted)

    def _look_for_vouchers(self, wall_s: float, booted: datetime, *, is_synchronised: bool) -> None:
        is_first, self._is_first = self._is_first, False
        before, self._synchronisation = self._synchronisation, self._kernel.last_synchronisation()
        if is_synchronised or (self._synchronisation is not None and self._synchronisation != before):
            self._vouched = (ClockQuality.NTP, booted)
        elif is_first:
            battery_s = self._kernel.hardware_clock()
            if (
                battery_s is not None
                and battery_s >= self._floor.timestamp()
                and abs(battery_s - wall_s) <= BATTERY_DRIFT_S
            ):
                self._vouched = (ClockQuality.RTC, booted)

    def _judge(self, at: datetime, booted: datetime) -> ClockQuality:
        if self._vouched is not None and abs(self._vouched[1] - booted) <= HOLDS:
            self._floor, self._has_floor = max(at.astimezone(UTC), BUILT), True
            return self._vouched[0]
        if at < self._floor:
            return ClockQuality.NONE
        self._floor = at.astimezone(UTC)
        return ClockQuality.FLOOR if self._has_floor else ClockQuality.NONE


class ManualClock:
    """A clock that is moved, never slept on: for tests and simulations."""

    def __init__(
        self, start: datetime, *, boot: str = "0123456789ab", quality: ClockQuality = ClockQuality.NTP
    ) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._booted = start.astimezone(UTC) - timedelta(seconds=self._monotonic)
        self._quality = quality
        self.boot = boot
        self.floor = BUILT

    def read(self) -> Moment:
        return Moment(self._now, self._quality, self._booted)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def quality(self) -> ClockQuality:
        return self._quality

    def advance(self, seconds: float) -> None:
        """Let time pass: both clocks move."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: the wall clock goes on, the monotonic clock stands still."""
        self._now += timedelta(seconds=seconds)

    def set_wall(self, moment: datetime, quality: ClockQuality | None = None) -> None:
        """Step the wall clock; the monotonic clock does not notice."""
        self._booted += moment.astimezone(UTC) - self._now.astimezone(UTC)
        self._now = moment
        if quality is not None:
            self._quality = quality
