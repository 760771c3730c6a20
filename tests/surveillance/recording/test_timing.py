"""Times of recorded video, whatever the camera's clock says."""

from hypothesis import given
from hypothesis import strategies as st

from agent.surveillance.recording.timing import LONGEST_STEP_S, TICK, Timeline

steps = st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e6, 1e6)), st.floats(0.0, 5.0)), min_size=1, max_size=60)


def test_a_camera_that_keeps_time_is_believed() -> None:
    line = Timeline()
    assert [line.next(10 + number / 25, 3 + number / 20) for number in range(4)] == [0, 3600, 7200, 10800]


def test_a_jump_is_replaced_by_what_the_arrival_says() -> None:
    line = Timeline()
    line.next(10.0, 5.0)
    assert line.next(4000.0, 5.04) == 3600
    assert line.next(4000.04, 5.08) == 7200


def test_a_clock_that_runs_backwards_or_stands_still_does_no_harm() -> None:
    line = Timeline()
    line.next(10.0, 5.0)
    assert line.next(9.0, 5.1) == 9000
    assert line.next(9.0, 5.2) == 18000


def test_packets_without_times_are_timed_by_their_arrival() -> None:
    line = Timeline()
    assert [line.next(None, at) for at in (1.0, 1.5, 2.5)] == [0, 45_000, 135_000]


@given(steps)
def test_recorded_time_always_rises_and_never_leaps(given_steps: list[tuple[float | None, float]]) -> None:
    line, arrived, before = Timeline(), 0.0, -1
    for told, later in given_steps:
        arrived += later
        at = line.next(told, arrived)
        assert at > before
        if before >= 0:
            assert (at - before) * TICK <= max(LONGEST_STEP_S, later) + TICK
        before = at
