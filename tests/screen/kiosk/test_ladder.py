"""What is done about a silent page, second by second."""

from agent.screen.kiosk.ladder import Ladder, Paces, Step

PACES = Paces(start_s=20)


def climb(ladder: Ladder, start: int, seconds: int) -> list[tuple[int, Step]]:
    """What is done in so many seconds of silence from *start* on."""
    steps = [(second, ladder.look(start + second, is_alive=False)) for second in range(seconds + 1)]
    return [(second, step) for second, step in steps if step is not Step.NOTHING]


def test_a_silent_page_is_loaded_anew_once_and_then_gets_another_browser() -> None:
    ladder = Ladder(PACES)
    ladder.look(100, is_alive=True)
    assert climb(ladder, 100, 30) == [(15, Step.NAVIGATE), (30, Step.RESTART)]


def test_a_new_browser_has_time_to_start() -> None:
    ladder = Ladder(PACES)
    ladder.started(0)
    assert climb(ladder, 0, 50) == [(35, Step.NAVIGATE), (50, Step.RESTART)]


def test_a_browser_that_never_gave_a_sign_is_followed_by_one_with_twice_as_long_to_start() -> None:
    ladder, at = Ladder(PACES), 0
    waited = []
    for _ in range(7):
        ladder.started(at)
        end = next(second for second in range(1000) if ladder.look(at + second, is_alive=False) is Step.RESTART)
        waited.append(end)
        at += end
    assert waited == [50, 70, 110, 190, 350, 350, 350]
    ladder.started(at)
    ladder.look(at + 300, is_alive=True)
    ladder.started(at + 301)
    assert climb(ladder, at + 301, 50) == [(35, Step.NAVIGATE), (50, Step.RESTART)]


def test_silence_does_not_count_while_the_agent_cannot_be_heard() -> None:
    ladder = Ladder(PACES)
    ladder.started(0)
    ladder.wait(5)
    assert climb(ladder, 5, 30) == [(30, Step.NAVIGATE)], "what a start may take is not used up"
    ladder.look(40, is_alive=True)
    ladder.wait(100)
    assert climb(ladder, 100, 30) == [(15, Step.NAVIGATE), (30, Step.RESTART)]


def test_a_page_that_comes_back_begins_from_the_lowest_step() -> None:
    ladder = Ladder(PACES)
    ladder.look(0, is_alive=True)
    assert climb(ladder, 0, 20) == [(15, Step.NAVIGATE)]
    ladder.look(21, is_alive=True)
    assert climb(ladder, 21, 20) == [(15, Step.NAVIGATE)]


def test_the_third_failure_in_ten_minutes_takes_the_films_away_for_a_day() -> None:
    ladder = Ladder(PACES)
    for at in (0, 250, 599):
        assert not ladder.is_pictures_only(at)
        ladder.failed(at)
    assert ladder.restarts(599) == 3
    assert ladder.is_pictures_only(600)
    assert not ladder.is_pictures_only(599 + 24 * 3600)


def test_three_failures_in_an_hour_are_bad_luck() -> None:
    ladder = Ladder(PACES)
    for at in (0, 1000, 2000):
        ladder.failed(at)
    assert not ladder.is_pictures_only(2001)
    assert ladder.restarts(2001) == 1


def test_the_nightly_recycling_gives_the_films_back() -> None:
    ladder = Ladder(PACES)
    for at in (0, 1, 2):
        ladder.failed(at)
    ladder.recycled()
    assert not ladder.is_pictures_only(3)
    assert ladder.restarts(3) == 0
