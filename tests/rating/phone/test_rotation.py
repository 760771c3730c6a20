"""Which token is shown, and which opens the page, by moments that are handed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rating.phone.rotation import Rotation
from agent.rating.phone.token import FRESH_S, GRACE_S, Token, TokenRefused

WALL = 1_790_000_040.0
"""The first second of a slot of a minute."""
DEVICE = b"abc"
HOUR_S = 3600.0


class Screen:
    """A screen that is looked at as time passes; the wall clock may be set."""

    def __init__(self) -> None:
        self.now = 100.0
        self.wall_s = WALL
        self.rotation = Rotation(DEVICE, 60, now=self.now)

    def shows(self) -> Token:
        return self.rotation.current(wall_s=self.wall_s, now=self.now)

    def passes(self, seconds: float, *, every_s: float = 0.5) -> Token:
        """Time passes and the screen is looked after meanwhile."""
        until = self.now + seconds
        while self.now < until:
            step = min(every_s, until - self.now)
            self.now, self.wall_s = self.now + step, self.wall_s + step
            self.shows()
        return self.shows()

    def opens(self, token: Token) -> bool:
        try:
            self.rotation.check(token, wall_s=self.wall_s, now=self.now)
        except TokenRefused:
            return False
        return True


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_a_token_stays_for_its_minute_and_another_follows(screen: Screen) -> None:
    first = screen.shows()
    assert screen.passes(59) == first
    second = screen.passes(1)
    assert second != first
    assert second.slot == first.slot + 1


def test_who_scans_at_the_border_is_let_in_and_who_comes_with_a_photograph_is_not(screen: Screen) -> None:
    token = screen.shows()
    screen.passes(60 + GRACE_S - 1)
    assert screen.opens(token)
    screen.passes(1)
    assert not screen.opens(token)


def test_a_used_token_makes_room_for_the_next_in_the_queue_and_opens_a_little_longer(screen: Screen) -> None:
    first = screen.shows()
    screen.passes(20)
    screen.rotation.use(first)
    second = screen.shows()
    assert second != first
    assert second.slot == first.slot
    assert screen.opens(first)
    screen.passes(GRACE_S)
    assert not screen.opens(first)
    assert screen.opens(second)
    screen.rotation.use(second)
    screen.shows()
    assert not screen.opens(first), "not even after it was forgotten"


def test_somebody_who_opens_every_token_gets_six_in_a_minute_and_no_more(screen: Screen) -> None:
    seen = set()
    for _ in range(600):
        seen.add(token := screen.passes(0.1))
        screen.rotation.use(token)
    slots = [token.slot for token in seen]
    assert max(slots.count(slot) for slot in slots) == token.quota == 6


def test_using_an_older_token_changes_nothing(screen: Screen) -> None:
    first = screen.shows()
    second = screen.passes(60)
    screen.passes(20)
    screen.rotation.use(first)
    assert screen.shows() == second


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S, -30, 30])
def test_a_clock_that_is_set_shuts_out_nobody_who_is_scanning(screen: Screen, step_s: float) -> None:
    token = screen.passes(45)
    screen.wall_s += step_s
    screen.shows()
    screen.passes(GRACE_S - 1)
    assert screen.opens(token)
    screen.passes(90)
    assert not screen.opens(token)


def test_a_clock_set_back_does_not_make_a_photograph_good_again(screen: Screen) -> None:
    token = screen.shows()
    screen.passes(HOUR_S, every_s=20)
    assert not screen.opens(token)
    screen.wall_s -= HOUR_S
    assert not screen.opens(token)


def test_a_token_shown_just_before_a_restart_opens_after_it_and_an_older_one_does_not(screen: Screen) -> None:
    old = screen.shows()
    token = screen.passes(65)
    screen.passes(27)
    screen.rotation = Rotation(DEVICE, 60, now=screen.now)
    assert screen.opens(token)
    assert not screen.opens(old)
    screen.passes(60)
    assert not screen.opens(token)


def test_a_token_that_was_never_shown_is_refused_once_this_life_is_older_than_a_token(screen: Screen) -> None:
    screen.passes(90)
    assert not screen.opens(Token(DEVICE, screen.shows().slot, b"\xff\xff", 60))


def test_a_screen_that_nobody_looks_after_does_not_keep_its_token_open(screen: Screen) -> None:
    token = screen.shows()
    screen.now += 60 + GRACE_S
    assert not screen.opens(token)


def test_the_same_chance_twice_makes_no_twin() -> None:
    chances = iter([b"aa", b"aa", b"bb"])
    rotation = Rotation(DEVICE, 60, now=0, nonce=lambda _: next(chances))
    first = rotation.current(wall_s=WALL, now=0)
    rotation.use(first)
    assert rotation.current(wall_s=WALL, now=FRESH_S).nonce == b"bb"


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-7200, 7200), st.booleans()), max_size=30))
def test_whatever_the_clock_does_the_token_on_the_glass_opens_and_none_lives_longer_than_it_says(
    story: list[tuple[float, float, bool]],
) -> None:
    screen = Screen()
    first_seen = {screen.shows(): screen.now}
    for seconds, step_s, is_used in story:
        screen.now += seconds
        screen.wall_s += seconds + step_s
        token = screen.shows()
        first_seen.setdefault(token, screen.now)
        assert screen.opens(token)
        if is_used:
            screen.rotation.use(token)
        for each, since in first_seen.items():
            assert not screen.opens(each) or screen.now - since < each.life_s
