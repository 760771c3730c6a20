"""The panel is kept as it should be, whoever changes it."""

import threading

import pytest

from agent.screen.kiosk.board import Board
from agent.screen.kiosk.keep import PanelService, needed, panel_for
from agent.screen.kiosk.word import PanelSight, PanelWish, Wish
from drivers.base import DriverFault, DriverNotReady, Options, PanelState
from drivers.panel.cec import CecPanel
from drivers.panel.dpms import DpmsPanel
from drivers.panel.sim import NonePanel, SimPanel
from tests.eventually import eventually


class Keeping:
    """The service in its thread, with a television of a few lines."""

    def __init__(self) -> None:
        self.panel = SimPanel(Options())
        self.board = Board()
        self.stop = threading.Event()
        service = PanelService(self.board, make=lambda _: self.panel, every_s=0)
        self.thread = threading.Thread(target=service.run, args=(self.stop,), name="panel")

    def __enter__(self) -> "Keeping":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(2)

    def wish(self, wish: PanelWish) -> None:
        self.board.wished(Wish(panel=wish))


@pytest.mark.parametrize(
    ("seen", "wanted", "need"),
    [
        (PanelState(is_on=True, turn=0), PanelState(is_on=True, turn=0), PanelState()),
        (PanelState(is_on=True, turn=0), PanelState(is_on=True, turn=90), PanelState(turn=90)),
        (PanelState(is_on=False), PanelState(is_on=True, turn=90), PanelState(is_on=True, turn=90)),
        (PanelState(is_on=False), PanelState(is_on=False, turn=90), PanelState()),
        (PanelState(is_on=True, turn=90), PanelState(is_on=False, turn=90), PanelState(is_on=False)),
        (PanelState(), PanelState(is_on=False, turn=90), PanelState()),
    ],
    ids=["right", "turned", "dark", "dark, as it should be", "lit", "says nothing"],
)
def test_only_what_is_wrong_is_told(seen: PanelState, wanted: PanelState, need: PanelState) -> None:
    assert needed(seen, wanted) == need


def test_a_panel_that_does_not_obey_is_told_of_and_told_on_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with Keeping() as keeping:
        keeping.panel.is_deaf = True
        keeping.wish(PanelWish(power="sim", is_on=False))
        eventually(lambda: keeping.board.panel.fault == "PANEL_DISOBEYS")
        told = len(keeping.panel.told)
        eventually(lambda: len(keeping.panel.told) > told)
        assert caplog.text.count("told on: False") == 1
        keeping.panel.is_deaf = False
        eventually(lambda: keeping.board.panel == PanelSight(is_on=False, turn=0))


def test_a_television_that_was_pulled_comes_back_as_it_should_be() -> None:
    with Keeping() as keeping:
        keeping.wish(PanelWish(power="sim", is_on=False, turn=90))
        eventually(lambda: keeping.panel.state == PanelState(is_on=False, turn=90))
        keeping.panel.unplug()
        eventually(lambda: keeping.board.panel.fault == "PANEL_AWAY")
        keeping.panel.replug()
        eventually(lambda: keeping.panel.state == PanelState(is_on=False, turn=90))
        eventually(lambda: keeping.board.panel == PanelSight(is_on=False, turn=90))


def test_the_wish_names_the_driver_and_the_output_and_nothing_else() -> None:
    assert isinstance(panel_for(PanelWish(power="dpms", where="HDMI-A-2")), DpmsPanel)
    assert isinstance(panel_for(PanelWish(power="cec", where="/dev/cec1")), CecPanel)
    assert isinstance(panel_for(PanelWish(power="none", where="anything")), NonePanel)


def test_a_program_that_is_missing_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    board, stop = Board(), threading.Event()
    board.wished(Wish(panel=PanelWish(power="dpms")))
    thread = threading.Thread(target=PanelService(board).run, args=(stop,), name="panel")
    thread.start()
    try:
        eventually(lambda: board.panel.fault == "PANEL_PROGRAM")
        assert board.panel.values == {"program": "wlr-randr", "package": "wlr-randr"}
    finally:
        stop.set()
        thread.join(2)


def test_a_fault_without_words_is_told_as_a_fault() -> None:
    def make(_: PanelWish) -> SimPanel:
        raise DriverFault("PANEL_ON_FIRE", "smoke")

    board, stop = Board(), threading.Event()
    board.wished(Wish())
    thread = threading.Thread(target=PanelService(board, make=make).run, args=(stop,), name="panel")
    thread.start()
    try:
        eventually(lambda: board.panel.fault == "PANEL_FAULT")
    finally:
        stop.set()
        thread.join(2)


def test_a_silent_television_is_no_reason_to_end() -> None:
    with Keeping() as keeping:
        keeping.panel.unplug()
        with pytest.raises(DriverNotReady):
            keeping.panel.look()
        keeping.wish(PanelWish(power="sim"))
        eventually(lambda: keeping.board.panel.fault == "PANEL_AWAY")
        assert keeping.thread.is_alive()
