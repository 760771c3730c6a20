"""Time, injected: the wall, the monotonic clock, and how far the wall may be believed.

No rule reads the time by itself; it is handed a `Clock` or a moment. Wall times are aware
datetimes in the counter's zone and never order anything; order comes from sequence numbers.
"""

import time
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class ClockQuality(StrEnum):
    """Why the wall clock may be believed, best first."""

    NTP = "ntp"
    """Synchronised over the network since boot."""
    RTC = "rtc"
    """Taken from a battery-backed clock at boot."""
    FLOOR = "floor"
    """Not earlier than the last time this box saw; otherwise unknown."""
    NONE = "none"
    """Nothing vouches for it."""

    @property
    def is_trusted(self) -> bool:
        return self in (ClockQuality.NTP, ClockQuality.RTC)


class Clock(Protocol):
    """What a room may know of time."""

    @property
    def boot(self) -> str:
        """Identifies this boot of the machine: 12 hexadecimal digits."""

    def now(self) -> datetime:
        """The wall clock, aware, in the counter's zone."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""

    def quality(self) -> ClockQuality:
        """How far `now` may be believed."""


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """The kernel's boot id, shortened to 12 hexadecimal digits."""
    return path.read_text().strip().replace("-", "")[:12]


SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd creates this file at its first synchronisation after boot (systemd-timesyncd.service(8))."""
HARDWARE_CLOCKS = Path("/sys/class/rtc")


class SystemClock:
    """The machine's own clock."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.boot = boot_id()

    def now(self) -> datetime:
        return datetime.now(self._zone)

    def monotonic(self) -> float:
        return time.monotonic()

    def quality(self) -> ClockQuality:
        if SYNCHRONISED.exists():
            return ClockQuality.NTP
        if any(HARDWARE_CLOCKS.glob("rtc*")):
            return ClockQuality.RTC
        return ClockQuality.NONE


class ManualClock:
    """A clock that is moved, never slept on: for tests and simulations."""

    def __init__(
        self, start: datetime, *, boot: str = "0123456789ab", quality: ClockQuality = ClockQuality.NTP
    ) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._quality = quality
        self.boot = boot

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

    def set_wall(self, moment: datetime, quality: ClockQuality | None = None) -> None:
        """Step the wall clock; the monotonic clock does not notice."""
        self._now = moment
        if quality is not None:
            self._quality = quality
