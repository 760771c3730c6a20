"""The panel through the HDMI cable's own control line (CEC), by `cec-ctl`: a television into standby and back.

The kernel's CEC device is spoken to, not a library's guess of a port. A television may say that it does not understand,
may take half a minute, or may sleep so deeply that it never wakes: what it says of its power afterwards is what counts.
"""

import re
from pathlib import Path

from pydantic import Field

from drivers.base import DriverFault, DriverNotReady, Identity, Options, Panel, PanelState
from drivers.panel.tool import said_by

_POWER = re.compile(r"pwr-state:\s*[\w -]+\(0x0([0-3])\)")
_ADDRESS = re.compile(r"Physical Address\s*:\s*([0-9a-f.]+)", re.IGNORECASE)
_NAME = re.compile(r"OSD Name\s*:\s*'?([^'\n]*)'?")
UNPLUGGED = "f.f.f.f"
"""The physical address of a line that leads nowhere."""


class CecOptions(Options):
    """`power: cec`."""

    device: Path = Path("/dev/cec0")
    """The kernel's CEC device of the output: /dev/cec0, /dev/cec1."""
    program: str = Field(default="cec-ctl", min_length=1)


class CecPanel(Panel):
    """Speaks to the television."""

    Options = CecOptions

    def __init__(self, options: CecOptions) -> None:
        self._options = options
        self._address = UNPLUGGED

    def open(self) -> None:
        said = self._ask("--playback", "--osd-name", "Motcua")
        found = _ADDRESS.search(said)
        self._address = found[1] if found else UNPLUGGED
        if self._address == UNPLUGGED:
            raise DriverNotReady("PANEL_AWAY", f"{self._options.device}: no television on the line", known="")

    def close(self) -> None:
        """Nothing is held."""

    def probe(self) -> Identity:
        return Identity(where=f"{self._options.device} at {self._address}")

    def look(self) -> PanelState:
        said = self._ask("--to", "0", "--give-device-power-status")
        found = _POWER.search(said)
        if found is None:
            raise DriverNotReady("PANEL_SILENT", f"{self._options.device}: the television does not say how it is")
        return PanelState(is_on=found[1] in "02")  # on, or on its way there

    def set(self, wanted: PanelState) -> None:
        if wanted.is_on is None:
            return
        if wanted.is_on:
            self._ask("--to", "0", "--image-view-on")
            self._ask("--active-source", f"phys-addr={self._address}")
        else:
            self._ask("--to", "0", "--standby")

    def _ask(self, *words: str) -> str:
        device = str(self._options.device)
        if not self._options.device.exists():
            raise DriverNotReady("PANEL_AWAY", f"{device} is not there", known="")
        status, said = said_by([self._options.program, "--device", device, *words], package="v4l-utils")
        if status != 0 and "ermission denied" in said:
            raise DriverFault("PANEL_DENIED", f"{device}: permission denied")
        if status != 0:
            raise DriverNotReady("PANEL_SILENT", " ".join(said.split())[:200])
        return said
