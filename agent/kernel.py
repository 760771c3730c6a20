"""What the kernel knows of time: the wall, the age of this boot, and whether somebody vouches for the wall.

The one door to the machine's clocks; nothing is judged here (`agent.clock` does). Every reading is a few
microseconds, needs no privilege and never raises: what cannot be read is None.
"""

import ctypes
import time
from pathlib import Path

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches this file at every synchronisation (systemd-timesyncd.service(8))."""
HARDWARE_CLOCKS = Path("/sys/class/rtc")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

STA_UNSYNC = 0x40
TIME_ERROR = 5
"""timex.h: nobody disciplines the clock, or it was set by hand since."""
TRIES = 5
CLOSE_S = 0.001


def boot_id(path: Path = BOOT_ID) -> str:
    """The kernel's boot id, shortened to 12 hexadecimal digits."""
    return path.read_text().strip().replace("-", "")[:12]


class _Timex(ctypes.Structure):
    """The head of `struct timex` on 64-bit machines; the kernel fills the rest too."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class Kernel:
    """The running machine."""

    def __init__(self) -> None:
        self.boot = boot_id()
        self._libc = ctypes.CDLL(None)

    def monotonic(self) -> float:
        """Seconds that never run backwards; they stand still while the machine is suspended."""
        return time.monotonic()

    def wall_and_age(self) -> tuple[float, float]:
        """The wall clock and how long ago this boot began, suspends included, read as one; in seconds.

        Their difference changes only when somebody sets the clock: corrections by slewing move both.
        """
        best = float("inf")
        wall = age = 0.0
        for _ in range(TRIES):
            before = time.clock_gettime(time.CLOCK_BOOTTIME)
            wall_now = time.clock_gettime(time.CLOCK_REALTIME)
            took = time.clock_gettime(time.CLOCK_BOOTTIME) - before
            if took < best:
                best, wall, age = took, wall_now, before + took / 2
            if best < CLOSE_S:
                break
        return wall, age

    def is_synchronised(self) -> bool | None:
        """Whether a time service (timesyncd, chrony, ntpd) disciplines the clock; None where asking is forbidden."""
        timex = _Timex()
        state = self._libc.adjtimex(ctypes.byref(timex))
        if state < 0:
            return None
        return state != TIME_ERROR and not timex.status & STA_UNSYNC

    def last_synchronisation(self) -> int | None:
        """A number that changes at every synchronisation by systemd-timesyncd; None before the first of this boot."""
        try:
            return SYNCHRONISED.stat().st_mtime_ns
        except OSError:
            return None

    def hardware_clock(self) -> float | None:
        """What the hardware clock that gave the time at boot says now, in seconds since 1970; None without one."""
        for device in sorted(HARDWARE_CLOCKS.glob("rtc*")):
            try:
                if (device / "hctosys").read_text().strip() == "1":
                    return float((device / "since_epoch").read_text())
            except (OSError, ValueError):
                continue
        return None
