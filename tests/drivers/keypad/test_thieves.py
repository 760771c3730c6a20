"""Who else uses the port: a small /proc, /sys and udev of the test's own, and this machine's."""

from pathlib import Path

import pytest

from drivers.keypad import thieves


@pytest.fixture
def process(tmp_path: Path) -> Path:
    folder = tmp_path / "proc/812"
    (folder / "fd").mkdir(parents=True)
    (folder / "comm").write_text("brltty\n")
    return folder


def test_a_program_with_the_device_open_is_named_by_name_and_number(tmp_path: Path, process: Path) -> None:
    (process / "fd/7").symlink_to("/dev/ttyUSB0")
    assert thieves.holders("/dev/ttyUSB0", root=tmp_path) == ["brltty (812)"]
    assert thieves.holders("/dev/ttyUSB1", root=tmp_path) == []


def test_a_program_with_a_lock_is_seen_even_where_processes_are_hidden(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    status = device.stat()
    place = f"{status.st_dev >> 8 & 0xFFF:02x}:{status.st_dev & 0xFF:02x}:{status.st_ino}"
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/locks").write_text(f"1: FLOCK  ADVISORY  WRITE 4711 {place} 0 EOF\n2: -> FLOCK nonsense\n")
    assert thieves.holders(str(device), root=tmp_path) == ["? (4711)"]


@pytest.mark.parametrize("folder", thieves.RULES)
def test_brltty_is_about_where_udev_starts_it_or_it_runs(tmp_path: Path, folder: str, process: Path) -> None:
    assert thieves.brltty_is_here(root=tmp_path)
    (process / "comm").write_text("sleep\n")
    assert not thieves.brltty_is_here(root=tmp_path)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "90-brltty-device.rules").touch()
    assert thieves.brltty_is_here(root=tmp_path)


def test_a_serial_chip_with_its_port_is_not_robbed(tmp_path: Path) -> None:
    for name, maker, port in (("1-1", "1a86", True), ("1-2", "10C4".lower(), False), ("1-3", "046d", False)):
        chip = tmp_path / "sys/bus/usb/devices" / name
        (chip / f"{name}:1.0").mkdir(parents=True)
        (chip / "idVendor").write_text(maker)
        (chip / "idProduct").write_text("ea60")
        if port:
            (chip / f"{name}:1.0" / "ttyUSB0").mkdir()
    assert thieves.portless_adapters(root=tmp_path) == ["10c4:ea60"]


def test_a_machine_that_shows_nothing_has_no_thieves(tmp_path: Path) -> None:
    assert thieves.holders("/dev/ttyUSB0", root=tmp_path) == []
    assert not thieves.brltty_is_here(root=tmp_path)
    assert thieves.portless_adapters(root=tmp_path) == []
