"""The rules of one counter: what each press becomes, and what no order of presses can break."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rating.desk import HOUR_S, Desk, Rating, Rules
from agent.rating.keypad.keys import Keys, Touch
from agent.rating.record import Flag
from agent.rating.scale import VN3, VN4
from drivers.base import Press

LEVELS = {"34": 0, "33": 1, "32": 2, "31": 3}
KEYS = Keys(LEVELS, repeat_gap_s=0.3, stuck_s=10.0)
BEST, GOOD, POOR, WORST = "31", "32", "33", "34"
MORNING = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


def make_desk(**rules: Any) -> Desk:
    return Desk(VN4, {"keypad": KEYS, "keypad-2": KEYS}, Rules(**rules), counter=2, commune="17329")


class Ballot:
    """Presses keys at a desk and stores what it says, as the service does."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.stored: dict[str, Rating] = {}

    def press(self, code: str, at: float, *, keypad: str = "keypad", wall: datetime | None = None) -> Rating | Touch:
        outcome = self.desk.press(keypad, Press(code, at), wall=wall)
        if isinstance(outcome, Rating):
            event_id = f"event-{len(self.stored) + 1}"
            self.stored[event_id] = outcome
            self.desk.settle(outcome, event_id)
        return outcome

    def rate(self, code: str, at: float, *, keypad: str = "keypad", wall: datetime | None = None) -> dict[str, Any]:
        """Press, which must be stored; the event's data."""
        outcome = self.press(code, at, keypad=keypad, wall=wall)
        assert isinstance(outcome, Rating)
        return outcome.data.payload()


@pytest.fixture
def ballot() -> Ballot:
    return Ballot(make_desk())


def test_the_first_press_is_a_rating_at_once_with_all_that_tells_its_level(ballot: Ballot) -> None:
    data = ballot.rate(BEST, 0)
    assert data == {
        "level": 3,
        "raw": "31",
        "keymap": KEYS.hash,
        "scale": "vn4",
        "scale_hash": VN4.hash,
        "counter": 2,
        "commune": "17329",
        "channel": "keypad",
        "valid": True,
        "flags": [],
        "bucket_min": 0,
    }
    assert list(data) == [
        *("level", "raw", "keymap", "scale", "scale_hash", "counter", "commune", "channel", "valid", "flags"),
        "bucket_min",
    ]


def test_a_downgrade_within_the_correction_window_stands_and_keeps_both_values(ballot: Ballot) -> None:
    ballot.rate(BEST, 0)
    data = ballot.rate(WORST, 3.9)
    assert (data["level"], data["first"], data["corrects"], data["valid"]) == (0, 3, "event-1", True)
    assert "upgrade" not in data


def test_an_upgrade_within_the_correction_window_counts_and_is_marked(ballot: Ballot) -> None:
    ballot.rate(WORST, 0)
    data = ballot.rate(BEST, 1)
    assert (data["level"], data["first"], data["corrects"], data["valid"]) == (3, 0, "event-1", True)
    assert data["upgrade"] is True


def test_a_second_correction_corrects_the_first_correction(ballot: Ballot) -> None:
    ballot.rate(GOOD, 0)
    ballot.rate(BEST, 1)
    data = ballot.rate(POOR, 2)
    assert (data["first"], data["corrects"]) == (2, "event-2")
    assert "upgrade" not in data


def test_corrections_do_not_prolong_the_window(ballot: Ballot) -> None:
    ballot.rate(GOOD, 0)
    ballot.rate(BEST, 3)
    assert ballot.rate(WORST, 5)["flags"] == ["lockout"]


def test_the_same_key_again_is_no_correction_but_is_kept_with_a_flag(ballot: Ballot) -> None:
    ballot.rate(BEST, 0)
    data = ballot.rate(BEST, 1)
    assert (data["flags"], data["valid"]) == (["lockout"], False)
    assert "corrects" not in data
    assert ballot.rate(WORST, 2)["corrects"] == "event-1"


def test_presses_inside_the_lockout_are_kept_with_a_flag_and_do_not_prolong_it(ballot: Ballot) -> None:
    ballot.rate(BEST, 0)
    assert [ballot.rate(WORST, at)["flags"] for at in (4.0, 5.5, 7.5)] == [["lockout"]] * 3
    data = ballot.rate(WORST, 8.0)
    assert (data["valid"], "corrects" in data) == (True, False)


def test_thirty_quick_presses_are_all_kept_and_few_count(ballot: Ballot) -> None:
    kept = [ballot.rate(BEST, float(step)) for step in range(30)]
    assert sum(data["valid"] for data in kept) == 4
    assert sum(data["flags"] == ["lockout"] for data in kept) == 26


def test_a_burst_is_marked_from_its_sixth_press_on_and_the_mark_alone_excludes_nothing(ballot: Ballot) -> None:
    kept = [ballot.rate(BEST, float(step)) for step in range(30)]
    assert ["burst" in data for data in kept] == [False] * 5 + [True] * 25
    assert [data["valid"] for data in kept if data["flags"] == []] == [True] * 4
    assert "burst" not in ballot.rate(WORST, 60)


def undecided(ballot: Ballot, count: int, first: str, then: str, *, since: float = 0) -> list[dict[str, Any]]:
    """Citizens who press *first* and a second later *then*; what the second press became."""
    pressed = []
    for number in range(count):
        ballot.rate(first, since + number * 100)
        pressed.append(ballot.rate(then, since + number * 100 + 1))
    return pressed


def test_where_nearly_all_corrections_raise_the_rating_the_first_press_stands() -> None:
    ballot = Ballot(make_desk())
    pressed = undecided(ballot, 18, WORST, BEST)
    assert ["corrects" in data for data in pressed] == [True] * 16 + [False] * 2
    assert (pressed[16]["flags"], pressed[16]["valid"], pressed[16]["level"]) == (["upgrade"], False, 3)
    assert ballot.rate(POOR, 5000)["valid"]
    assert ballot.rate(WORST, 5001)["corrects"], "a downgrade counts always"


def test_where_corrections_go_both_ways_again_an_upgrade_is_believed_again() -> None:
    ballot = Ballot(make_desk())
    assert undecided(ballot, 17, WORST, BEST)[-1]["flags"] == ["upgrade"]
    undecided(ballot, 8, BEST, WORST, since=5000)
    assert undecided(ballot, 1, WORST, BEST, since=9000)[0]["upgrade"] is True


def in_mode(flag: Flag, begins_at: float, ends_at: float) -> dict[str, Any]:
    return {"mode": lambda at: flag if begins_at <= at < ends_at else None}


@pytest.mark.parametrize("flag", [Flag.TRAINING, Flag.INSPECTION])
def test_what_is_pressed_inside_a_mode_is_kept_and_does_not_count(flag: Flag) -> None:
    ballot = Ballot(make_desk(**in_mode(flag, 100, 200)))
    assert ballot.rate(BEST, 0)["valid"]
    assert (ballot.rate(BEST, 100)["flags"], ballot.rate(WORST, 101)["flags"]) == ([flag], [flag])
    assert ballot.rate(BEST, 106)["flags"] == ["lockout", flag]
    assert ballot.rate(BEST, 200)["valid"]


def test_a_mode_neither_corrects_nor_locks_out_a_citizen_at_its_borders() -> None:
    ballot = Ballot(make_desk(**in_mode(Flag.TRAINING, 9, 11)))
    ballot.rate(WORST, 8.5)
    assert "corrects" not in ballot.rate(BEST, 9)
    ballot = Ballot(make_desk(**in_mode(Flag.TRAINING, 0, 2)))
    assert ballot.rate(WORST, 1)["flags"] == ["training"]
    data = ballot.rate(BEST, 2)
    assert (data["flags"], "corrects" in data) == ([], False)


def test_a_short_mode_does_not_open_a_desk_that_is_locked() -> None:
    ballot = Ballot(make_desk(**in_mode(Flag.TRAINING, 1, 2)))
    assert ballot.rate(BEST, 0)["valid"]
    assert ballot.rate(BEST, 1)["flags"] == ["training"]
    assert ballot.rate(BEST, 2)["flags"] == ["lockout"]


def test_a_training_takes_no_place_in_the_hour_and_teaches_nothing_about_corrections() -> None:
    ballot = Ballot(make_desk(max_per_hour=1, **in_mode(Flag.TRAINING, 0, 5000)))
    assert all(data["flags"] == ["training"] for data in undecided(ballot, 20, WORST, BEST))
    assert ballot.rate(WORST, 5000)["valid"]
    assert ballot.rate(BEST, 5001)["upgrade"] is True


def test_more_than_the_hourly_capacity_is_flagged_until_the_hour_has_room() -> None:
    ballot = Ballot(make_desk(max_per_hour=3))
    assert [ballot.rate(GOOD, at)["flags"] for at in (0, 100, 200, 300)] == [[], [], [], ["capacity"]]
    assert ballot.rate(GOOD, HOUR_S - 1)["flags"] == ["capacity"]
    assert ballot.rate(GOOD, HOUR_S + 50)["flags"] == []
    assert ballot.rate(GOOD, HOUR_S + 60)["flags"] == ["capacity"]


def test_a_correction_shares_the_flags_of_what_it_corrects() -> None:
    ballot = Ballot(make_desk(max_per_hour=1))
    ballot.rate(GOOD, 0)
    ballot.rate(GOOD, 100)
    data = ballot.rate(WORST, 101)
    assert (data["flags"], data["valid"], data["corrects"]) == (["capacity"], False, "event-2")


def test_a_correction_takes_no_second_place_in_the_hour() -> None:
    ballot = Ballot(make_desk(max_per_hour=2))
    ballot.rate(GOOD, 0)
    ballot.rate(WORST, 1)
    assert ballot.rate(GOOD, 100)["valid"]


def test_a_press_while_the_counter_is_closed_is_kept_with_a_flag() -> None:
    ballot = Ballot(make_desk(is_open=lambda moment: moment.hour >= 7))
    assert ballot.rate(BEST, 0, wall=MORNING.replace(hour=5))["flags"] == ["off_hours"]
    assert ballot.rate(BEST, 100, wall=MORNING)["flags"] == []


def test_an_unbelievable_clock_puts_no_rating_out_of_hours() -> None:
    ballot = Ballot(make_desk(is_open=lambda _: False))
    assert ballot.rate(BEST, 0, wall=None)["valid"]


def test_two_keypads_of_a_counter_share_its_session_but_not_their_repeats(ballot: Ballot) -> None:
    ballot.rate(BEST, 0)
    assert ballot.rate(BEST, 0.1, keypad="keypad-2")["flags"] == ["lockout"]
    assert ballot.rate(WORST, 1, keypad="keypad-2")["corrects"] == "event-1"


def test_what_was_not_stored_opens_no_session_and_takes_no_place_in_the_hour() -> None:
    desk = make_desk(max_per_hour=1)
    assert isinstance(desk.press("keypad", Press(BEST, 0)), Rating)
    second = desk.press("keypad", Press(WORST, 1))
    assert isinstance(second, Rating)
    assert second.data.valid
    assert second.data.corrects is None


def test_repeats_and_garbage_are_counted_and_nothing_else() -> None:
    ballot = Ballot(make_desk())
    ballot.rate(BEST, 0)
    assert ballot.press(BEST, 0.1) is Touch.REPEAT
    assert ballot.press("99", 0.2) is Touch.GARBAGE
    counts = ballot.desk.counts
    assert (counts.ratings, counts.corrections, counts.repeats, counts.garbage) == (1, 0, 1, 1)


def test_keys_beyond_the_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="scale vn3 has levels 0 to 2"):
        Desk(VN3, {"keypad": KEYS}, Rules())


# -- What no order of presses can break ------------------------------------------------------------

Step = tuple[str, float, str]
steps = st.lists(
    st.tuples(
        st.sampled_from([*LEVELS, "99", "0d"]),
        st.one_of(st.floats(0, 0.5), st.floats(0, 10), st.floats(0, 2000)),
        st.sampled_from(["keypad", "keypad-2"]),
    ),
    max_size=60,
)
rules = st.builds(
    Rules,
    correction_s=st.floats(0, 10),
    lockout_s=st.floats(0, 20),
    max_per_hour=st.integers(1, 10),
    is_open=st.just(lambda moment: 7 <= moment.hour < 17),
)


def play(desk: Desk, script: Iterable[Step], walls: Iterable[datetime | None]) -> tuple[Ballot, list[Rating | Touch]]:
    ballot, at, outcomes = Ballot(desk), 1000.0, []
    for (code, gap_s, keypad), wall in zip(script, walls, strict=False):
        at += gap_s
        outcomes.append(ballot.press(code, at, keypad=keypad, wall=wall))
    return ballot, outcomes


def forever(wall: datetime | None) -> Iterable[datetime | None]:
    while True:
        yield wall


@given(steps, rules)
def test_every_raw_press_is_in_exactly_one_count(script: list[Step], rules: Rules) -> None:
    ballot, outcomes = play(Desk(VN4, {"keypad": KEYS, "keypad-2": KEYS}, rules), script, forever(None))
    counts = ballot.desk.counts
    assert counts.ratings + counts.corrections + counts.repeats + counts.garbage == len(script)
    assert counts.ratings + counts.corrections == len(ballot.stored)
    assert counts.garbage == sum(code not in LEVELS for code, _, _ in script)
    assert all(
        not isinstance(outcome, Rating) or (outcome.data.raw, outcome.data.level) == (code, LEVELS[code])
        for outcome, (code, _, _) in zip(outcomes, script, strict=True)
    )


@given(steps, rules)
def test_valid_follows_from_the_flags_and_corrections_form_chains_without_forks(
    script: list[Step], rules: Rules
) -> None:
    ballot, _ = play(Desk(VN4, {"keypad": KEYS, "keypad-2": KEYS}, rules), script, forever(None))
    corrected: set[str] = set()
    for rating in ballot.stored.values():
        data = rating.data
        assert data.valid == (not data.flags)
        if data.corrects is None:
            assert data.first is None
            assert data.upgrade is None
            continue
        before = ballot.stored[data.corrects]
        assert data.corrects not in corrected
        corrected.add(data.corrects)
        assert data.level != before.data.level
        assert (data.upgrade is True) == (data.level > before.data.level)
        assert data.flags == before.data.flags
        assert data.first == (before.data.first if before.data.corrects else before.data.level)
        assert Flag.LOCKOUT not in data.flags


@given(steps, rules)
def test_no_hour_holds_more_valid_ratings_than_its_capacity(script: list[Step], rules: Rules) -> None:
    ballot, _ = play(Desk(VN4, {"keypad": KEYS, "keypad-2": KEYS}, rules), script, forever(None))
    valid = [rating.at_monotonic for rating in ballot.stored.values() if rating.data.valid and not rating.is_correction]
    for at in valid:
        assert sum(0 <= at - other < HOUR_S for other in valid) <= rules.max_per_hour
    for earlier, later in pairwise(valid):
        assert later - earlier >= rules.lockout_s


@given(steps, rules, st.lists(st.timedeltas(timedelta(days=-9000), timedelta(days=9000)), min_size=60, max_size=60))
def test_a_moved_wall_clock_changes_nothing_but_who_is_out_of_hours(
    script: list[Step], rules: Rules, jumps: list[timedelta]
) -> None:
    unlimited = Rules(rules.correction_s, rules.lockout_s, 10_000, rules.is_open)

    def outcomes(walls: Iterable[datetime | None]) -> list[Any]:
        _, seen = play(Desk(VN4, {"keypad": KEYS, "keypad-2": KEYS}, unlimited), script, walls)
        return [
            (
                each.data.model_copy(update={"flags": (), "valid": True}),
                tuple(flag for flag in each.data.flags if flag is not Flag.OFF_HOURS),
            )
            if isinstance(each, Rating)
            else each
            for each in seen
        ]

    assert outcomes(MORNING + jump for jump in jumps) == outcomes(forever(MORNING))
