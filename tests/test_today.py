"""What a technician reads of today: what was gone, how long citizens could rate, and nothing of what they said."""

from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.health import OK, Condition, Health, Status
from agent.language import language
from agent.rating.figures.ledger import Ledger
from agent.rating.figures.opening import opening
from agent.settings.load import load
from agent.settings.model import Settings
from agent.today import came_today, terms_of, today
from tests.rating.days import ZONE, at

CONFIG = """
counter: {province: "40", agent: na-0123, holidays: none}
uplink: {broker: "mqtt://127.0.0.1"}
outbox: {path: /var/lib/counter-agent/outbox.db}
"""
KEYPAD = 'keypads: [{driver: sim, keys: {"31": 3}}, {driver: sim, keys: {"31": 3}}]\n'
STICKER = "qr: {url: HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def settings(folder: Path, more: str = "") -> Settings:
    path = folder / "config.yaml"
    path.write_text(CONFIG + more)
    return load(path)


@pytest.mark.parametrize(
    ("more", "inputs"),
    [("", ()), (KEYPAD, ("keypad", "keypad-2")), (STICKER, ("sticker",)), (KEYPAD + STICKER, ("keypad", "keypad-2"))],
)
def test_a_printed_code_keeps_the_channel_open_only_where_it_is_all_there_is(
    folder: Path, more: str, inputs: tuple[str, ...]
) -> None:
    assert terms_of(settings(folder, more)).inputs == inputs


def test_outages_and_availability_are_told_in_the_counters_words(folder: Path) -> None:
    terms = terms_of(settings(folder, KEYPAD))
    clock = ManualClock(at(7))
    ledger = Ledger(clock, zone=ZONE, opening=lambda day: opening(day, ZONE, terms.hours))
    health = Health(clock)
    health.listen(ledger.hear)
    assert today(ledger, terms, clock.now(), language("vi")) == {"outages": None}
    clock.advance(3600)
    for name in ("keypad", "keypad-2"):
        health.report(name, Condition(Status.FAILED, "KEYPAD_UNPLUGGED"))
    clock.advance(900)
    health.report("keypad", OK)
    clock.advance(2700)
    told = today(ledger, terms, clock.now(), language("vi"))
    assert told == {"availability": "87,5 %", "outages": "Bàn phím 08:00–08:15; Bàn phím từ 08:00"}
    assert today(ledger, terms, clock.now(), language("en"))["availability"] == "87.5 %"


def test_who_came_is_told_by_camera_and_nothing_where_none_counts() -> None:
    assert came_today({"quay": 12, "cua": 0}) == {"visits": "quay 12; cua 0"}
    assert came_today({}) == {}
