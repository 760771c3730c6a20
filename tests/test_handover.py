"""What one thread hands to another: in order, bounded, and its taker can be woken."""

import threading

from agent.handover import Handover
from tests.eventually import eventually


def test_things_are_taken_in_the_order_they_were_handed_over() -> None:
    row = Handover[int](3)
    for number in (1, 2, 3):
        row.put(number)
    assert [row.take(0), row.take(0), row.take(0), row.take(0)] == [1, 2, 3, None]


def test_one_too_many_pushes_the_oldest_out_or_is_refused_when_it_is_only_offered() -> None:
    row = Handover[int](2)
    row.put(1)
    assert row.offer(2)
    assert not row.offer(3)
    row.put(4)
    assert [row.take(0), row.take(0), row.take(0)] == [2, 4, None]


def test_whoever_waits_is_woken_by_a_thing_and_by_the_wake_and_only_once() -> None:
    row = Handover[str](2)
    taken: list[str | None] = []
    taker = threading.Thread(target=lambda: taken.extend(row.take(30) for _ in range(2)))
    taker.start()
    row.put("order")
    eventually(lambda: taken)
    row.wake()
    taker.join(5)
    assert taken == ["order", None]
    assert row.take(0.01) is None


def test_a_wake_that_comes_before_the_taker_is_not_lost_and_costs_no_thing() -> None:
    row = Handover[str](2)
    row.wake()
    row.put("order")
    assert row.take(30) == "order"
    row.wake()
    assert row.take(30) is None
