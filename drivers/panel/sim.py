"""A panel without a panel: one that does as it is told (`power: sim`), and none at all (`power: none`)."""

from drivers.base import DriverNotReady, Identity, Options, Panel, PanelState


class NonePanel(Panel):
    """Nothing is switched: the screen is always on, or somebody switches it by hand."""

    Options = Options

    def __init__(self, options: object) -> None:
        """*options*: there are none."""

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def probe(self) -> Identity:
        return Identity(where="none")

    def look(self) -> PanelState:
        return PanelState()

    def set(self, wanted: PanelState) -> None:
        """Nothing is set."""


class SimPanel(Panel):
    """A television made of a few lines: it can be unplugged, and somebody can use its remote control."""

    Options = Options

    def __init__(self, options: object) -> None:
        super().__init__(options)
        self.state = PanelState(is_on=True, turn=0)
        self.is_plugged = True
        self.is_deaf = False
        """It takes what it is told, and does not do it."""
        self.told: list[PanelState] = []

    def unplug(self) -> None:
        self.is_plugged = False

    def replug(self) -> None:
        """It comes back on, and as it was built: that is what televisions do."""
        self.is_plugged = True
        self.state = PanelState(is_on=True, turn=0)

    def open(self) -> None:
        self._check()

    def close(self) -> None:
        """Nothing to close."""

    def probe(self) -> Identity:
        self._check()
        return Identity(model="sim", where="sim")

    def look(self) -> PanelState:
        self._check()
        return self.state

    def set(self, wanted: PanelState) -> None:
        self._check()
        self.told.append(wanted)
        if self.is_deaf:
            return
        self.state = PanelState(
            self.state.is_on if wanted.is_on is None else wanted.is_on,
            self.state.turn if wanted.turn is None else wanted.turn,
        )

    def _check(self) -> None:
        if not self.is_plugged:
            raise DriverNotReady("PANEL_AWAY", "the simulated panel is unplugged", known="")
