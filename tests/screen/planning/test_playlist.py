"""Playlists: what the settings make of a folder, windows at their minutes, and turns that are fair at every moment."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.screen.media.medium import NAME_LENGTH, Medium, Offer, Refusal, shown_name
from agent.screen.planning.playlist import ALWAYS, Playlist, Window, listed, turns
from agent.settings.playlist import PlaylistItem

VIETNAM, BERLIN = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Berlin")


def medium(name: str, *, page: int | None = None) -> Medium:
    return Medium(f"{name}-{page}", name, "image", 1000, 1920, 1080, page=page)


def item(**values: Any) -> PlaylistItem:
    """As the file would say it, `from_` for `from`."""
    return PlaylistItem.model_validate({name.rstrip("_"): value for name, value in values.items()})


FOLDER = Offer(
    (medium("a.jpg"), medium("b.pdf", page=1), medium("b.pdf", page=2), medium("c.jpg")),
    (Refusal("d.jpg", "broken"),),
    is_settling=False,
)


def test_without_a_playlist_every_file_plays_in_the_order_of_its_name() -> None:
    playlist = listed(None, FOLDER)
    assert [(entry.name, len(entry.media), entry.origin) for entry in playlist.entries] == [
        ("a.jpg", 1, "folder"),
        ("b.pdf", 2, "folder"),
        ("c.jpg", 1, "folder"),
    ]
    assert playlist.unlisted == ()


def test_a_playlist_names_what_plays_and_what_lies_there_unasked() -> None:
    playlist = listed([item(file="c.jpg", weight=2), item(notice={"title": "Nghỉ Tết"})], FOLDER)
    assert [entry.name for entry in playlist.entries] == ["c.jpg", "Nghỉ Tết"]
    assert playlist.entries[0].weight == 2
    assert playlist.entries[1].notice is not None
    assert playlist.unlisted == ("a.jpg", "b.pdf")


def test_what_is_named_and_not_there_says_whether_it_is_missing_refused_or_still_copied() -> None:
    names = [item(file="d.jpg"), item(file="e.jpg")]
    faults = [entry.fault for entry in listed(names, FOLDER).entries]
    assert [fault.code for fault in faults if fault] == ["refused", "missing"]
    settling = Offer(FOLDER.media, FOLDER.refusals, is_settling=True)
    faults = [entry.fault for entry in listed(names, settling).entries]
    assert [fault.code for fault in faults if fault] == ["refused", "settling"]


def test_a_name_that_was_typed_in_pieces_is_the_composed_one() -> None:
    offer = Offer((medium("thông báo.jpg"),), (), is_settling=False)
    playlist = listed([item(file="tho\u0302ng ba\u0301o.jpg")], offer)
    assert playlist.entries[0].media == offer.media


def test_a_long_name_is_found_under_the_one_by_which_it_is_shown() -> None:
    name = "Hướng dẫn thực hiện thủ tục đăng ký thường trú, tạm trú và khai báo tạm vắng trên Cổng dịch vụ công.pdf"
    assert len(name) > NAME_LENGTH
    [entry] = listed((item(file=name),), Offer((medium(shown_name(name)),), (), is_settling=False)).entries
    assert (len(entry.media), entry.fault) == (1, None)


def test_a_file_may_stand_in_a_playlist_twice() -> None:
    playlist = listed([item(file="a.jpg", days=["mon"]), item(file="a.jpg", days=["fri"], layout="full")], FOLDER)
    assert [entry.layout for entry in playlist.entries] == ["stage", "full"]


def test_an_empty_playlist_plays_nothing_of_the_folder() -> None:
    assert listed([], FOLDER) == Playlist((), ("a.jpg", "b.pdf", "c.jpg"))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        ("2027-01-19 23:59", "not_yet"),
        ("2027-01-20 07:00", None),
        ("2027-01-20 06:59", "other_hours"),
        ("2027-01-20 11:29", None),
        ("2027-01-20 11:30", "other_hours"),
        ("2027-01-23 08:00", "other_day"),
        ("2027-02-10 11:29", None),
        ("2027-02-11 00:00", "over"),
    ],
)
def test_a_window_opens_and_shuts_at_its_minutes(moment: str, reason: str | None) -> None:
    window = Window(date(2027, 1, 20), date(2027, 2, 10), frozenset(range(5)), ("07:00-11:30",))
    shut = window.shut(at(moment), VIETNAM)
    assert (shut.code if shut else None) == reason


def test_who_may_always_play_never_changes() -> None:
    assert ALWAYS.is_always
    assert ALWAYS.changes_after(at("2027-01-20 08:00"), VIETNAM) is None
    assert not Window(hours=("00:00-24:00",)).is_always


SPANS = st.sets(st.integers(0, 96), max_size=6).map(
    lambda marks: tuple(
        f"{a // 4:02}:{a % 4 * 15:02}-{b // 4:02}:{b % 4 * 15:02}"
        for a, b in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False)
    )
)
DATES = st.none() | st.dates(date(2027, 3, 20), date(2027, 4, 5))


@settings(deadline=None, max_examples=80)
@given(
    window=st.builds(Window, DATES, DATES, st.frozensets(st.integers(0, 6)), SPANS),
    minute=st.integers(0, 20 * 24 * 60),
    zone=st.sampled_from([VIETNAM, BERLIN]),
)
def test_a_window_stays_as_it_is_until_it_says_so(window: Window, minute: int, zone: ZoneInfo) -> None:
    """Germany sets its clocks on 28 March 2027."""
    moment = datetime(2027, 3, 19, tzinfo=UTC) + timedelta(minutes=minute)
    change = window.changes_after(moment, zone)
    assert change is None or change > moment
    last = min(change or moment + timedelta(days=3), moment + timedelta(days=3))
    now, is_shut = moment, window.shut(moment, zone) is None
    while now < last:
        assert (window.shut(now, zone) is None) is is_shut
        now += timedelta(minutes=7)
    if change is None and not window.is_always:
        assert window.last is not None
        assert moment.astimezone(zone).date() > window.last


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 10), max_size=12))
def test_turns_are_as_many_as_the_weight_and_nobody_is_ever_a_turn_away_from_his_share(weights: list[int]) -> None:
    order = turns(weights)
    assert order == turns(weights)
    assert set(order) == set(range(len(weights)))
    counts = [order.count(index) for index in range(len(weights))]
    for one, other in zip(range(len(weights)), range(1, len(weights)), strict=False):
        assert Fraction(counts[one], counts[other]) == Fraction(weights[one], weights[other])
    had = [0] * len(weights)
    for turn, chosen in enumerate(order, start=1):
        had[chosen] += 1
        for index, weight in enumerate(weights):
            assert abs(had[index] - Fraction(turn * weight, sum(weights))) < 1


@given(st.integers(1, 10), st.integers(0, 30))
def test_equal_weights_play_as_they_stand(weight: int, count: int) -> None:
    assert turns([weight] * count) == list(range(count))


def test_a_heavy_item_is_spread_over_the_round() -> None:
    assert turns([3, 1, 1, 1]) == [0, 1, 0, 2, 0, 3]
