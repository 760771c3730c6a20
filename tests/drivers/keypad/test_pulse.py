"""A keypad that must answer: questions and answers at moments of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.keypad.pulse import Heartbeat, Pulse

HEARTBEAT = Heartbeat(tx="05", expect="06", every_s=5, miss=3)


def test_so_many_questions_without_an_answer_are_a_loss() -> None:
    pulse = Pulse(HEARTBEAT, 100.0)
    for at in (100.0, 105.0, 110.0):
        assert pulse.is_due(at)
        assert not pulse.is_lost
        pulse.asked(at)
        assert not pulse.is_due(at + 4.9)
    assert pulse.is_due(115.0)
    assert pulse.is_lost
    assert not pulse.is_heard


def test_a_reader_that_was_busy_for_a_minute_has_not_missed_an_answer() -> None:
    pulse = Pulse(HEARTBEAT, 100.0)
    pulse.asked(100.0)
    assert pulse.is_due(160.0)
    assert not pulse.is_lost


@given(st.lists(st.booleans(), max_size=40))
def test_it_is_lost_exactly_after_the_missed_answers_in_a_row(answers: list[bool]) -> None:
    pulse, missed = Pulse(HEARTBEAT, 0.0), 0
    for number, is_answered in enumerate(answers):
        pulse.asked(number * 5.0)
        missed += 1
        if is_answered:
            pulse.heard()
            missed = 0
        assert pulse.is_lost == (missed >= HEARTBEAT.miss)
    assert pulse.is_heard == any(answers)
