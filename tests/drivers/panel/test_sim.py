"""The panel that does as it is told, and forgets as televisions do."""

import pytest

from drivers.base import DriverNotReady, Options, PanelState
from drivers.panel.sim import NonePanel, SimPanel


def test_it_does_as_it_is_told_and_leaves_the_rest() -> None:
    with SimPanel(Options()) as panel:
        panel.set(PanelState(is_on=False))
        assert panel.look() == PanelState(is_on=False, turn=0)
        panel.set(PanelState(turn=90))
        assert panel.look() == PanelState(is_on=False, turn=90)


def test_it_comes_back_as_it_was_built() -> None:
    panel = SimPanel(Options())
    panel.set(PanelState(is_on=False, turn=270))
    panel.unplug()
    with pytest.raises(DriverNotReady):
        panel.look()
    panel.replug()
    assert panel.look() == PanelState(is_on=True, turn=0)


def test_none_has_no_opinion() -> None:
    with NonePanel(Options()) as panel:
        panel.set(PanelState(is_on=False))
        assert panel.look() == PanelState()
