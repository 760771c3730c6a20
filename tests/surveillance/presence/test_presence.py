"""When somebody has come and has left, from the sizes of what is foreign in the pictures."""

import math
from typing import cast
from unittest.mock import Mock

import pytest

from agent.surveillance.presence.onset import Lead, dated, onset
from agent.surveillance.presence.presence import Change, Presence, Turn

Seen = list[tuple[float, float | None]]


def told(seen: Seen) -> list[tuple[str, float, bool]]:
    presence = Presence()
    changes = [presence.see(size, at) for at, size in seen]
    return [(change.turn, change.at, change.is_seen) for change in changes if change is not None]


def every_2s(*sizes: float | None) -> Seen:
    return [(2.0 * n, size) for n, size in enumerate(sizes)]


def test_who_is_in_two_pictures_came_with_the_first_and_leaves_when_nobody_is_seen_for_some_seconds() -> None:
    assert told(every_2s(0, 3, 3, 3, 0, 0, 0, 0, 0, 0)) == [("came", 2.0, True), ("left", 7.0, True)]


def test_who_passes_by_has_not_come() -> None:
    assert told(every_2s(0, 3, 0, 0, 3, 0, 0)) == []


def test_who_bends_down_has_not_left() -> None:
    assert told(every_2s(0, 3, 3, 0, 0, 0, 3, 3)) == [("came", 2.0, True)]


def test_half_of_somebody_is_enough_to_stay_and_not_to_come() -> None:
    assert told(every_2s(0, 0.6, 0.6, 0.6, 0.6)) == []
    assert told(every_2s(0, 1.1, 1.1, 0.6, 0.6, 0.6, 0.6, 0.6)) == [("came", 2.0, True)]


def test_who_was_there_when_looking_began_was_not_seen_coming() -> None:
    assert told(every_2s(3, 3)) == [("came", 0.0, False)]
    assert told(every_2s(0, None, 3, 3)) == [("came", 4.0, False)]


def test_what_nobody_can_say_for_long_is_the_end_of_what_was_seen() -> None:
    assert told(every_2s(0, 3, 3, *[None] * 10, 3)) == [("came", 2.0, True)]
    assert told(every_2s(0, 3, 3, *[None] * 20)) == [("came", 2.0, True), ("lost", 4.0, False)]


def test_nobody_is_there_over_a_gap_in_which_nothing_was_seen() -> None:
    assert told([(0, 0), (2, 3), (4, 3), (90, 3), (92, 3), (94, 3)]) == [
        ("came", 2, True),
        ("lost", 4, False),
        ("came", 92, False),
    ]


def test_who_was_there_is_lost_once() -> None:
    presence = Presence()
    for at, size in every_2s(0, 3, 3):
        presence.see(size, at)
    assert presence.lose(9.0) == Change(Turn.LOST, 4.0, is_seen=False)
    assert presence.lose(9.0) is None


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([0, 0, 0, 2, 2, 2], 0.6),
        ([2, 2, 2, 2, 2, 2], 0.0),
        ([0, 2, 0, 2, 2, 2], 0.2),  # a flicker
        ([2, 0, 0, 0, 2, 2], 0.8),  # somebody else, before
        ([2, 2, 0, 0, 0, 0], 1.2),  # gone again: it is the key frame that shows whoever came
        ([0, 0, 0, 0, 0, 0], 1.2),
        ([0, None, 2, 2, 2, 2], 0.4),
    ],
)
def test_an_onset_is_the_begin_of_the_run_that_lasts_until_the_key_frame(
    sizes: list[float | None], expected: float
) -> None:
    seen = [(0.2 * n, size) for n, size in enumerate(sizes)]
    assert onset(seen, before=1.2) == pytest.approx(expected)


def test_a_change_survives_the_wire_and_nonsense_does_not() -> None:
    change = Change(Turn.CAME, 12.5, is_seen=False)
    assert Change.of(change.words) == change
    for words in ({}, {**change.words, "turn": "flew"}, {**change.words, "at": math.nan}, {**change.words, "at": "x"}):
        with pytest.raises((KeyError, ValueError, TypeError)):
            Change.of(words)


def test_an_arrival_whose_pictures_cannot_be_looked_at_lies_half_way_and_the_log_does_not_hear_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lead = cast("Lead", Mock(groups=[[1, 2, 3]], onset=Mock(side_effect=ValueError("broken"))))
    assert dated(Change(Turn.CAME, at=12.0, empty_at=10.0), lead).at == 11.0
    assert caplog.records == []
