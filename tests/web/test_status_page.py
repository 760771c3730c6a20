"""The technician's page: every component in words, true without a reload, readable on a phone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from agent.health import OK, Condition, Status
from agent.screen.media.medium import Refusal
from agent.web.site import CameraSeen
from tests.eventually import eventually
from tests.web.conftest import OpenPage
from tests.web.looking import contrasts, until
from tests.web.serving import Serving

PHONE = (360, 740)
MISSING = Condition(Status.DEGRADED, "SCREEN_FOLDER_MISSING", {"path": "/var/lib/counter-agent/media"})


def test_it_says_what_is_wrong_and_what_to_do_and_stays_true(serving: Serving, open_page: OpenPage) -> None:
    serving.health.report("agent", OK)
    serving.health.report("screen", MISSING)
    page = open_page("/status")
    first = page.locator("#components li").first
    assert first.locator("h3").inner_text() == "Màn hình"
    assert "/var/lib/counter-agent/media" in first.locator(".message").inner_text()
    assert "screen.media" in first.locator(".hint").inner_text()
    assert "08:15:00, 01/09/2026" in first.locator(".since").inner_text()
    assert page.locator("#summary").inner_text() == "1 bộ phận cần xem lại"
    serving.health.report("screen", OK)
    until(page, "document.getElementById('summary').textContent === 'Mọi bộ phận đều hoạt động tốt'")
    serving.figures["pending"] = 12345
    until(page, "document.querySelector('#figures dd').textContent === '12 345'")


def test_it_is_whole_without_scripts(serving: Serving) -> None:
    serving.health.report("screen", MISSING)
    body = serving.ask("GET", "/status")[1].decode()
    for text in ("Màn hình", "Tạo thư mục này", "Tỉnh đã lưu", "1 284", "Bộ phận Một cửa Công an xã Kim Liên"):
        assert text in body


def test_a_file_that_is_not_shown_is_listed_with_the_reason_and_what_to_do(
    serving: Serving, open_page: OpenPage
) -> None:
    page = open_page("/status", PHONE)
    assert page.locator("#refusals").is_hidden()
    serving.refusals = (
        Refusal("lễ <b>hội</b> 🎉.mp4", "codec", {"seen": "H.265 (HEVC)"}),
        Refusal("x" * 90 + ".pdf", "pages", {"seen": 87, "limit": 20}),
    )
    until(page, "document.querySelectorAll('#refusals li').length === 2")
    film = page.locator("#refusals li").first
    assert film.locator("h3").inner_text() == "lễ <b>hội</b> 🎉.mp4"
    assert film.locator(".message").inner_text() == "phim nén kiểu H.265 (HEVC), cần H.264"
    assert "\nffmpeg -i cu.mp4" in film.locator(".hint").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.reload()
    assert page.locator("#refusals h3").all_inner_texts() == [refusal.name for refusal in serving.refusals]
    serving.refusals = ()
    until(page, "document.getElementById('refusals').hidden")


def test_markup_in_a_message_stays_text(serving: Serving, open_page: OpenPage) -> None:
    values = {"path": "</script><img src=x onerror=document.title='owned'>"}
    serving.health.report("screen", Condition(Status.DEGRADED, "SCREEN_FOLDER_MISSING", values))
    page = open_page("/status")
    assert values["path"] in page.locator("#components .message").inner_text()
    assert page.locator("#components img").count() == 0
    assert "owned" not in page.title()


def test_it_says_that_the_counter_is_gone(serving: Serving, open_page: OpenPage) -> None:
    page = open_page("/status")
    until(page, "document.body.classList.contains('live')")
    page.clock.install()
    page.reload()
    until(page, "document.body.classList.contains('live')")
    serving.stop()
    page.clock.run_for(20_000)
    until(page, "document.body.classList.contains('stale')")


@pytest.mark.parametrize("size", [PHONE, (1280, 800)])
def test_it_fits_and_every_text_stands_out(serving: Serving, open_page: OpenPage, size: tuple[int, int]) -> None:
    for component, status in (("agent", Status.OK), ("keypad", Status.FAILED), ("camera", Status.OFF)):
        serving.health.report(component, Condition(status, "NOT_CONFIGURED"))
    serving.health.report("screen", MISSING)
    page = open_page("/status", size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [text for text in contrasts(page) if text["ratio"] < 4.5] == []


def test_what_leaves_the_box_of_a_camera_and_what_is_kept_is_said(serving: Serving, open_page: OpenPage) -> None:
    since = datetime(2026, 8, 20, 7, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    serving.cameras = [CameraSeen("quay", "pixelated", is_recorded=True, kept_since=since, kept_bytes=12_340_000_000)]
    page = open_page("/status")
    first = page.locator("#cameras li").first
    said = first.locator("dl").inner_text()
    for words in ("Đã làm mờ người", "Có", "07:15, 20/08/2026", "12.3 GB"):
        assert words in said
    serving.cameras = [CameraSeen("quay", "plain", is_recorded=False, watched_by="Phòng PC06")]
    until(page, "document.querySelector('#cameras dl').innerText.includes('KHÔNG làm mờ người')")
    assert "Phòng PC06" in first.locator("dl").inner_text()
    assert first.get_attribute("class") == "plain"
    serving.cameras = []
    until(page, "document.getElementById('cameras').hidden")


@pytest.mark.parametrize("size", [PHONE, (1280, 800)])
def test_a_picture_is_shown_to_who_asks_for_one_and_as_long(
    serving: Serving, open_page: OpenPage, size: tuple[int, int]
) -> None:
    serving.cameras = [CameraSeen("quay", "masked", is_recorded=True)]
    page = open_page("/status", size)
    page.clock.install()
    until(page, "document.body.classList.contains('live')")
    assert serving.shown == []
    page.locator("#cameras summary").click()
    until(page, "document.querySelector('#cameras img').naturalWidth > 0")
    assert page.locator("#cameras img").is_visible()
    assert serving.shown == ["quay"]
    page.clock.run_for(4_000)
    eventually(lambda: serving.shown == ["quay", "quay"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [text for text in contrasts(page) if text["ratio"] < 4.5] == []
    serving.cameras = [CameraSeen("quay", "masked", is_recorded=True, watched_by="PC06")]
    until(page, "document.querySelector('#cameras dl').innerText.includes('PC06')")
    assert page.evaluate("document.querySelector('#cameras details').open")
    page.locator("#cameras summary").click()
    page.clock.run_for(20_000)
    assert len(serving.shown) <= 3


def test_a_camera_without_a_picture_is_said_in_words(serving: Serving, open_page: OpenPage) -> None:
    serving.cameras = [CameraSeen("door", "pixelated", is_recorded=False)]
    page = open_page("/status")
    page.locator("#cameras summary").click()
    until(page, "!document.querySelector('#cameras .gone').hidden")
    assert not page.locator("#cameras img").is_visible()
    assert serving.ask("GET", "/status/camera/door.jpg")[0].status == 503
    assert serving.ask("GET", "/status/camera/yard.jpg")[0].status == 404
    answer, body = serving.ask("GET", "/status/camera/quay.jpg")
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("image/jpeg", "no-store")
    assert body.startswith(b"\xff\xd8")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
