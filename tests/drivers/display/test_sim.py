"""The display in a file, and the one that is a page."""

from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from drivers.base import Options
from drivers.display.kiosk import KioskDisplay
from drivers.display.sim import SimDisplay, SimDisplayOptions
from tests.drivers.contract import PluggedDisplayBench, PluggedDisplayContract, card


class TestSimDisplayContract(PluggedDisplayContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> PluggedDisplayBench:
        path = tmp_path / "shown.png"
        display = SimDisplay(SimDisplayOptions(path=path))

        def seen() -> str | None:
            found = zxingcpp.read_barcodes(Image.open(path))
            return found[0].text if found else None

        return PluggedDisplayBench(lambda: display, seen, display.unplug, display.replug)


def test_a_page_has_nothing_to_drive() -> None:
    display = KioskDisplay(Options())
    with display:
        display.show(card(None))
        assert display.probe().where == "/qr"
    assert display.is_page
