"""What a day's visits add up to, beside its ratings."""

from datetime import timedelta
from typing import Any

from agent.event import Event, EventType
from agent.rating.figures.visitors import VisitSum
from tests.rating.days import Week, at
from tests.rating.figures.test_summary import TODAY, figures


def visit(week: Week, hour: int, minutes: int, *, days: int = 0, **more: Any) -> Event:
    data = {"camera": "quay", "length_s": 60 * minutes, "is_begin_seen": True, "bucket_min": 15}
    data["nonce"] = f"{days}/{hour}/{minutes}"
    return week.tell(EventType.VISIT, at(hour, days=days), data | more)


def test_arrivals_that_were_seen_are_counted_and_whole_visits_have_a_middle_length() -> None:
    week = Week()
    visit(week, 8, 3)
    visit(week, 9, 4)
    visit(week, 10, 8)
    visit(week, 11, 50, cut="camera")
    visit(week, 13, 90, is_begin_seen=False)
    assert figures(week).visits == {"quay": VisitSum(count=4, unseen=1, minutes=4.0)}


def test_a_day_on_which_nobody_came_is_not_one_on_which_nobody_counted() -> None:
    week = Week()
    assert figures(week).visits is None
    assert figures(week, counting=["quay"]).visits == {"quay": VisitSum(count=0)}
    for hour in range(8, 12):
        visit(week, hour, 5)
    found = figures(week, counting=["quay"])
    assert (found.raw, found.visits) == (0, {"quay": VisitSum(count=4, minutes=5.0)})
    assert figures(week, counting=["cua"]).visits == {"cua": VisitSum(count=0), "quay": VisitSum(count=4, minutes=5.0)}


def test_two_have_no_middle_and_several_cameras_are_not_added_up() -> None:
    week = Week()
    visit(week, 8, 5)
    visit(week, 9, 6)
    visit(week, 9, 7, camera="cua")
    assert figures(week).visits == {"cua": VisitSum(count=1), "quay": VisitSum(count=2)}


def test_a_visit_that_two_events_tell_is_one() -> None:
    week = Week()
    visit(week, 8, 5)
    visit(week, 8, 5)
    assert figures(week).visits == {"quay": VisitSum(count=1)}


def test_what_is_told_after_its_days_summary_is_late_in_the_next() -> None:
    week = Week()
    visit(week, 8, 5)
    first = figures(week, head=week.book.head)
    visit(week, 16, 40)
    visit(week, 9, 5, days=1)
    second = figures(week, TODAY + timedelta(days=1), before=first, head=week.book.head)
    assert second.visits == {"quay": VisitSum(count=1, late=1)}
    third = figures(week, TODAY + timedelta(days=2), before=second, counting=["quay"])
    assert third.visits == {"quay": VisitSum(count=0)}
    assert figures(week).visits == {"quay": VisitSum(count=2)}


def test_what_makes_no_sense_is_no_visit() -> None:
    week = Week()
    visit(week, 8, 5, length_s="long")
    assert figures(week).visits is None
