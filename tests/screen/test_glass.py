"""What the agent wants of the kiosk, and what it makes of its word."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.health import Status
from agent.screen.glass import Glass, is_lit
from agent.screen.hub import Beat, Closed, Emergency, Nameplate, RatingCode, ScreenHub
from agent.screen.kiosk.word import PanelSight, Proof, Sight
from agent.screen.planning.calendar import Calendar
from agent.settings.holidays import Holidays
from agent.settings.hours import Hours
from agent.settings.model import Output

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OFFICE = Calendar(
    Hours.model_validate({"mon-fri": ["07:00-11:30", "13:30-17:00"]}), Holidays(is_vietnamese=False), ZONE
)
CODE = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/7K3M9QX2"
GOOD = Proof(age_s=5, code="right", blank=0.4, is_stale=False)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


class Box:
    def __init__(self, now: str = "2026-09-01 08:15", **output: Any) -> None:
        self.clock = ManualClock(at(now))
        self.hub = ScreenHub(Nameplate("Công an xã Kim Liên", 1), self.clock)
        self.hub.set_code(RatingCode(CODE))
        settings = Output(**output)
        self.glass = Glass(self.hub, self.clock, output=lambda: settings, calendar=lambda: OFFICE)

    def says(self) -> str | None:
        condition = self.glass.condition()
        return condition.code if condition is not None else None


@pytest.mark.parametrize(
    ("now", "lit"),
    [
        ("2026-09-01 06:29", False),
        ("2026-09-01 06:30", True),
        ("2026-09-01 12:30", True),  # a break at noon
        ("2026-09-01 17:29", True),
        ("2026-09-01 17:30", False),
        ("2026-09-05 10:00", False),  # a Saturday
    ],
)
def test_the_panel_is_lit_for_a_day_of_the_office(now: str, *, lit: bool) -> None:
    assert is_lit(OFFICE, at(now)) is lit
    assert Box(now).glass.wish().panel.is_on is lit


def test_a_counter_that_never_closes_never_darkens_its_panel() -> None:
    always = Calendar(Hours.model_validate({"mon-sun": ["00:00-24:00"]}), Holidays(is_vietnamese=False), ZONE)
    assert all(
        is_lit(always, at(f"2026-09-0{day} {time}")) for day in (1, 5, 6) for time in ("00:00", "12:00", "23:59")
    )


def test_an_emergency_lights_the_panel_at_night() -> None:
    box = Box("2026-09-01 23:00")
    box.hub.set_emergency(Emergency("Lũ về", (), "", ends_at_monotonic=1e9))
    assert box.glass.wish().panel.is_on


def test_the_panel_is_wished_as_the_settings_say() -> None:
    panel = Box(power="dpms", turn=90, connector="HDMI-A-2").glass.wish().panel
    assert (panel.power, panel.turn, panel.where) == ("dpms", 90, "HDMI-A-2")


def test_the_code_is_asked_for_only_where_it_can_be_seen() -> None:
    box = Box()
    assert box.glass.wish().code == CODE
    box.hub.thank()
    assert box.glass.wish().code is None
    box.clock.advance(5)
    assert box.glass.wish().code == CODE
    box.hub.set_closed(Closed("Đang nghỉ"))
    assert box.glass.wish().code is None


def test_what_the_page_draws_is_told() -> None:
    box = Box()
    assert box.glass.wish().drawn is None
    box.hub.beat(Beat(revision=2))
    box.clock.advance(3)
    wish = box.glass.wish()
    assert (wish.drawn, wish.revision, wish.page_age_s) == (2, box.hub.revision, 3)


def test_without_a_kiosk_nothing_is_said() -> None:
    assert Box().glass.condition() is None


@pytest.mark.parametrize(
    ("sight", "code"),
    [
        (Sight(browser="running"), None),
        (Sight(browser="running", proof=GOOD), "SCREEN_PROVEN"),
        (Sight(browser="gone", proof=GOOD), "SCREEN_BROWSER_GONE"),
        (Sight(browser="running", proof=GOOD.model_copy(update={"blank": 0.995})), "SCREEN_BLACK"),
        (Sight(browser="running", proof=GOOD.model_copy(update={"code": "wrong"})), "SCREEN_QR_UNREADABLE"),
        (Sight(browser="running", proof=GOOD.model_copy(update={"code": "unreadable"})), "SCREEN_QR_UNREADABLE"),
        (Sight(browser="running", proof=GOOD.model_copy(update={"code": "none"})), None),
        (Sight(browser="running", proof=GOOD.model_copy(update={"is_stale": True})), "SCREEN_STALE"),
        (Sight(browser="running", proof=GOOD, is_pictures_only=True), "SCREEN_PICTURES_ONLY"),
        (Sight(browser="running", proof=GOOD, panel=PanelSight(fault="PANEL_AWAY")), "PANEL_AWAY"),
        (Sight(browser="running", proof=GOOD.model_copy(update={"age_s": 4000, "code": "wrong"})), None),
    ],
)
def test_the_worst_that_the_kiosk_sees_is_told(sight: Sight, code: str | None) -> None:
    box = Box()
    box.glass.saw(sight)
    assert box.says() == code


def test_a_kiosk_that_falls_silent_is_missed() -> None:
    box = Box()
    box.glass.saw(Sight(browser="running", proof=GOOD))
    box.clock.advance(61)
    condition = box.glass.condition()
    assert condition is not None
    assert (condition.status, condition.code) == (Status.DEGRADED, "SCREEN_KIOSK_AWAY")
