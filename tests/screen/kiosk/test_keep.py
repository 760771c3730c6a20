"""The panel is kept as it should be, whoever changes it."""

import threading

import pytest

from agent.screen.kiosk.board import Board
from agent.screen.kiosk.keep import PanelService, panel_for, reconcile
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


def test_what_is_right_is_left_alone() -> None:
    panel = SimPanel(Options())
    assert reconcile(panel, PanelState(is_on=True, turn=0)) == PanelState(is_on=True, turn=0)
    assert panel.told == []


def test_only_what_is_wrong_is_told() -> None:
    panel = SimPanel(Options())
    reconcile(panel, PanelState(is_on=True, turn=90))
    assert panel.told == [PanelState(turn=90)]


def test_a_dark_panel_that_does_not_say_how_it_is_turned_comes_back_turned() -> None:
    panel = SimPanel(Options())
    panel.state = PanelState(is_on=False)
    reconcile(panel, PanelState(is_on=True, turn=90))
    assert panel.told == [PanelState(is_on=True, turn=90)]


def test_a_panel_that_does_not_say_is_not_told() -> None:
    assert reconcile(NonePanel(Options()), PanelState(is_on=False, turn=90)) == PanelState()


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
