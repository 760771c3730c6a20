"""The compositor's panel behind a stand-in for `wlr-randr`, with the words of versions 0.2 and 0.4."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.base import DriverError, DriverFault, DriverNotReady, PanelState
from drivers.panel.dpms import DpmsOptions, DpmsPanel, outputs
from tests.drivers.panel.stand_in import stand_in

ON = """\
HDMI-A-1 "Samsung Electric Company SAMSUNG 0x01000E00 (HDMI-A-1)"
  Make: Samsung Electric Company
  Physical size: 890x500 mm
  Enabled: yes
  Modes:
    1920x1080 px, 60.000000 Hz (preferred, current)
    1280x720 px, 50.000000 Hz
  Position: 0,0
  Transform: {transform}
  Scale: 1.000000
  Adaptive Sync: disabled
HDMI-A-2 "(null) (null) (HDMI-A-2)"
  Enabled: no
  Modes:
    1920x1080 px, 60.000000 Hz (preferred)
"""
OFF = ON.replace("Enabled: yes", "Enabled: no").replace("  Transform: {transform}\n", "")

Make = Callable[..., tuple[DpmsPanel, Callable[[], list[list[str]]]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(said: str, *, status: int = 0, **options: object) -> tuple[DpmsPanel, Callable[[], list[list[str]]]]:
        program, heard = stand_in(tmp_path, {"": (status, said)})
        return DpmsPanel(DpmsOptions.model_validate({"program": str(program), **options})), heard

    return made


@pytest.mark.parametrize(("name", "turn"), [("normal", 0), ("90", 270), ("180", 180), ("270", 90), ("flipped", None)])
def test_the_turn_is_told_clockwise(make: Make, name: str, turn: int | None) -> None:
    panel, _ = make(ON.format(transform=name))
    assert panel.look() == PanelState(is_on=True, turn=turn)


def test_an_output_that_is_off_is_said_to_be_off(make: Make) -> None:
    panel, _ = make(OFF)
    assert panel.look() == PanelState(is_on=False)


def test_the_named_output_is_the_one_that_is_asked_and_set(make: Make) -> None:
    panel, heard = make(ON.format(transform="normal"), output="HDMI-A-2")
    assert panel.look() == PanelState(is_on=False)
    panel.set(PanelState(is_on=True, turn=90))
    assert heard()[-1] == ["--output", "HDMI-A-2", "--on", "--transform", "270"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (PanelState(is_on=False, turn=90), ["--off"]),
        (PanelState(is_on=True), ["--on"]),
        (PanelState(turn=180), ["--transform", "180"]),
    ],
)
def test_only_what_is_wanted_is_set(make: Make, wanted: PanelState, words: list[str]) -> None:
    panel, heard = make(ON.format(transform="normal"))
    panel.set(wanted)
    assert heard()[-1] == ["--output", "HDMI-A-1", *words]


@pytest.mark.parametrize(
    ("said", "family", "code"),
    [
        ("compositor doesn't support wlr-output-management-unstable-v1", DriverFault, "PANEL_COMPOSITOR"),
        ("failed to connect to display", DriverNotReady, "PANEL_SESSION"),
        ("something new", DriverNotReady, "PANEL_AWAY"),
    ],
)
def test_why_it_cannot_be_asked_is_told(make: Make, said: str, family: type[DriverError], code: str) -> None:
    panel, _ = make(said, status=1)
    with pytest.raises(family) as refused:
        panel.open()
    assert refused.value.code == code


def test_an_output_that_is_not_there_is_told_with_those_that_are(make: Make) -> None:
    panel, _ = make(ON.format(transform="normal"), output="DSI-1")
    with pytest.raises(DriverNotReady) as away:
        panel.open()
    assert away.value.values == {"known": "HDMI-A-1, HDMI-A-2"}


def test_a_program_that_is_missing_names_its_package() -> None:
    with pytest.raises(DriverFault) as missing:
        DpmsPanel(DpmsOptions(program="/nowhere/wlr-randr")).open()
    assert (missing.value.code, missing.value.values["package"]) == ("PANEL_PROGRAM", "wlr-randr")


def test_noise_lists_no_outputs() -> None:
    assert list(outputs("")) == []
    assert list(outputs("  Enabled: yes\nwarning: x\n")) == []


def test_options_that_are_none_are_refused() -> None:
    with pytest.raises(ValidationError):
        DpmsOptions.model_validate(json.loads('{"turn": 90}'))
