"""What a technician is told of a minute: what plays, in which turns, and why everything else does not."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from agent.__main__ import cli
from agent.clock import ManualClock
from agent.language import language
from agent.screen.content.manifest import parsed
from agent.screen.content.sets import Sets
from agent.screen.media.store import MediaStore
from agent.screen.planning.emergency import Siren
from agent.screen.planning.explain import explain
from agent.screen.scene import Notice
from agent.settings.load import load
from agent.settings.problem import SettingsError
from tests.screen.content.words import a_set

PLAYLIST: list[dict[str, Any]] = [
    {"file": "dinh-danh.jpg", "weight": 2},
    {"file": "huong-dan.pdf", "days": ["mon-fri"], "hours": ["07:00-11:30"]},
    {"file": "tet.mp4", "layout": "full", "from": "2027-01-20", "until": "2027-02-10"},
    {"notice": {"title": "Lưu động"}, "until": "2026-12-31"},
    {"file": "mat.jpg"},
    {"notice": {"title": "Chiều thứ Bảy"}, "days": ["sat"]},
    {"notice": {"title": "Năm mới"}, "from": "2027-02-11"},
]


class Box:
    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "config.yaml"
        (folder / "media").mkdir()
        for name in ("dinh-danh.jpg", "huong-dan.pdf", "tet.mp4", "khac.jpg", ".an.jpg", "dở.jpg.part"):
            (folder / "media" / name).touch()
        self.write()

    def write(self, language: str = "vi", **screen: Any) -> None:
        counter = {"province": "40", "agent": "na-0123", "language": language}
        data = {
            "counter": counter,
            "uplink": {"broker": "mqtts://x"},
            "outbox": {"path": str(self.folder / "outbox.db")},
            "screen": {"media": str(self.folder / "media"), "playlist": PLAYLIST, **screen},
        }
        self.config.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def plan(self, *arguments: str) -> str:
        done = CliRunner().invoke(cli, ["plan", "--config", str(self.config), *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_everything_has_its_turns_or_its_reason(box: Box) -> None:
    assert box.plan("--at", "2027-02-02 08:00").splitlines() == [
        "Lúc 08:00, Thứ Ba 02/02/2027 (Asia/Ho_Chi_Minh)",
        "Quầy đang mở cửa, đến 11:30, Thứ Ba 02/02/2027",
        "Màn hình chiếu danh sách",
        "Giữ nguyên như vậy đến 11:30, Thứ Ba 02/02/2027",
        "Được chiếu, theo thứ tự:",
        "  1. dinh-danh.jpg (2 lần mỗi vòng)",
        "  2. huong-dan.pdf",
        "  3. tet.mp4 (cả màn hình)",
        "Một vòng: dinh-danh.jpg → huong-dan.pdf → dinh-danh.jpg → tet.mp4",
        "Không được chiếu:",
        "  - Lưu động: đã hết hạn chiếu ngày 31/12/2026",
        "  - mat.jpg: không có tệp này trong thư mục",
        "  - Chiều thứ Bảy: chỉ chiếu vào Thứ Bảy",
        "  - Năm mới: chiếu từ ngày 11/02/2027",
        "  - khac.jpg: không có tên trong screen.playlist",
        language("vi").text("plan.undecreed", year=2027),
    ]


def test_on_a_holiday_it_says_which_and_until_when_in_english_too(box: Box) -> None:
    box.write("en")
    said = box.plan("--at", "2027-02-05 08:00").splitlines()
    assert said[1] == (
        "The counter is closed for a holiday (Lunar New Year's Eve) and opens again at 07:00, Thu 11/02/2027"
    )
    assert said[2:4] == ["The screen says that the counter is closed", "So it stays until 06:45, Thu 11/02/2027"]


def test_programs_read_the_same(box: Box) -> None:
    found = json.loads(box.plan("--at", "2027-02-02 14:00", "--json"))
    assert (found["mode"], found["office"]["open"], found["holidays_decreed"]) == ("play", True, False)
    assert found["round"] == ["dinh-danh.jpg", "tet.mp4", "dinh-danh.jpg"]
    assert {out["name"]: out["reason"] for out in found["out"]}["huong-dan.pdf"] == "other_hours"
    assert found["changes_at"] == "2027-02-02T17:15:00+07:00"


def test_a_box_that_is_not_sure_of_the_time_plays_what_may_always_play(box: Box) -> None:
    said = box.plan("--at", "2027-02-02 14:00", "--unsure").splitlines()
    assert said[1].startswith("Hộp chưa chắc ngày giờ")
    assert said[4:6] == ["  1. dinh-danh.jpg", "Không được chiếu:"]


def test_an_emergency_that_is_on_is_told(box: Box) -> None:
    settings = load(box.config)
    now = datetime(2027, 2, 2, 8, tzinfo=settings.counter.zone)
    Siren(box.folder / "emergency.json", ManualClock(now), None, None).sound(Notice("Bão"), by="UBND", lasts_s=3600)
    found = explain(settings, now + timedelta(minutes=30), now=now)
    assert found.plan.mode == "emergency"
    assert found.changes_at is None or found.changes_at > found.at
    assert "Màn hình hiện thông báo khẩn" in found.text()
    assert explain(settings, now + timedelta(hours=2), now=now).plan.mode == "play"


def test_without_a_folder_or_anything_to_play_that_is_what_it_says(box: Box) -> None:
    box.write(media="/nowhere/at/all", playlist=[])
    said = box.plan()
    assert "Không có mục nào được chiếu" in said
    assert "Không đọc được thư mục /nowhere/at/all" in said


def test_a_time_nobody_can_read_and_a_file_that_is_wrong_end_as_everywhere(box: Box) -> None:
    wrong = CliRunner().invoke(cli, ["plan", "--config", str(box.config), "--at", "8h"])
    assert wrong.exit_code == 2
    assert 'not "8h" but year-month-day hour:minute' in wrong.output
    box.config.write_text("counter: {}")
    assert isinstance(CliRunner().invoke(cli, ["plan", "--config", str(box.config)]).exception, SettingsError)


def test_what_the_province_put_here_is_in_the_plan_as_long_as_it_has_a_say(box: Box) -> None:
    sets = Sets(box.folder / "content", MediaStore(box.folder / "screen"))
    sets.activate(parsed(a_set({"notice": {"title": "Từ tỉnh"}, "weight": 2}).text()))
    assert "Từ tỉnh" not in box.plan("--at", "2027-02-05 08:00")
    box.write(content={"key_file": str(box.folder / "content.pub"), "hosts": ["media.nghean.example"]})
    assert "Từ tỉnh" in box.plan("--at", "2027-02-05 08:00")
