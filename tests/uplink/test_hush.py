"""While nobody listens one event a while asks again, and no more than one."""

from agent.uplink.hush import FIRST_WAIT_S, LONGEST_WAIT_S, Hush


def test_everybody_may_speak_until_the_broker_says_that_nobody_listens() -> None:
    hush = Hush()
    for now_s in range(5):
        assert hush.may_send(now_s)
        hush.sent()
    hush.unheard(5)
    assert hush.is_quiet
    assert not hush.may_send(5)


def test_the_rest_of_the_volley_that_met_nobody_changes_nothing() -> None:
    hush = Hush()
    for now_s in (5.0, 5.1, 5.2):
        hush.unheard(now_s)
    assert not hush.may_send(5 + FIRST_WAIT_S - 0.1)
    assert hush.may_send(5 + FIRST_WAIT_S)


def test_one_asks_at_a_time_and_the_waits_double_up_to_a_minute() -> None:
    hush = Hush()
    now_s, waits = 0.0, []
    hush.unheard(now_s)
    for _ in range(8):
        asked_at_s = next(now_s + wait_s for wait_s in range(1, 100) if hush.may_send(now_s + wait_s))
        waits.append(asked_at_s - now_s)
        now_s = asked_at_s
        hush.sent()
        assert not hush.may_send(now_s + 1000), "the question is still open"
        hush.unheard(now_s)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert LONGEST_WAIT_S == 60


def test_as_soon_as_somebody_listens_everybody_may_speak_and_the_waits_begin_anew() -> None:
    hush = Hush()
    for now_s in (0, 100, 200):
        hush.unheard(now_s)
        hush.sent()
    hush.heard()
    assert hush.may_send(200)
    assert not hush.is_quiet
    hush.unheard(300)
    assert hush.may_send(300 + FIRST_WAIT_S)
