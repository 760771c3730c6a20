"""The programme: the hub hears of a plan when it changes, at its minute, and of an emergency over everything."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.language import language
from agent.screen.hub import Nameplate, ScreenHub
from agent.screen.media.medium import Medium, Offer
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.emergency import Siren
from agent.screen.planning.playlist import Entry
from agent.screen.planning.programme import Programme
from agent.screen.scene import Notice
from agent.settings.holidays import Holidays
from agent.settings.hours import office_hours
from agent.settings.model import Screen

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FOLDER = Offer(tuple(Medium(f"id-{n}", n, "image", 1000, 1920, 1080) for n in ("a.jpg", "b.jpg")), (), False)
MORNING = {"file": "b.jpg", "hours": ["07:00-11:30"]}


class Province:
    """Another source of entries."""

    def __init__(self) -> None:
        self.offered: tuple[Entry, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        return self.offered

    def kept(self) -> list[Medium]:
        return [medium for entry in self.offered for medium in entry.media]


class Counter:
    def __init__(self, folder: Path, screen: Screen) -> None:
        self.clock = ManualClock(at("2027-02-01 08:00"))
        self.hub = ScreenHub(Nameplate("Công an xã Kim Liên", 1), self.clock)
        self.siren = Siren(folder / "emergency.json", self.clock, None, None)
        self.province = Province()
        self.programme = Programme(
            screen,
            hub=self.hub,
            calendar=Calendar(office_hours(), Holidays(), ZONE),
            clock=self.clock,
            words=language("vi"),
            siren=self.siren,
            sources=[self.province],
        )

    def at(self, text: str) -> None:
        """The clock shows *text*."""
        self.clock.advance((at(text) - self.clock.now()).total_seconds())
        self.programme.turn()

    @property
    def plays(self) -> list[str]:
        return [item.name for item in self.hub.playlist]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    screen = Screen.model_validate({"playlist": [{"file": "a.jpg"}, MORNING, {"file": "c.jpg"}]})
    counter = Counter(tmp_path, screen)
    counter.programme.offered(FOLDER)
    counter.programme.turn()
    return counter


def test_an_item_comes_and_goes_at_its_minute_and_nothing_is_said_between(counter: Counter) -> None:
    assert counter.plays == ["a.jpg", "b.jpg"]
    revision = counter.hub.revision
    counter.at("2027-02-01 11:29")
    assert counter.hub.revision == revision
    counter.at("2027-02-01 11:30")
    assert counter.plays == ["a.jpg"]
    assert counter.hub.state()["closed"] is None, "a quarter of an hour it still plays"
    assert counter.programme.missing == ["c.jpg"]


def test_closed_it_says_so_and_when_it_opens_in_words(counter: Counter) -> None:
    said = {}
    for moment in (
        "2027-02-01 11:45",
        "2027-02-01 17:15",
        "2027-02-02 00:00",
        "2027-02-03 17:15",
        "2027-02-06 09:00",
        "2027-02-11 06:45",
    ):
        counter.at(moment)
        closed = counter.hub.state()["closed"]
        said[moment] = (closed["title"], *closed["lines"]) if closed else None
    assert said == {
        "2027-02-01 11:45": ("Đang nghỉ giữa giờ", "Mở cửa lại lúc 13:30 hôm nay"),
        "2027-02-01 17:15": ("Quầy đang nghỉ", "Mở cửa lại lúc 07:00 ngày mai, Thứ Ba 02/02/2027"),
        "2027-02-02 00:00": ("Quầy đang nghỉ", "Mở cửa lại lúc 07:00 hôm nay"),
        "2027-02-03 17:15": ("Quầy đang nghỉ", "Mở cửa lại lúc 07:00 Thứ Năm, ngày 11/02/2027"),
        "2027-02-06 09:00": ("Nghỉ lễ: Tết\xa0Nguyên\xa0Đán", "Mở cửa lại lúc 07:00 Thứ Năm, ngày 11/02/2027"),
        "2027-02-11 06:45": None,
    }


def test_what_the_province_offers_plays_after_what_is_listed_here(counter: Counter) -> None:
    counter.province.offered = (Entry("tỉnh", notice=Notice("Cấp căn cước lưu động"), origin="province"),)
    counter.programme.turn()
    assert counter.plays == ["a.jpg", "b.jpg", "tỉnh"]
    counter.province.offered = ()
    counter.programme.turn()
    assert counter.plays == ["a.jpg", "b.jpg"]


def test_a_clock_that_is_set_is_followed_back_and_forth(counter: Counter) -> None:
    counter.clock.set_wall(at("2027-02-01 20:00"))
    counter.programme.turn()
    assert counter.hub.state()["closed"] is not None
    counter.clock.set_wall(at("2027-02-01 08:00"))
    counter.programme.turn()
    assert counter.hub.state()["closed"] is None
    assert counter.plays == ["a.jpg", "b.jpg"]


def test_a_clock_that_loses_its_credit_leaves_what_always_plays_until_it_is_believed_again(counter: Counter) -> None:
    counter.clock.set_wall(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE)
    counter.programme.turn()
    assert counter.plays == ["a.jpg"]
    assert counter.hub.state()["closed"] is None
    counter.clock.set_wall(at("2027-02-01 08:00"), ClockQuality.NTP)
    counter.programme.turn()
    assert counter.plays == ["a.jpg", "b.jpg"]


def test_before_the_folder_was_looked_at_what_an_earlier_life_showed_stays(tmp_path: Path) -> None:
    counter = Counter(tmp_path, Screen())
    counter.programme.offered(FOLDER)
    counter.programme.turn()
    again = Programme(
        Screen(), hub=counter.hub, calendar=Calendar(office_hours(), Holidays(), ZONE), clock=counter.clock,
        words=language("vi"),
    )  # fmt: skip
    again.turn()
    assert counter.plays == ["a.jpg", "b.jpg"]


def test_an_emergency_is_shown_until_its_end_whatever_the_clock_is_worth_and_closed_or_not(counter: Counter) -> None:
    counter.at("2027-02-01 20:00")
    counter.siren.sound(Notice("Bão số 5", ("Gọi 114",)), by="UBND tỉnh", lasts_s=3600)
    counter.programme.turn()
    shown = counter.hub.state()["emergency"]
    assert (shown["title"], shown["lines"], shown["left_ms"]) == ("Bão số 5", ["Gọi 114"], 3_600_000)
    assert "21:00 ngày 01/02/2027" in shown["until"]
    assert counter.hub.state()["closed"] is not None
    revision = counter.hub.revision
    counter.clock.advance(60)
    counter.programme.turn()
    assert counter.hub.revision == revision, "an end that has not moved is not said again"
    counter.clock.set_wall(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE)
    counter.programme.turn()
    shown = counter.hub.state()["emergency"]
    assert (shown["left_ms"], shown["until"]) == (3_540_000, "")
    counter.clock.advance(timedelta(minutes=59).total_seconds())
    counter.programme.turn()
    assert counter.hub.state()["emergency"] is None


def test_a_file_whose_last_day_is_over_is_not_missed(tmp_path: Path) -> None:
    screen = Screen.model_validate({"playlist": [{"file": "tết.mp4", "until": "2027-02-10"}, {"file": "gone.jpg"}]})
    counter = Counter(tmp_path, screen)
    counter.programme.offered(FOLDER)
    counter.at("2027-02-10 17:00")
    assert counter.programme.missing == ["tết.mp4", "gone.jpg"]
    counter.at("2027-02-11 08:00")
    assert counter.programme.missing == ["gone.jpg"]
    counter.clock.set_wall(counter.clock.now(), ClockQuality.NONE)
    assert counter.programme.missing == ["tết.mp4", "gone.jpg"], "who knows what day it is"
