"""The framebuffer driver on a file that stands for the memory of a panel: what lies there is read as a panel would."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageChops

from drivers.base import DriverFault, DriverNotReady
from drivers.display.framebuffer import FramebufferDisplay, FramebufferOptions, Geometry, packed
from tests.drivers.contract import FIRST, DisplayContract, PluggedDisplayBench, PluggedDisplayContract, card

RGB565 = Geometry("fb_ili9486", 240, 160, 16, (11, 5), (5, 6), (0, 5), 480)
XRGB8888 = Geometry("simpledrmdrmfb", 200, 150, 32, (16, 8), (8, 8), (0, 8), 800)
BGR565 = replace(RGB565, red=(0, 5), blue=(11, 5), row_bytes=512)
XBGR8888 = replace(XRGB8888, red=(0, 8), blue=(16, 8))
RGB888 = replace(XRGB8888, bits=24, row_bytes=600)
PADDED = replace(XRGB8888, row_bytes=832, start_bytes=832 * 150 + 64)
"""With a gap after each row, and shown from its second half on, as a panel with two pages is."""
ALL = [RGB565, BGR565, XRGB8888, XBGR8888, RGB888, PADDED]


def of_colours(geometry: Geometry) -> tuple[tuple[int, int], ...]:
    return geometry.red, geometry.green, geometry.blue


def differs_by(one: Image.Image, other: Image.Image) -> int:
    return max(ImageChops.difference(one, other).tobytes())


class Panel:
    """A framebuffer's memory, and how its panel shows it."""

    def __init__(self, path: Path, geometry: Geometry) -> None:
        self.path, self.geometry = path, geometry
        self.replug()

    def replug(self) -> None:
        self.path.write_bytes(bytes(self.geometry.start_bytes + self.geometry.row_bytes * self.geometry.height_px))

    def unplug(self) -> None:
        self.path.unlink(missing_ok=True)

    def driver(self, **options: object) -> FramebufferDisplay:
        chosen = FramebufferOptions.model_validate({"device": str(self.path), **options})
        return FramebufferDisplay(chosen, ask=lambda _: self.geometry)

    def picture(self) -> Image.Image:
        """Pixel by pixel, by the kernel's definition of the bit fields."""
        of = self.geometry
        memory = self.path.read_bytes()[of.start_bytes :]
        rows = [memory[y * of.row_bytes : y * of.row_bytes + of.width_px * of.bits // 8] for y in range(of.height_px)]
        size = of.bits // 8
        colours = bytearray()
        for row in rows:
            for at in range(0, len(row), size):
                value = int.from_bytes(row[at : at + size], "little")
                colours += bytes((value >> low & (1 << bits) - 1) << 8 - bits for low, bits in of_colours(of))
        return Image.frombytes("RGB", (of.width_px, of.height_px), bytes(colours))

    def read(self) -> str | None:
        found = zxingcpp.read_barcodes(self.picture())
        return found[0].text if found else None


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    return Panel(tmp_path / "fb1", RGB565)


class TestFramebufferContract(DisplayContract):
    @pytest.fixture
    def bench(self, panel: Panel) -> PluggedDisplayBench:
        return PluggedDisplayBench(panel.driver, panel.read, panel.unplug, panel.replug)

    test_an_absent_display_is_not_ready_and_comes_back = (
        PluggedDisplayContract.test_an_absent_display_is_not_ready_and_comes_back
    )
    test_constructing_touches_no_device = PluggedDisplayContract.test_constructing_touches_no_device


@pytest.mark.parametrize("geometry", ALL, ids=["rgb565", "bgr565", "xrgb8888", "xbgr8888", "rgb888", "padded"])
def test_every_layout_of_pixels_shows_the_same_picture(tmp_path: Path, geometry: Geometry) -> None:
    panel = Panel(tmp_path / "fb1", geometry)
    shown = card(FIRST)
    with panel.driver() as display:
        display.show(shown)
    wanted = Image.frombytes("RGB", (geometry.width_px, geometry.height_px), shown.picture(*panel.picture().size))
    worst = 8 if geometry.bits == 16 else 1
    assert differs_by(panel.picture(), wanted) < worst
    assert panel.read() == FIRST


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_turned_display_is_drawn_turned(panel: Panel, rotate: int) -> None:
    with panel.driver(rotate=rotate) as display:
        display.show(card(FIRST))
    seen = panel.picture().rotate(rotate, expand=True)  # Pillow turns the other way: as who hangs the panel does
    assert seen.size == ((160, 240) if rotate != 180 else (240, 160))
    width, height = seen.size
    upright = Image.frombytes("RGB", seen.size, card(FIRST).picture(width, height))
    assert differs_by(seen, upright) < 8


def test_nothing_outside_the_part_that_is_shown_is_touched(tmp_path: Path) -> None:
    panel = Panel(tmp_path / "fb1", PADDED)
    with panel.driver() as display:
        display.show(card(FIRST))
    memory = panel.path.read_bytes()
    assert not any(memory[: PADDED.start_bytes])
    rows = range(PADDED.start_bytes, len(memory) - PADDED.row_bytes, PADDED.row_bytes)
    assert not any(any(memory[at + 800 : at + 832]) for at in rows)


def test_a_display_that_goes_away_while_it_is_drawn_on_is_told(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> int:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    with panel.driver() as display:
        monkeypatch.setattr(os, "pwrite", gone)
        with pytest.raises(DriverNotReady) as lost:
            display.show(card(FIRST))
    assert lost.value.code == "DISPLAY_UNPLUGGED"


def test_a_file_that_is_no_framebuffer_is_refused_by_the_kernel(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"no panel")
    with pytest.raises(DriverFault) as refused:
        FramebufferDisplay(FramebufferOptions(device=file)).open()
    assert refused.value.code == "DISPLAY_NO_FRAMEBUFFER"
    assert file.read_bytes() == b"no panel"


def test_one_that_may_not_be_opened_is_a_fault(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(DriverFault) as refused:
        panel.driver().open()
    assert refused.value.code == "DISPLAY_DENIED"


@pytest.mark.parametrize("strange", [replace(RGB565, green=(5, 5)), replace(XRGB8888, red=(8, 8), green=(16, 8))])
def test_pixels_that_nobody_knows_are_a_fault_and_no_noise(strange: Geometry) -> None:
    with pytest.raises(DriverFault) as refused:
        packed(bytes(strange.width_px * strange.height_px * 3), strange)
    assert refused.value.code == "DISPLAY_FORMAT"
    assert refused.value.values == {"bits": str(strange.bits)}
