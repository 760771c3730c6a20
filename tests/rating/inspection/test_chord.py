"""The chord and the code after it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import ManualClock
from agent.rating.inspection.chord import CHORD_S, PAUSE_S, TRIES, Chord, Passcode, Verdict, checked_code
from agent.rating.inspection.modes import Lease

CHORD = (0, 3, 0, 3)
CLOCK = ManualClock(datetime(2026, 9, 1, 8, 0, tzinfo=UTC))


def passcode(code: str = "143124") -> Passcode:
    return Passcode(code, Lease("PX03", CLOCK.boot, CLOCK.read(), 3600))


def type_keys(chord: Chord, levels: tuple[int, ...], *, at: float = 0, gap_s: float = 1) -> list[str]:
    """The codes that the keys complete."""
    codes = (chord.feel(level, at + number * gap_s, length=6) for number, level in enumerate(levels))
    return [code for code in codes if code is not None]


def test_after_the_chord_six_keys_are_a_code_counted_from_the_worst() -> None:
    assert type_keys(Chord(best=3), (*CHORD, 0, 3, 2, 0, 1, 3)) == ["143124"]


def test_a_chord_in_the_middle_of_presses_is_heard() -> None:
    assert type_keys(Chord(best=3), (2, 3, 0, *CHORD[1:], 0, 0, 0, 0, 0, 1)) == ["111112"]


def test_presses_without_the_chord_are_no_code() -> None:
    assert type_keys(Chord(best=3), (3, 2, 3, 2, 0, 3, 3, 0, 3, 3, 1, 1, 1, 1, 1, 1, 1)) == []


def test_a_slow_chord_is_none() -> None:
    assert type_keys(Chord(best=3), (*CHORD, 0, 0, 0, 0, 0, 0), gap_s=CHORD_S / 3) == []


def test_whoever_mistyped_waits_and_begins_again() -> None:
    chord = Chord(best=3)
    type_keys(chord, (*CHORD, 0, 0))
    assert chord.typed(5) == 2
    assert chord.typed(5 + PAUSE_S) is None
    assert type_keys(chord, (*CHORD, 0, 3, 2, 0, 1, 3), at=5 + PAUSE_S) == ["143124"]


@given(st.lists(st.integers(0, 3), max_size=30))
def test_no_code_comes_without_a_whole_chord_before_it(levels: list[int]) -> None:
    codes = type_keys(Chord(best=3), tuple(levels))
    if codes:
        text = "".join(map(str, levels))
        assert f"0303{''.join(str(int(digit) - 1) for digit in codes[0])}" in text


def test_a_right_code_is_right_and_every_wrong_one_costs_a_try() -> None:
    armed = passcode()
    assert armed.judge("143124") is Verdict.RIGHT
    assert armed.judge("143123") is Verdict.WRONG
    assert armed.judge("14312") is Verdict.WRONG
    assert armed.missed().tries_left == TRIES - 1
    assert Passcode.decode(armed.missed().encode()) == armed.missed()


def test_what_is_no_passcode_counts_as_none() -> None:
    for body in (b"", b"{}", passcode().encode().replace(b"3600", b"360000"), b"[1]"):
        with pytest.raises(ValueError, match="not a passcode"):
            Passcode.decode(body)


@pytest.mark.parametrize("code", ["", "12341", "123412341234 ", "123451", "012341", "1234123412341", "abcdef", None])
def test_a_code_that_cannot_be_typed_is_refused(code: object) -> None:
    with pytest.raises(ValueError, match="6 to 12 digits from 1"):
        checked_code(code, best=3)


def test_a_code_fits_the_scale() -> None:
    assert checked_code(123123, best=2) == "123123"
    assert checked_code("554321", best=4) == "554321"
