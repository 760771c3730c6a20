"""The screen service on a real folder: files come and go, and health says what a technician should do."""

import errno
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock, SystemClock
from agent.health import Health, Report, Status
from agent.language import language
from agent.screen import service
from agent.screen.hub import Nameplate, ScreenHub
from agent.screen.media import folder, ingest
from agent.screen.media.ingest import Ingest
from agent.screen.media.medium import content_id
from agent.screen.media.store import MediaStore
from agent.screen.planning.calendar import Calendar
from agent.screen.planning.emergency import Siren
from agent.screen.scene import Notice
from agent.screen.service import PAGE_AWAY_S, ScreenService
from agent.settings.holidays import Holidays
from agent.settings.hours import Hours
from agent.settings.model import Screen
from tests.eventually import eventually
from tests.screen.pictures import noise, plain
from tests.screen.shelf import develop_here
from tests.screen.taking_in import plenty, serving

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ALWAYS_OPEN = Calendar(Hours.model_validate({"mon-sun": ["00:00-24:00"]}), Holidays(is_vietnamese=False), ZONE)


class Counter:
    """The service in its thread, its folder and what it says."""

    def __init__(self, path: Path, **more: Any) -> None:
        """*more*: of the section `screen`."""
        self.media = path / "media"
        self.clock = SystemClock(ZONE)
        self.health = Health(self.clock)
        self.hub = ScreenHub(Nameplate("Công an xã Kim Liên", 1), self.clock)
        self.ingest = Ingest(MediaStore(path / "shown", free_bytes=plenty))
        self.siren = Siren(path / "emergency.json", self.clock, None, None)
        self.service = ScreenService(
            Screen.model_validate({"media": self.media, **more}),
            hub=self.hub,
            ingest=self.ingest,
            health=self.health,
            clock=self.clock,
            language=language("vi"),
            calendar=ALWAYS_OPEN,
            siren=self.siren,
            address=lambda: self.address,
            code_lasts_s=90,
        )
        self.address: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.service.run, args=(self._stop,), name="screen")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(self.service.goodbye_s)
            assert not self._thread.is_alive(), "the screen service did not say goodbye in time"

    @property
    def report(self) -> Report | None:
        return next((report for report in self.health.reports() if report.component == "screen"), None)

    def says(self, code: str) -> bool:
        return self.report is not None and self.report.condition.code == code

    def plays(self, *pictures: bytes) -> bool:
        return [item.id for item in self.hub.playlist] == [content_id(data) for data in pictures]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little of it."""
    monkeypatch.setattr(folder.MediaFolder.__init__, "__kwdefaults__", {"settle_s": 0.05})
    monkeypatch.setattr(service, "MISSING_S", 0.05)
    monkeypatch.setattr(service, "TICK_S", 0.05)
    monkeypatch.setattr(ingest, "develop", develop_here)


@pytest.fixture
def counter(tmp_path: Path, patience: None) -> Iterator[Counter]:
    counter = Counter(tmp_path)
    with serving(counter.ingest):
        yield counter
        counter.stop()


def test_a_picture_dropped_into_the_folder_plays_and_a_deleted_one_stops(counter: Counter) -> None:
    counter.media.mkdir()
    counter.start()
    eventually(lambda: counter.says("SCREEN_NO_MEDIA"))
    red, green = plain((200, 0, 0)), plain((0, 200, 0))
    (counter.media / "1.png").write_bytes(red)
    eventually(lambda: counter.plays(red))
    (counter.media / ".2.png.part").write_bytes(green)
    (counter.media / ".2.png.part").replace(counter.media / "2.png")
    eventually(lambda: counter.plays(red, green))
    eventually(lambda: counter.says("OK"))
    (counter.media / "1.png").unlink()
    eventually(lambda: counter.plays(green))


def test_a_picture_moved_in_from_another_folder_plays(counter: Counter, tmp_path: Path) -> None:
    counter.media.mkdir()
    counter.start()
    eventually(lambda: counter.says("SCREEN_NO_MEDIA"))
    blue = plain((0, 0, 200))
    (tmp_path / "elsewhere.png").write_bytes(blue)
    (tmp_path / "elsewhere.png").replace(counter.media / "1.png")
    eventually(lambda: counter.plays(blue))


def test_a_cut_picture_is_refused_by_name_with_the_reason_and_the_others_play(counter: Counter) -> None:
    counter.media.mkdir()
    whole, cut = plain((0, 90, 0)), noise((600, 400))[:9000]
    (counter.media / "1.png").write_bytes(whole)
    (counter.media / "thông báo.jpg").write_bytes(cut)
    counter.start()
    eventually(lambda: counter.says("SCREEN_FILES_REFUSED"))
    assert counter.plays(whole)
    assert counter.report is not None
    message, hint = counter.report.words(language("vi"))
    assert message == "1 tệp không chiếu được: thông báo.jpg (tệp hỏng hoặc chép thiếu)"
    assert "Chép lại" in hint


def test_a_missing_folder_is_said_and_found_when_it_comes(counter: Counter) -> None:
    counter.start()
    eventually(lambda: counter.says("SCREEN_FOLDER_MISSING"))
    red = plain((200, 0, 0))
    counter.media.mkdir()
    (counter.media / "1.png").write_bytes(red)
    eventually(lambda: counter.plays(red) and counter.says("OK"))


def test_a_folder_that_was_replaced_is_watched_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RESCAN_S", 0.1)
    counter.media.mkdir()
    counter.start()
    eventually(lambda: counter.says("SCREEN_NO_MEDIA"))
    shutil.rmtree(counter.media)
    eventually(lambda: counter.says("SCREEN_FOLDER_MISSING"))
    counter.media.mkdir()
    red = plain((200, 0, 0))
    (counter.media / "1.png").write_bytes(red)
    eventually(lambda: counter.plays(red))


def test_a_store_that_cannot_be_written_is_said_and_does_not_end_the_service(counter: Counter, tmp_path: Path) -> None:
    counter.media.mkdir()
    (counter.media / "1.png").write_bytes(plain((200, 0, 0)))
    (tmp_path / "shown").write_text("a file where the folder should be")
    counter.start()
    eventually(lambda: counter.says("SCREEN_MEDIA_UNUSABLE"))
    (tmp_path / "shown").unlink()
    eventually(lambda: counter.says("OK"))


def test_a_card_that_lets_nothing_be_deleted_is_said_and_what_is_there_plays(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.media.mkdir()
    red = plain((200, 0, 0))
    (counter.media / "1.png").write_bytes(red)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "shown")

    monkeypatch.setattr(MediaStore, "keep", refuse)
    counter.start()
    eventually(lambda: counter.plays(red) and counter.says("SCREEN_MEDIA_UNUSABLE"))
    assert counter.report is not None
    assert "chỉ đọc" in counter.report.words(language("vi"))[0]


def test_a_picture_that_the_card_damaged_is_made_again_and_the_card_is_said_to_wear(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "RESCAN_S", 0.05)
    counter.media.mkdir()
    red = plain((200, 0, 0))
    (counter.media / "1.png").write_bytes(red)
    counter.start()
    eventually(lambda: counter.plays(red))
    [before] = counter.hub.playlist
    store = counter.ingest.store
    [record] = store.records()
    store.lose(record.source, record.media[0])
    eventually(lambda: counter.plays(red) and counter.hub.playlist != (before,))
    assert counter.hub.playlist[0].url != before.url, "the browser keeps what it had under the address of before"
    assert store.find(before.id) is not None
    eventually(lambda: counter.says("SCREEN_CARD_WEARS"))


def test_the_rating_address_becomes_a_code_and_a_printed_text(counter: Counter) -> None:
    counter.media.mkdir()
    counter.address = "HTTPS://DANHGIA.VN/R/7K3M9QX2"
    counter.start()
    code = eventually(lambda: counter.hub.state()["qr"])
    assert code["text"] == "DANHGIA.VN/R/7K3M9QX2"
    assert code["svg"].startswith("<svg")


def test_a_new_address_is_drawn_anew_and_none_takes_the_code_down(counter: Counter) -> None:
    counter.media.mkdir()
    counter.address = "HTTPS://DANHGIA.VN/R/" + "A" * 29
    counter.start()
    first = eventually(lambda: counter.hub.state()["qr"])
    assert first["text"] == "DANHGIA.VN", "nobody types a token"
    assert 0 < first["left_ms"] <= 90_000
    counter.address = "HTTPS://DANHGIA.VN/R/" + "B" * 29
    eventually(lambda: counter.hub.state()["qr"]["svg"] != first["svg"])
    counter.address = None
    eventually(lambda: counter.hub.state()["qr"] is None)


def test_a_page_that_was_there_and_fell_silent_is_missed_and_one_that_never_was_is_not(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 9, 1, 8, tzinfo=ZONE))
    counter = Counter(tmp_path)
    counter.media.mkdir()
    (counter.media / "1.png").write_bytes(plain((200, 0, 0)))
    hub, health = ScreenHub(Nameplate("Công an xã Kim Liên", 1), clock), Health(clock)
    screen = ScreenService(
        Screen(media=counter.media),
        hub=hub,
        ingest=counter.ingest,
        health=health,
        clock=clock,
        language=language("vi"),
        calendar=ALWAYS_OPEN,
    )
    stop = threading.Event()
    thread = threading.Thread(target=screen.run, args=(stop,))
    thread.start()

    def says(code: str) -> bool:
        return [report.condition.code for report in health.reports()] == [code]

    try:
        clock.advance(PAGE_AWAY_S * 10)
        eventually(lambda: says("OK"))
        hub.beat()
        clock.advance(PAGE_AWAY_S + 1)
        eventually(lambda: says("SCREEN_PAGE_AWAY"))
        assert health.reports()[0].condition.status is Status.DEGRADED
        hub.beat()
        eventually(lambda: says("OK"))
    finally:
        stop.set()
        thread.join(2)


def test_a_file_that_the_playlist_names_and_nobody_copied_is_said_until_it_comes(
    tmp_path: Path,
    patience: None,
) -> None:
    playlist = [{"file": "2.png"}, {"notice": {"title": "Nghỉ Tết"}}]
    counter = Counter(tmp_path, playlist=playlist)
    counter.media.mkdir()
    (counter.media / "1.png").write_bytes(plain((200, 0, 0)))
    with serving(counter.ingest):
        counter.start()
        try:
            eventually(lambda: counter.says("SCREEN_PLAYLIST_MISSING"))
            assert counter.report is not None
            assert "2.png" in counter.report.words(language("vi"))[0]
            assert [item.kind for item in counter.hub.playlist] == ["notice"]
            blue = plain((0, 0, 200))
            (counter.media / "2.png").write_bytes(blue)
            eventually(lambda: [item.id for item in counter.hub.playlist][:1] == [content_id(blue)])
            eventually(lambda: counter.says("OK"))
        finally:
            counter.stop()


def test_an_emergency_is_said_with_who_ordered_it(counter: Counter) -> None:
    counter.media.mkdir()
    counter.start()
    counter.siren.sound(Notice("Bão số 5"), by="UBND tỉnh", lasts_s=3600)
    eventually(lambda: counter.says("SCREEN_EMERGENCY"))
    assert counter.report is not None
    assert (
        counter.report.words(language("vi"))[0]
        == "Màn hình đang hiện thông báo khẩn “Bão số 5” theo lệnh của UBND tỉnh"
    )
    assert counter.hub.state()["emergency"]["title"] == "Bão số 5"
    counter.siren.silence(by="UBND tỉnh")
    eventually(lambda: counter.says("SCREEN_NO_MEDIA"))
