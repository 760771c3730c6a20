"""The demo's page: a press goes to the wire, and what the province has comes back, hop by hop."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.event import EventType
from agent.health import OK, Condition, Status
from agent.language import language
from agent.web.demo import DemoSources, demo_routes
from agent.web.service import WebService
from tests.eventually import eventually
from tests.web.conftest import OpenPage
from tests.web.looking import codes, contrasts, seen, until
from tests.web.serving import ADDRESS, Serving

LIT = "[...document.querySelectorAll('.hops li')].map((hop) => hop.classList.contains('lit'))"


class Province:
    """What the demo is told: presses on the wire, rows at the province, totals."""

    def __init__(self) -> None:
        self.pressed: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self.acknowledged = 0
        self.is_unplugged = False
        self.code: str | None = "HTTP://192.168.4.1:8081/R/7K3M9QX2"

    def press(self, key: int) -> None:
        if self.is_unplugged:
            raise OSError(5, "Input/output error")
        self.pressed.append(key)

    def store(self, level: int) -> None:
        moment = "2026-09-01T08:15:07+07:00"
        row = {"seq": len(self.rows) + 1, "time": moment, "type": "rating", "level": level, "flags": ["upgrade"]}
        self.rows.insert(0, {**row, "received_at": moment})

    def totals(self) -> dict[str, int]:
        return {"ratings": len(self.rows), "events": len(self.rows), "acknowledged": self.acknowledged, "gaps": 0}


@pytest.fixture
def province() -> Province:
    return Province()


@pytest.fixture
def serving(tmp_path: Path, province: Province) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    sources = DemoSources(
        press=province.press,
        received=lambda: tuple(province.rows),
        totals=province.totals,
        code=lambda: province.code,
        hub=serving.hub,
        health=serving.health,
        language=language("vi"),
    )
    serving.site = replace(serving.site, routes=demo_routes(sources))
    serving.web = WebService("127.0.0.1:0", serving.site)
    with serving:
        yield serving


def test_the_hops_light_up_on_evidence_and_no_sooner(serving: Serving, province: Province, open_page: OpenPage) -> None:
    page = open_page("/", (1440, 900))
    until(page, "document.body.classList.contains('unlinked') === false")
    until(page, "document.querySelector('#totals dd') !== null")
    page.click("button[data-key='2']")
    until(page, f"{LIT}.toString() === 'true,false,false,false,false,false'")
    assert province.pressed == [2]
    serving.hub.thank()
    until(page, f"{LIT}.toString() === 'true,true,true,false,false,false'")
    province.store(level=2)
    until(page, f"{LIT}.toString() === 'true,true,true,true,true,false'")
    province.acknowledged = 1
    until(page, f"{LIT}.toString() === 'true,true,true,true,true,true'")
    row = page.locator("#received tr").first.inner_text()
    assert all(text in row for text in ("#1", "Hài lòng", "sửa lên", "08:15:07"))


def test_every_kind_of_event_has_a_name_in_both_languages(
    serving: Serving, province: Province, open_page: OpenPage
) -> None:
    moment = "2026-09-01T08:15:07+07:00"
    for seq, kind in enumerate(EventType):
        province.rows.append({"seq": seq, "time": moment, "type": kind, "level": None, "received_at": moment})
    page = open_page("/", (1440, 900))
    until(page, f"document.querySelectorAll('#received tr').length === {len(EventType)}")
    rows = page.locator("#received .what").all_inner_texts()
    assert "Có người đến Somebody came" in rows
    assert not [row for row in rows if row in set(EventType)]


def test_the_phone_page_is_one_click_away(serving: Serving, province: Province) -> None:
    answer, _ = serving.ask("GET", "/demo/phone")
    assert (answer.status, answer.headers["Location"]) == (303, province.code)
    province.code = None
    assert serving.ask("GET", "/demo/phone")[0].status == 503


def test_a_phones_vote_is_told_apart_and_its_comment_is_text(
    serving: Serving, province: Province, open_page: OpenPage
) -> None:
    province.store(level=3)
    province.rows[0].update(flags=[], channel="qr", comment="<b>nhanh</b>, gọi …")
    page = open_page("/", (1440, 900))
    row = page.locator("#received tr").first
    until(page, "document.querySelector('#received q') !== null")
    assert all(text in row.inner_text() for text in ("Rất hài lòng", "điện thoại", "<b>nhanh</b>, gọi …"))


def test_keys_of_the_keyboard_press_too(serving: Serving, province: Province, open_page: OpenPage) -> None:
    page = open_page("/", (1440, 900))
    page.keyboard.press("4")
    eventually(lambda: province.pressed == [4])


@pytest.mark.parametrize("size", [(1440, 900), (1280, 800)])
def test_everything_is_on_one_sheet(serving: Serving, open_page: OpenPage, size: tuple[int, int]) -> None:
    for component in ("agent", "keypad", "outbox", "uplink", "clock", "disk", "config", "qr"):
        serving.health.report(component, OK)
    serving.health.report("screen", Condition(Status.DEGRADED, "SCREEN_NO_MEDIA", {"path": "/tmp/demo/media"}))
    serving.health.report("camera", Condition(Status.OFF, "NOT_CONFIGURED"))
    page = open_page("/", size)
    until(page, "document.querySelectorAll('#components li').length === 10")
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [*size]
    frame = page.locator("iframe").bounding_box()
    assert frame is not None
    assert abs(frame["width"] / frame["height"] - 16 / 9) < 0.01
    eventually(lambda: ADDRESS in codes(seen(page)), 10)
    assert [text for text in contrasts(page) if text["ratio"] < 4.5] == []


@pytest.mark.parametrize("key", [0, 5, "1", True, None, 1.5])
def test_there_are_four_keys(serving: Serving, province: Province, key: object) -> None:
    assert serving.ask("POST", "/demo/press", body={"key": key})[0].status == 400
    assert province.pressed == []


def test_an_unplugged_keypad_is_said(serving: Serving, province: Province) -> None:
    province.is_unplugged = True
    answer, body = serving.ask("POST", "/demo/press", body={"key": 1})
    assert (answer.status, b"Input/output error" in body) == (503, True)


def test_another_site_cannot_press(serving: Serving, province: Province) -> None:
    answer, _ = serving.ask("POST", "/demo/press", body={"key": 1}, headers={"Origin": "http://evil.example"})
    assert answer.status == 403
    assert province.pressed == []
