"""The display service in its thread: what stands on the display, and what health says when it does not."""

import threading
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zxingcpp
from PIL import Image

from agent.clock import SystemClock
from agent.health import Condition, Health, Status
from agent.language import language
from agent.screen import hub as hub_module
from agent.screen.code import display as module
from agent.screen.code.display import DisplayService
from agent.screen.hub import Banner, Nameplate, RatingCode, ScreenHub
from drivers.base import Card, Display, DriverFault, Options
from drivers.display.kiosk import KioskDisplay
from drivers.display.sim import SimDisplay, SimDisplayOptions
from tests.eventually import eventually

ADDRESS = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/ABCDEFGHIJKLMNOPQRSTUVWXYZ234"
OTHER = ADDRESS[:-1] + "5"


class Counter:
    """One display, its service and the hub it follows."""

    def __init__(self, path: Path) -> None:
        clock = SystemClock(ZoneInfo("Asia/Ho_Chi_Minh"))
        self.path = path
        self.hub = ScreenHub(Nameplate("Công an xã Kim Liên", 1, hotlines=("0238 3841 113",)), clock)
        self.health = Health(clock)
        self.display: Display = SimDisplay(SimDisplayOptions(path=path))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display")

    def _run(self) -> None:
        service = DisplayService(
            "display", lambda: self.display, hub=self.hub, health=self.health, language=language("vi")
        )
        service.run(self._stop)

    def start(self) -> "Counter":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)
            assert not self._thread.is_alive()

    @property
    def sim(self) -> SimDisplay:
        assert isinstance(self.display, SimDisplay)
        return self.display

    def reads(self, code: str | None) -> bool:
        if not self.path.exists():
            return False
        found = zxingcpp.read_barcodes(Image.open(self.path))
        return (found[0].text if found else None) == code

    def says(self, status: Status, code: str) -> bool:
        return any(
            (report.condition.status, report.condition.code) == (status, code)
            for report in self.health.reports()
            if report.component == "display"
        )


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.setattr(module, "TICK_S", 0.05)
    counter = Counter(tmp_path / "shown.png")
    yield counter
    counter.stop()


def test_the_code_is_shown_as_it_turns(counter: Counter) -> None:
    counter.hub.set_code(RatingCode(ADDRESS))
    counter.start()
    eventually(lambda: counter.reads(ADDRESS))
    counter.hub.set_code(RatingCode(OTHER))
    eventually(lambda: counter.reads(OTHER))
    eventually(lambda: counter.says(Status.OK, "OK"))


def test_without_a_code_it_says_who_sits_here(counter: Counter) -> None:
    counter.start()
    eventually(lambda: counter.sim.shown and counter.sim.shown[-1].words == ("Công an xã Kim Liên", "0238 3841 113"))
    assert counter.reads(None)


def test_the_thanks_come_and_go_and_are_one_picture(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "THANKS_S", 0.4)
    counter.hub.set_code(RatingCode(ADDRESS))
    counter.start()
    eventually(lambda: counter.reads(ADDRESS))
    pictures = set()
    for _ in range(2):
        counter.hub.thank()
        eventually(lambda: counter.reads(None))
        pictures.add(counter.sim.shown[-1].picture(480, 320))
        eventually(lambda: counter.reads(ADDRESS))
    assert len(pictures) == 1


def test_a_training_is_said_beside_the_code(counter: Counter) -> None:
    counter.hub.set_code(RatingCode(ADDRESS))
    counter.hub.set_banner(Banner("training", "10:00", 1e9))
    counter.start()
    eventually(lambda: counter.sim.shown and counter.sim.shown[-1].words[0] == "ĐANG TẬP HUẤN")
    assert counter.reads(ADDRESS)


def test_no_code_is_left_standing_when_the_service_ends(counter: Counter) -> None:
    counter.hub.set_code(RatingCode(ADDRESS))
    counter.start()
    eventually(lambda: counter.reads(ADDRESS))
    counter.stop()
    assert counter.reads(None)


def test_an_unplugged_display_is_told_once_by_its_cause_and_shows_the_newest_code_when_it_is_back(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ABSENT_LOOK_S", 0.05)
    counter.hub.set_code(RatingCode(ADDRESS))
    counter.start()
    eventually(lambda: counter.reads(ADDRESS))
    counter.sim.unplug()
    counter.hub.set_code(RatingCode(OTHER))
    eventually(lambda: counter.says(Status.FAILED, "DISPLAY_UNPLUGGED"))
    counter.sim.replug()
    eventually(lambda: counter.reads(OTHER))
    eventually(lambda: counter.says(Status.OK, "OK"))


def test_what_was_written_over_is_repaired(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPAIR_S", 0.1)
    counter.hub.set_code(RatingCode(ADDRESS))
    counter.start()
    eventually(lambda: counter.reads(ADDRESS))
    counter.path.write_bytes(Image.new("RGB", (8, 8)).tobytes())
    counter.path.unlink()
    eventually(lambda: counter.reads(ADDRESS))


class _Broken(SimDisplay):
    def show(self, card: Card) -> None:
        raise DriverFault("SOMETHING_ELSE", f"cannot show {card.code}")


def test_a_fault_of_an_unknown_kind_is_told_in_general_words(counter: Counter) -> None:
    counter.display = _Broken(SimDisplayOptions(path=counter.path))
    counter.start()
    eventually(lambda: counter.says(Status.FAILED, "DISPLAY_FAULT"))


def test_a_display_that_is_a_page_is_missed_until_the_page_is_there(counter: Counter) -> None:
    counter.display = KioskDisplay(Options())
    counter.start()
    eventually(lambda: counter.says(Status.DEGRADED, "DISPLAY_PAGE_AWAY"))
    counter.hub.beat_code_page()
    eventually(lambda: counter.says(Status.OK, "OK"))


def test_every_code_has_words_in_both_languages() -> None:
    for code in (*module.TOLD, "DISPLAY_FAULT", "DISPLAY_PAGE_AWAY"):
        report = Condition(Status.FAILED, code, {"bits": "8"})
        for name in ("vi", "en"):
            assert language(name).text(f"health.{report.code}.hint", bits="8")
