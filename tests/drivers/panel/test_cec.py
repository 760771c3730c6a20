"""The television on the control line behind a stand-in for `cec-ctl`, with the words of version 1.22."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import DriverFault, DriverNotReady, PanelState
from drivers.panel.cec import CecOptions, CecPanel
from tests.drivers.panel.stand_in import stand_in

INFO = """\
Driver Info:
	Driver Name                : vivid
	Adapter Name               : vivid-000-vid-out0-hdmi0
	Physical Address           : {address}
	Logical Address Mask       : 0x0010
	OSD Name                   : 'Motcua'
"""
POWER = """\
Transmit from Playback Device 1 to TV (4 to 0):
GIVE_DEVICE_POWER_STATUS (0x8f)
    Received from TV (0 to 4):
    REPORT_POWER_STATUS (0x90):
	pwr-state: {words}
"""
SILENT = """\
Transmit from Playback Device 1 to TV (4 to 0):
GIVE_DEVICE_POWER_STATUS (0x8f)
	Tx, Not Acknowledged (1), Max Retries
"""

Make = Callable[..., tuple[CecPanel, Callable[[], list[list[str]]]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(
        power: str = "", *, address: str = "1.0.0.0", status: int = 0
    ) -> tuple[CecPanel, Callable[[], list[list[str]]]]:
        device = tmp_path / "cec0"
        device.touch()
        answers = {
            "--playback": (status, INFO.format(address=address)),
            "--give-device-power-status": (status, power),
            "": (status, "cec-ctl: Permission denied" if status else ""),
        }
        program, heard = stand_in(tmp_path, answers)
        panel = CecPanel(CecOptions(device=device, program=str(program)))
        return panel, lambda: [words[2:] for words in heard()]

    return made


@pytest.mark.parametrize(
    ("words", "is_on"),
    [
        ("on (0x00)", True),
        ("standby (0x01)", False),
        ("to-on (0x02)", True),
        ("to-standby (0x03)", False),
    ],
)
def test_what_the_television_says_of_its_power_counts(make: Make, words: str, is_on: bool) -> None:
    panel, _ = make(POWER.format(words=words))
    with panel:
        assert panel.look() == PanelState(is_on=is_on)


def test_it_is_sent_to_sleep_and_called_back_to_our_input(make: Make) -> None:
    panel, heard = make(address="2.1.0.0")
    with panel:
        panel.set(PanelState(is_on=False, turn=90))
        panel.set(PanelState(is_on=True))
        panel.set(PanelState(turn=90))
    assert heard() == [
        ["--playback", "--osd-name", "Motcua"],
        ["--to", "0", "--standby"],
        ["--to", "0", "--image-view-on"],
        ["--active-source", "phys-addr=2.1.0.0"],
    ]


def test_one_that_does_not_answer_is_silent(make: Make) -> None:
    panel, _ = make(SILENT)
    with panel, pytest.raises(DriverNotReady) as silent:
        panel.look()
    assert silent.value.code == "PANEL_SILENT"


def test_a_line_that_leads_nowhere_is_no_panel(make: Make) -> None:
    panel, _ = make(address="f.f.f.f")
    with pytest.raises(DriverNotReady) as away:
        panel.open()
    assert away.value.code == "PANEL_AWAY"


def test_a_device_that_may_not_be_opened_is_a_fault(make: Make) -> None:
    panel, _ = make(status=1)
    with pytest.raises(DriverFault) as denied:
        panel.set(PanelState(is_on=True))
    assert denied.value.code == "PANEL_DENIED"


def test_a_board_without_such_a_device_has_no_panel(tmp_path: Path) -> None:
    with pytest.raises(DriverNotReady) as away:
        CecPanel(CecOptions(device=tmp_path / "cec9")).open()
    assert away.value.code == "PANEL_AWAY"
