"""The hub tells the whole state, thanks without knowing for what, and counts what was shown."""

import json
import unicodedata
from datetime import UTC, datetime

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.screen.code.qr import rating_qr
from agent.screen.hub import Item, Nameplate, RatingCode, ScreenHub

PLATE = Nameplate(unit="Công an xã Kim Liên", number=2, hotlines=("0238 3841 110",), hours="7:00–11:30")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 9, 1, 8, 15, 30, tzinfo=UTC))


@pytest.fixture
def hub(clock: ManualClock) -> ScreenHub:
    return ScreenHub(PLATE, clock)


def test_the_state_is_whole_and_can_be_sent(hub: ScreenHub) -> None:
    hub.set_playlist([Item("a" * 32, "/media/a")])
    hub.set_code(RatingCode("HTTPS://EXAMPLE/R/1"))
    state = json.loads(json.dumps(hub.state()))
    assert state["unit"] == PLATE.unit
    assert state["counter"] == {"number": 2, "label": "Quầy số 2"}
    assert state["hotlines"] == ["0238 3841 110"]
    assert state["qr"] == {"svg": rating_qr("HTTPS://EXAMPLE/R/1"), "text": "EXAMPLE/R/1", "left_ms": None}
    assert [item["kind"] for item in state["playlist"]] == ["image"]
    assert state["clock"]["trusted"] is True
    assert state["texts"]["thanks"] == "Cảm ơn ông/bà đã đánh giá!"


def test_a_change_moves_the_revision_and_rings_once_and_no_change_does_neither(hub: ScreenHub) -> None:
    rings: list[int] = []
    hub.listen(lambda: rings.append(hub.revision))
    items = [Item("a" * 32, "/media/a")]
    hub.set_playlist(items)
    hub.set_playlist(items)
    assert rings == [2]


def test_nobody_is_called_after_unlisten(hub: ScreenHub) -> None:
    rings: list[None] = []

    def ring() -> None:
        rings.append(None)

    hub.listen(ring)
    hub.unlisten(ring)
    hub.thank()
    assert rings == []


def test_a_thank_you_lasts_four_seconds_and_a_new_rating_restarts_it(hub: ScreenHub, clock: ManualClock) -> None:
    assert hub.thanks().left_ms == 0
    hub.thank()
    first = hub.thanks()
    assert first.left_ms == 4000
    clock.advance(3)
    assert hub.thanks().left_ms == 1000
    hub.thank()
    assert hub.thanks().left_ms == 4000
    assert hub.thanks().token != first.token
    clock.advance(5)
    assert hub.thanks().left_ms == 0


def test_a_thank_you_does_not_redraw_the_screen(hub: ScreenHub) -> None:
    before = hub.revision
    hub.thank()
    assert hub.revision == before


def test_tokens_of_two_runs_are_never_the_same(clock: ManualClock) -> None:
    assert ScreenHub(PLATE, clock).thanks().token != ScreenHub(PLATE, clock).thanks().token


def test_an_untrusted_clock_is_told_as_such(hub: ScreenHub, clock: ManualClock) -> None:
    clock.set_wall(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE)
    hub.look_at_clock()
    assert hub.state()["clock"]["trusted"] is False


def test_decomposed_names_are_composed(clock: ManualClock) -> None:
    hub = ScreenHub(Nameplate(unicodedata.normalize("NFD", "Xã Ẳng Đỏ"), 1), clock)
    assert hub.state()["unit"] == "Xã Ẳng Đỏ"


def test_what_was_shown_is_counted_by_item_and_hour_and_taken_once(hub: ScreenHub, clock: ManualClock) -> None:
    hub.set_playlist([Item("a" * 32, "/media/a"), Item("b" * 32, "/media/b")])
    assert hub.played("a" * 32)
    assert hub.played("a" * 32)
    clock.advance(3600)
    assert hub.played("b" * 32)
    taken = hub.take_played()
    assert [(cell.item[0], cell.hour.hour, cell.times) for cell in taken] == [("a", 8, 2), ("b", 9, 1)]
    assert hub.take_played() == []


def test_an_item_that_just_left_the_list_still_counts_and_an_invented_one_never(hub: ScreenHub) -> None:
    hub.set_playlist([Item("a" * 32, "/media/a")])
    hub.set_playlist([])
    assert hub.played("a" * 32)
    assert not hub.played("c" * 32)


def test_the_page_is_as_old_as_its_last_beat(hub: ScreenHub, clock: ManualClock) -> None:
    assert hub.page_age_s is None
    hub.beat()
    clock.advance(7)
    assert hub.page_age_s == 7
