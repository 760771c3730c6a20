"""What the agent and the kiosk say to each other over loopback: `Wish` down, `Sight` up. Both bounded, both whole.

Any program on this machine can speak to either: a wish names no program and no address, and of a sight only codes and
numbers reach health.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Turn = Literal[0, 90, 180, 270]
Power = Literal["dpms", "cec", "none", "sim"]
Count = Annotated[int, Field(ge=0, le=2**53)]
Age = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(max_length=64)]
PanelCode = Literal[
    "PANEL_AWAY",
    "PANEL_SESSION",
    "PANEL_COMPOSITOR",
    "PANEL_PROGRAM",
    "PANEL_DENIED",
    "PANEL_SILENT",
    "PANEL_DISOBEYS",
    "PANEL_FAULT",
]


class _Word(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, strict=True, allow_inf_nan=False)


class PanelWish(_Word):
    """The panel as it should be."""

    power: Power = "none"
    """The driver."""
    where: Name | None = None
    """Which output or device, where there are several."""
    is_on: bool = True
    turn: Turn | None = None


class Wish(_Word):
    """What the agent wants of the kiosk at this moment, and what it knows of the page."""

    page: Annotated[str, Field(pattern=r"^/[a-z]{1,16}$")] = "/screen"
    panel: PanelWish = PanelWish()
    code: Annotated[str, Field(max_length=1024)] | None = None
    """What the QR on the glass must say now; None: none stands there, or something lies over it."""
    revision: Count = 0
    """Of the state that the page should draw."""
    drawn: Count | None = None
    """Of the state that a page last said it draws; None: none said so yet."""
    page_age_s: Age | None = None
    """Seconds since a page last said that it lives."""


class PanelSight(_Word):
    """How the panel is."""

    fault: PanelCode | None = None
    program: Name = ""
    package: Name = ""
    is_on: bool | None = None
    turn: Turn | None = None

    @property
    def values(self) -> dict[str, Any]:
        """For the words of `fault`."""
        return {"program": self.program, "package": self.package} if self.fault == "PANEL_PROGRAM" else {}


BLANK = 0.99
"""Of a picture that has hardly anything but one tone. The barest slide has its words and the footer."""


class Proof(_Word):
    """What was seen on the glass itself."""

    age_s: Age
    code: Literal["right", "wrong", "unreadable", "none"]
    """none: no code had to stand there."""
    blank: Annotated[float, Field(ge=0, le=1)]
    """The share of the picture that has its commonest tone: near 1, nothing is drawn."""
    is_stale: bool
    """The page draws what was right long ago."""

    @property
    def is_blank(self) -> bool:
        return self.blank >= BLANK

    @property
    def is_good(self) -> bool:
        return self.code in ("right", "none") and not self.is_blank and not self.is_stale


class Sight(_Word):
    """What the kiosk sees and does."""

    browser: Literal["starting", "running", "gone"] = "starting"
    restarts: Count = 0
    """Of the browser within the last ten minutes, because it died or hung."""
    is_pictures_only: bool = False
    """It failed so often that it should have no films for a while."""
    panel: PanelSight = PanelSight()
    proof: Proof | None = None
