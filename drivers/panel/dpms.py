"""The panel through the Wayland compositor, by `wlr-randr`: its output off and on, and how the picture is turned.

Runs inside the compositor's session, as its user. The compositor must speak wlr-output-management: cage does from 0.2
on (Debian 13), labwc and wayfire (Raspberry Pi OS) always did, cage 0.1.4 of Debian 12 does not, which is told as such.
The words of `wlr-randr` 0.2 to 0.5 are understood; what only some of them can say (`--json`) is not asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from drivers.base import DriverFault, DriverNotReady, Identity, Options, Panel, PanelState
from drivers.panel.tool import said_by

TURNS = {0: "normal", 90: "270", 180: "180", 270: "90"}
"""Degrees clockwise, and the name of it: `wlr-randr` counts counter-clockwise."""
_NAMES = {name: turn for turn, name in TURNS.items()}
_HEAD = re.compile(r"(?P<name>\S+) \"(?P<model>.*)\"")
_FACT = re.compile(r"\s+(?P<key>Enabled|Transform): (?P<value>\S+)")


@dataclass(slots=True)
class Output:
    """One output, as `wlr-randr` lists it."""

    name: str
    model: str
    is_on: bool = False
    turn: int | None = None


class DpmsOptions(Options):
    """`power: dpms`."""

    output: str | None = Field(default=None, min_length=1, max_length=64)
    """Which output: HDMI-A-1; unset: the first that there is."""
    program: str = Field(default="wlr-randr", min_length=1)


class DpmsPanel(Panel):
    """Switches an output of the compositor."""

    Options = DpmsOptions

    def __init__(self, options: DpmsOptions) -> None:
        self._options = options

    def open(self) -> None:
        self._output()

    def close(self) -> None:
        """Nothing is held."""

    def probe(self) -> Identity:
        output = self._output()
        return Identity(model=output.model, where=output.name)

    def look(self) -> PanelState:
        output = self._output()
        return PanelState(output.is_on, output.turn)

    def set(self, wanted: PanelState) -> None:
        words = [self._options.program, "--output", self._output().name]
        if wanted.is_on is not None:
            words.append("--on" if wanted.is_on else "--off")
        if wanted.turn is not None and wanted.is_on is not False:  # an output that is off has no transform
            words += ["--transform", TURNS[wanted.turn]]
        status, said = said_by(words, package="wlr-randr")
        if status != 0:
            raise _refusal(said)

    def _output(self) -> Output:
        status, said = said_by([self._options.program], package="wlr-randr")
        if status != 0:
            raise _refusal(said)
        found = {output.name: output for output in outputs(said)}
        name = self._options.output or next(iter(found), "")
        if name not in found:
            known = ", ".join(found)
            raise DriverNotReady("PANEL_AWAY", f"no output {name or 'at all'}; there are: {known}", known=known)
        return found[name]


def outputs(listed: str) -> Iterator[Output]:
    """The outputs in what `wlr-randr` says without arguments."""
    output: Output | None = None
    for line in listed.splitlines():
        if head := _HEAD.fullmatch(line.rstrip()):
            if output is not None:
                yield output
            output = Output(head["name"], head["model"])
        elif output is not None and (fact := _FACT.fullmatch(line.rstrip())):
            if fact["key"] == "Enabled":
                output.is_on = fact["value"] == "yes"
            else:
                output.turn = _NAMES.get(fact["value"])
    if output is not None:
        yield output


def _refusal(said: str) -> DriverFault | DriverNotReady:
    text = " ".join(said.split())[:200]
    if "wlr-output-management" in said:
        return DriverFault("PANEL_COMPOSITOR", text)
    if "failed to connect to display" in said:
        return DriverNotReady("PANEL_SESSION", text)
    return DriverNotReady("PANEL_AWAY", text, known="")
