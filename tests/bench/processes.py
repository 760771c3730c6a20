"""What a process costs, asked from outside: CPU seconds and resident memory."""

import time
from pathlib import Path


def cpu_s(pid: int) -> float:
    """CPU time of a process and all its threads so far, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


def rss_mib(pid: int | str) -> float:
    """Resident memory, shared pages included: what `ps` shows."""
    return _of(pid, "VmRSS")


def peak_mib(pid: int | str) -> float:
    return _of(pid, "VmHWM")


def _of(pid: int | str, key: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == key:
            return int(rest.split()[0]) / 1024
    raise ProcessLookupError(f"{pid} has no {key}")
