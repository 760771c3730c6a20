"""The kernel's clocks as this machine has them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent import kernel
from agent.kernel import Kernel, boot_id


def test_a_boot_has_twelve_hexadecimal_digits(tmp_path: Path) -> None:
    path = tmp_path / "boot_id"
    path.write_text("9f2c1a3b-4d5e-6f70-8192-a3b4c5d6e7f8\n")
    assert boot_id(path) == "9f2c1a3b4d5e"
    assert len(Kernel().boot) == 12
    assert Kernel().boot == Kernel().boot


def test_the_wall_and_the_age_are_read_as_one() -> None:
    machine = Kernel()
    differences = [wall - age for wall, age in (machine.wall_and_age() for _ in range(200))]
    assert max(differences) - min(differences) < 0.1
    assert abs(machine.wall_and_age()[0] - time.time()) < 2
    assert machine.wall_and_age()[1] > 0


def test_the_kernel_says_whether_it_is_synchronised() -> None:
    assert Kernel().is_synchronised() in (True, False, None)


@pytest.mark.parametrize(
    ("state", "status", "expected"), [(0, 0, True), (0, 0x2001, True), (0, 0x40, False), (5, 0, False), (-1, 0, None)]
)
def test_a_clock_is_synchronised_when_nothing_of_the_answer_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, expected: bool | None
) -> None:
    class Libc:
        def adjtimex(self, reference: object) -> int:
            reference._obj.status = status  # type: ignore[attr-defined] # what ctypes.byref points to
            return state

    machine = Kernel()
    monkeypatch.setattr(machine, "_libc", Libc())
    assert machine.is_synchronised() is expected


def test_every_touch_of_timesyncds_file_is_another_synchronisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "synchronized"
    monkeypatch.setattr(kernel, "SYNCHRONISED", file)
    machine = Kernel()
    assert machine.last_synchronisation() is None
    file.touch()
    first = machine.last_synchronisation()
    assert first is not None
    assert machine.last_synchronisation() == first
    os.utime(file, ns=(1, 1))
    assert machine.last_synchronisation() == 1


def hardware_clock(folder: Path, *, gave_time: str, says: str) -> None:
    folder.mkdir(parents=True)
    (folder / "hctosys").write_text(gave_time)
    (folder / "since_epoch").write_text(says)


def test_only_the_hardware_clock_that_gave_the_time_at_boot_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "HARDWARE_CLOCKS", tmp_path)
    machine = Kernel()
    assert machine.hardware_clock() is None
    hardware_clock(tmp_path / "rtc0", gave_time="0\n", says="7\n")
    (tmp_path / "rtc1").mkdir()
    assert machine.hardware_clock() is None
    hardware_clock(tmp_path / "rtc2", gave_time="1\n", says="1788224400\n")
    assert machine.hardware_clock() == 1788224400.0


def test_a_process_that_may_not_map_executable_memory_can_read_the_clock() -> None:
    """The unit has MemoryDenyWriteExecute=; PR_SET_MDWE is what it comes to."""
    program = (
        "import ctypes; libc = ctypes.CDLL(None); print(libc.prctl(65, 1, 0, 0, 0));"
        "from agent.kernel import Kernel; Kernel().is_synchronised(); Kernel().wall_and_age()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
