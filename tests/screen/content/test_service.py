"""From the province's word to what plays: fetched from a real server, taken in by the real ingest, active at once."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.health import Health, Report, Status
from agent.language import language
from agent.screen.content import line
from agent.screen.content.inbox import Inbox
from agent.screen.content.line import Limits
from agent.screen.content.service import ContentService
from agent.screen.content.sets import Sets
from agent.screen.media.develop import Developed, Refused
from agent.screen.media.ingest import Ingest
from agent.screen.media.store import MediaStore
from agent.settings.content import Content
from agent.uplink.backoff import Backoff
from tests.eventually import eventually
from tests.screen.content import web as answers
from tests.screen.content.web import Answer, Web, cut_after, moved, status
from tests.screen.content.words import FOREIGN, NOTICE, file_item, pem, said
from tests.screen.pictures import noise, plain
from tests.screen.shelf import develop_here, shelved
from tests.screen.taking_in import serving

QUICK = Limits(silent_s=0.3, head_s=0.3, drip_s=0.3)
POSTER = noise((400, 300))


class Counter:
    """A counter's content, without the counter around it."""

    def __init__(self, folder: Path, web: Web, ca: Path) -> None:
        (folder / "content.pub").write_bytes(pem())
        self.folder, self.web = folder, web
        self.settings: Content | None = Content(key_file=folder / "content.pub", hosts=(web.host,), ca_file=ca)
        self.clock = ManualClock(datetime(2027, 1, 4, 1, 0, tzinfo=UTC))
        self.health = Health(self.clock)
        self.free = 2**50
        self.store = MediaStore(folder / "screen", free_bytes=lambda _: self.free)
        self.ingest = Ingest(self.store)
        self.inbox = Inbox()
        self.sets = Sets(folder / "content", self.store)
        self.first: str | None = None
        self.link = 1
        self.told: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self.sets = Sets(self.folder / "content", self.store)
        service = ContentService(
            self.settings,
            sets=self.sets,
            ingest=self.ingest,
            inbox=self.inbox,
            health=self.health,
            clock=self.clock,
            language=language("en"),
            yields_to=lambda: self.first,
            tell=lambda report: self.told.append(json.loads(report)),
            link=lambda: self.link,
            limits=QUICK,
            backoff=partial(Backoff, spread_s=0.05, cap_s=0.1),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=service.run, args=(self._stop,), name="content")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
            assert not self._thread.is_alive(), "it did not say goodbye in time"
        self._thread = None

    def say(self, *items: dict[str, Any], **keys: Any) -> None:
        self.inbox.put(said(*items, base=self.web.base, **keys))

    @property
    def plays(self) -> list[str]:
        return [entry.name for entry in self.sets.entries()]

    def await_code(self, code: str) -> Report:
        def report() -> Report | None:
            return next((each for each in self.health.reports() if each.condition.code == code), None)

        return eventually(report, 10)


@pytest.fixture
def counter(tmp_path: Path, web: Web, ca: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.setattr(line, "TICK_S", 0.05)
    monkeypatch.setattr("agent.screen.content.service.TICK_S", 0.02)
    monkeypatch.setattr("agent.screen.content.service.IDLE_S", 0.02)
    monkeypatch.setattr("agent.screen.content.service.GATE_S", 0.05)
    monkeypatch.setattr("agent.screen.content.teller.TOLD_S", 0.05)
    made = Counter(tmp_path, web, ca)
    yield made
    made.stop()


@pytest.fixture
def playing(counter: Counter) -> Counter:
    """A counter that plays version 1, and was told where version 2 lies as soon as its test says so."""
    blue = plain((0, 0, 128))
    shelved(counter.store, blue)
    counter.web.put(blue)
    counter.start()
    counter.say(file_item("cũ.png", blue), version=1)
    eventually(lambda: counter.plays == ["cũ.png"])
    assert counter.web.asked == [], "what is here is not fetched"
    return counter


def test_a_set_is_fetched_taken_in_and_played_as_a_whole(playing: Counter) -> None:
    playing.web.put(POSTER)
    with serving(playing.ingest):
        playing.say(file_item("áp phích.jpg", POSTER, weight=2), NOTICE, version=2)
        eventually(lambda: playing.plays == ["áp phích.jpg", "Nghỉ Tết"])
    entry = playing.sets.entries()[0]
    assert (entry.weight, entry.media[0].kind, entry.media[0].name) == (2, "image", "áp phích.jpg")
    assert list((playing.folder / "content" / "parts").iterdir()) == []
    eventually(lambda: (playing.told[-1]["active"], "loading" in playing.told[-1]) == (SHOWN_2, False))
    assert playing.told[-1]["previous"]["version"] == 1
    eventually(lambda: [(each.component, each.condition.status) for each in playing.health.reports()] == ALL_WELL)


SHOWN_2 = {"set": "tet", "version": 2, "items": 2}
ALL_WELL = [("content", Status.OK)]


ATTACKS: dict[str, tuple[Answer, str]] = {
    "a broken line": (cut_after(1000), "the line broke"),
    "wrong bytes": (answers.other_bytes, "not the one that was signed"),
    "a wrong size": (answers.longer, "another size"),
    "an endless body": (answers.endless, "another size"),
    "a drip": (answers.dripping, "too slow"),
    "silence": (answers.mute, "does not answer"),
    "not there": (status(404), "404"),
}


@pytest.mark.parametrize(("answer", "words"), ATTACKS.values(), ids=ATTACKS)
def test_whatever_goes_wrong_is_said_and_what_played_goes_on(playing: Counter, answer: Answer, words: str) -> None:
    playing.web.put(POSTER)
    playing.web.answers = [answer] * 1000
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    report = playing.await_code("CONTENT_WAITS")
    assert words in report.words(language("en"))[0]
    assert report.words(language("vi"))
    assert playing.plays == ["cũ.png"]
    eventually(lambda: words in playing.told[-1].get("loading", {}).get("waits", ""))
    assert playing.told[-1]["active"]["version"] == 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a foreign key": ({"key": FOREIGN}, "signature"),
    "another host": ({"base": "https://elsewhere.example/"}, "host"),
}


@pytest.mark.parametrize(("keys", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_word_that_is_refused_is_said_and_what_played_goes_on(
    playing: Counter, keys: dict[str, Any], reason: str
) -> None:
    playing.inbox.put(said(NOTICE, version=2, **{"base": playing.web.base, **keys}))
    playing.await_code("CONTENT_REFUSED")
    eventually(lambda: playing.told[-1].get("refused", {}).get("reason") == reason)
    assert playing.plays == ["cũ.png"]
    playing.say(NOTICE, version=3)
    eventually(lambda: playing.plays == ["Nghỉ Tết"])
    eventually(lambda: "refused" not in playing.told[-1])


def test_a_way_to_another_host_ends_the_set(playing: Counter) -> None:
    playing.web.put(POSTER)
    playing.web.answers = [moved("https://elsewhere.example/x")]
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    assert "elsewhere.example" in playing.await_code("CONTENT_REFUSED").words(language("en"))[0]
    assert playing.plays == ["cũ.png"]


def test_an_older_version_is_told_and_is_no_trouble(playing: Counter) -> None:
    playing.say(NOTICE, version=5)
    eventually(lambda: playing.plays == ["Nghỉ Tết"])
    playing.say(NOTICE, NOTICE, version=4)
    eventually(lambda: playing.told[-1].get("refused", {}).get("reason") == "older")
    assert playing.plays == ["Nghỉ Tết"]
    assert [each.condition.status for each in playing.health.reports()] == [Status.OK]


def test_a_file_that_no_screen_shows_ends_the_set_in_words(playing: Counter) -> None:
    broken = POSTER[: len(POSTER) // 2]
    playing.web.put(broken)
    with serving(playing.ingest):
        playing.say(NOTICE, file_item("hỏng.jpg", broken), version=2)
        assert "hỏng.jpg" in playing.await_code("CONTENT_REFUSED").words(language("vi"))[0]
    assert playing.plays == ["cũ.png"]


@pytest.mark.parametrize("first", ["link", "backlog"])
def test_ratings_go_before_downloads(playing: Counter, first: str) -> None:
    playing.web.put(POSTER)
    playing.first = first
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    eventually(lambda: "waits" in playing.told[-1].get("loading", {}))
    assert playing.web.asked == []
    assert [each.condition.status for each in playing.health.reports()] == [Status.OK]
    playing.first = None
    eventually(lambda: playing.web.asked)


def test_files_are_fetched_in_the_hours_of_the_settings_only(counter: Counter) -> None:
    assert counter.settings is not None
    counter.settings = counter.settings.model_copy(update={"window": ("20:00-06:00",)})
    counter.clock.advance(7 * 3600)
    counter.web.put(POSTER)
    counter.start()
    counter.say(file_item("áp phích.jpg", POSTER), version=1)
    eventually(lambda: "20:00" in counter.told[-1].get("loading", {}).get("waits", "") if counter.told else False)
    counter.clock.advance(13 * 3600)
    eventually(lambda: counter.web.asked)


def test_a_clock_nobody_believes_keeps_no_hours(counter: Counter) -> None:
    assert counter.settings is not None
    counter.settings = counter.settings.model_copy(update={"window": ("00:00-24:00",)})
    counter.clock = ManualClock(datetime(2027, 1, 4, 1, 0, tzinfo=UTC), quality=ClockQuality.NONE)
    counter.start()
    counter.say(file_item("áp phích.jpg", POSTER), version=1)
    eventually(lambda: "clock" in counter.told[-1].get("loading", {}).get("waits", "") if counter.told else False)
    assert counter.web.asked == []


def test_a_days_bytes_are_not_exceeded_and_the_next_day_goes_on(counter: Counter) -> None:
    film = b"\x00\x00\x00\x18ftypisom" + bytes(2_000_000)
    assert counter.settings is not None
    counter.settings = counter.settings.model_copy(update={"daily_mb": 1})
    counter.web.put(film)
    counter.start()
    counter.say(file_item("phim.mp4", film), version=1)
    eventually(lambda: "1 MB" in counter.told[-1].get("loading", {}).get("waits", "") if counter.told else False)
    part = counter.folder / "content" / "parts"
    assert sum(file.stat().st_size for file in part.glob("*.part")) < 1_200_000
    counter.clock.advance(24 * 3600)
    eventually(lambda: any("Range" in headers for _, headers in counter.web.asked))


def test_a_full_card_takes_nothing_in_and_what_played_goes_on(playing: Counter) -> None:
    playing.web.put(POSTER)
    playing.free = len(POSTER)
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    assert "card" in playing.await_code("CONTENT_WAITS").words(language("en"))[0]
    assert playing.web.asked == []
    assert playing.plays == ["cũ.png"]


def test_a_life_that_ended_in_between_is_taken_up_where_it_stood(playing: Counter) -> None:
    playing.web.put(POSTER)
    playing.web.answers = [cut_after(8192), *[status(500)] * 500]
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    playing.await_code("CONTENT_WAITS")
    playing.stop()
    playing.web.answers = []
    playing.start()
    assert playing.plays == ["cũ.png"]
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    with serving(playing.ingest):
        eventually(lambda: playing.plays == ["áp phích.jpg"])
    assert playing.web.asked[-1][1].get("Range") == "bytes=8192-"


def test_a_newer_word_takes_the_place_of_one_that_is_being_fetched(playing: Counter) -> None:
    playing.web.put(POSTER)
    playing.web.answers = [answers.mute]
    playing.say(file_item("áp phích.jpg", POSTER), version=2)
    eventually(lambda: playing.web.asked)
    playing.say(NOTICE, version=3)
    eventually(lambda: playing.plays == ["Nghỉ Tết"])


def test_damage_found_at_the_start_brings_back_the_set_before_and_fetches_the_damaged_one_again(
    playing: Counter,
) -> None:
    playing.web.put(POSTER)
    with serving(playing.ingest):
        playing.say(file_item("áp phích.jpg", POSTER), version=2)
        eventually(lambda: playing.plays == ["áp phích.jpg"])
        playing.stop()
        found = playing.store.find(playing.sets.entries()[0].media[0].id)
        assert found is not None
        found[0].write_bytes(b"damaged")
        playing.first = "link"
        playing.start()
        eventually(lambda: playing.plays == ["cũ.png"])
        playing.await_code("CONTENT_DAMAGED")
        playing.first = None
        eventually(lambda: playing.plays == ["áp phích.jpg"])
    eventually(lambda: [each.condition.status for each in playing.health.reports()] == [Status.OK])


def test_damage_found_while_it_plays_is_mended_and_shown_under_another_address(playing: Counter) -> None:
    playing.web.put(POSTER)
    with serving(playing.ingest):
        playing.say(file_item("áp phích.jpg", POSTER), version=2)
        eventually(lambda: playing.plays == ["áp phích.jpg"])
        [before] = playing.sets.entries()[0].media
        playing.store.lose(before.id, before)
        eventually(lambda: playing.plays == ["áp phích.jpg"] and playing.sets.entries()[0].media[0] != before)
    [after] = playing.sets.entries()[0].media
    assert (after.id, after.sha256) == (before.id, before.sha256)
    assert after.making != before.making


def test_a_fetched_file_that_was_damaged_before_it_was_taken_in_is_fetched_again(playing: Counter) -> None:
    playing.web.put(POSTER)
    item = file_item("áp phích.jpg", POSTER)
    parts = playing.sets.folder / "parts"
    parts.mkdir(parents=True)
    (parts / item["sha256"]).write_bytes(plain((1, 2, 3)))
    with serving(playing.ingest):
        playing.say(item, version=2)
        eventually(lambda: playing.plays == ["áp phích.jpg"])
    assert playing.sets.entries()[0].media


def test_a_file_that_the_box_was_too_short_of_memory_for_is_tried_again(
    playing: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def killed_once(*args: Any, **keys: Any) -> Developed:
        made = develop_here(*args, **keys)
        tried.append(made)
        if len(tried) == 1:
            raise Refused(made.source, "crashed", how="SIGKILL")
        return made

    monkeypatch.setattr("agent.screen.media.ingest.develop", killed_once)
    playing.web.put(POSTER)
    with serving(playing.ingest):
        playing.say(file_item("áp phích.jpg", POSTER), version=2)
        eventually(lambda: playing.plays == ["áp phích.jpg"])
    assert len(playing.web.asked) == 1, "it is not fetched twice"


def test_half_a_set_goes_when_the_province_has_no_say_any_more(counter: Counter) -> None:
    parts = counter.folder / "content" / "parts"
    parts.mkdir(parents=True)
    (parts / f"{'a' * 64}.part").write_bytes(b"half")
    counter.settings = None
    counter.start()
    counter.await_code("CONTENT_OFF")
    assert list(parts.iterdir()) == []


def test_without_a_section_in_the_settings_nothing_is_taken_and_that_is_said(counter: Counter) -> None:
    counter.settings = None
    counter.start()
    counter.await_code("CONTENT_OFF")
    counter.say(NOTICE)
    counter.await_code("CONTENT_NOT_CONFIGURED")
    assert (counter.plays, counter.told) == ([], [])


def test_a_province_that_reconnects_is_told_again(playing: Counter) -> None:
    before = eventually(lambda: len(playing.told))
    playing.link = 2
    eventually(lambda: len(playing.told) > before)
    assert playing.told[-1]["active"]["version"] == 1
