"""What a process costs, asked from outside: CPU seconds and resident memory."""

import time
from contextlib import suppress
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


def family(pid: int) -> list[int]:
    """A process and all that descend from it, the oldest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended while we looked
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def load_of(pid: int, seconds: float) -> dict[int, float]:
    """What a process and its descendants use of a processor: CPU seconds a second, over *seconds* from now."""
    before, began = {each: cpu_s(each) for each in family(pid)}, time.monotonic()
    time.sleep(seconds)
    after, took_s = {each: cpu_s(each) for each in family(pid)}, time.monotonic() - began
    return {each: (used - before.get(each, 0.0)) / took_s for each, used in after.items()}


def pss_mib(pid: int) -> float:
    """Resident memory, of each shared page only the process's share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"{pid} has no shares")
