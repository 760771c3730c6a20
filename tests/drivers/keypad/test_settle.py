"""Bounces become presses: any chatter, at moments of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.keypad.settle import Settle

SETTLE_S = 0.03
edges = st.lists(st.tuples(st.floats(0.0001, 0.2), st.booleans()), max_size=60)
"""So many seconds after the one before, the contact is seen closed or open."""


def closings(chatter: list[tuple[float, bool]], *, is_closed: bool = False) -> tuple[list[float], float, Settle]:
    """When the contact settled as closed, when the chatter ended, and the contact."""
    settle, at, closed = Settle(SETTLE_S, is_closed=is_closed), 100.0, []
    for after_s, state in chatter:
        at += after_s
        if settle.feel(at, is_closed=state):
            closed.append(at)
    return closed, at, settle


@given(edges)
def test_a_press_is_told_once_for_every_stillness_that_was_closed_after_one_that_was_open(
    chatter: list[tuple[float, bool]],
) -> None:
    """Against the plain words of the rule: look at each stretch between two changes."""
    closed, end, settle = closings(chatter)
    if settle.judge(end + 1):
        closed.append(end + 1)
    expected, stable, state, since, at = 0, False, False, float("-inf"), 100.0
    for after_s, seen in [*chatter, (1.0, None)]:
        at += after_s
        if at - since >= SETTLE_S and state != stable:
            stable = state
            expected += stable
        if seen is not None and seen != state:
            state, since = seen, at
    assert len(closed) == expected


@given(edges, st.booleans())
def test_what_ends_still_is_seen_as_it_is(chatter: list[tuple[float, bool]], is_closed: bool) -> None:
    _, end, settle = closings(chatter, is_closed=is_closed)
    last = chatter[-1][1] if chatter else is_closed
    settle.judge(end + 1)
    assert settle.is_closed == last
    assert settle.due_at is None


@given(st.lists(st.floats(0.0001, 0.029), max_size=50))
def test_a_spike_is_never_a_press_however_many_there_are(widths: list[float]) -> None:
    chatter = [each for width in widths for each in ((0.05, True), (width, False))]
    closed, _, _ = closings(chatter)
    assert closed == []


def test_a_key_found_down_is_no_press_until_it_was_let_go() -> None:
    settle = Settle(SETTLE_S, is_closed=True)
    assert not settle.judge(10.0)
    assert not settle.feel(10.0, is_closed=False)
    assert settle.due_at == 10.0 + SETTLE_S
    assert not settle.judge(10.1)
    assert not settle.feel(10.2, is_closed=True)
    assert settle.judge(10.24)


def test_a_contact_that_says_otherwise_than_its_edges_is_believed() -> None:
    settle = Settle(SETTLE_S, is_closed=False)
    settle.feel(10.0, is_closed=True)
    assert not settle.look(10.04, is_closed=False)
    assert settle.due_at is None
    settle.feel(11.0, is_closed=True)
    assert settle.look(11.04, is_closed=True)
