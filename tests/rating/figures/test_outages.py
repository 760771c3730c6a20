"""Which condition is an outage, and when the rating channel was closed."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.health import OK, Condition, Status
from agent.rating.figures.opening import Span, common, total_s
from agent.rating.figures.outages import CLOSING, Outage, OutageCause, OutageData, cause_of, closed, within
from tests.rating.days import at

FAILED = Condition(Status.FAILED, "X")


@pytest.mark.parametrize(
    ("component", "condition", "cause"),
    [
        ("keypad-2", FAILED, OutageCause.KEYPAD),
        ("keypad", Condition(Status.DEGRADED, "KEYPAD_NOISE"), None),
        ("camera", FAILED, OutageCause.CAMERA),
        ("uplink", Condition(Status.FAILED, "UPLINK_LOST"), OutageCause.NETWORK),
        ("uplink", Condition(Status.DEGRADED, "UPLINK_PROVINCE_SILENT"), None),
        ("outbox", Condition(Status.FAILED, "RATING_NOT_STORED"), OutageCause.STORAGE),
        ("screen", Condition(Status.DEGRADED, "SCREEN_PAGE_AWAY"), OutageCause.SCREEN),
        ("screen", Condition(Status.DEGRADED, "SCREEN_NO_MEDIA"), None),
        ("keypad", Condition(Status.OFF, "NOT_CONFIGURED"), None),
        ("config", FAILED, None),
        ("keypad", OK, None),
        ("qr", FAILED, OutageCause.SCREEN),
    ],
)
def test_each_condition_has_one_cause_or_none(component: str, condition: Condition, cause: OutageCause | None) -> None:
    assert cause_of(component, condition) is cause


def outage(cause: OutageCause, component: str, first: int, last: int | None) -> Outage:
    return Outage(cause, component, "X", at(8, first), None if last is None else at(8, last))


PARTS = {
    OutageCause.POWER: "agent",
    OutageCause.AGENT: "agent",
    OutageCause.STORAGE: "outbox",
    OutageCause.SCREEN: "screen",
    OutageCause.CAMERA: "camera",
    OutageCause.NETWORK: "uplink",
}
OUTAGES = st.lists(
    st.builds(
        lambda part, first, length: outage(part[0], part[1], first, first + length),
        st.sampled_from([*PARTS.items(), (OutageCause.KEYPAD, "keypad"), (OutageCause.KEYPAD, "keypad-2")]),
        st.integers(0, 50),
        st.integers(1, 30),
    ),
    max_size=10,
)


@settings(deadline=None)
@given(OUTAGES, st.sets(st.sampled_from(["keypad", "keypad-2", "qr"]), min_size=1))
def test_the_channel_is_closed_in_the_minutes_in_which_nobody_could_rate(
    outages: list[Outage], inputs: set[str]
) -> None:
    spans = closed(outages, inputs, at(10))
    for minute in range(90):
        here = [each for each in outages if each.start <= at(8, minute) < (each.end or at(10))]
        is_dead = any(each.cause in CLOSING for each in here)
        gone = {"qr" if each.component == "screen" else each.component for each in here}
        is_closed = is_dead or inputs <= gone
        assert bool(common(spans, [Span(at(8, minute), at(8, minute, 1))])) == is_closed, minute


def test_a_keypad_that_is_still_gone_closes_its_channel_until_now() -> None:
    assert total_s(closed([outage(OutageCause.KEYPAD, "keypad", 0, None)], ["keypad"], at(9))) == 3600


def test_a_qr_code_beside_a_broken_keypad_keeps_the_channel_open() -> None:
    assert closed([outage(OutageCause.KEYPAD, "keypad", 0, 30)], ["keypad", "qr"], at(9)) == []


def test_an_outage_is_told_with_how_much_of_it_lay_in_opening_hours() -> None:
    told = OutageData.of(outage(OutageCause.KEYPAD, "keypad", 0, 90), until=at(12), opening=[Span(at(8), at(9))])
    assert told.payload() == {
        "code": "OUTAGE",
        "cause": "keypad",
        "component": "keypad",
        "reason": "X",
        "from": "2026-09-01T01:00:00.000Z",
        "to": "2026-09-01T02:30:00.000Z",
        "duration_s": 5400,
        "opening_s": 3600,
    }
    assert told.outage() == outage(OutageCause.KEYPAD, "keypad", 0, 90)


def test_parts_outside_a_span_are_cut_off() -> None:
    long, later = outage(OutageCause.POWER, "agent", 0, None), outage(OutageCause.AGENT, "agent", 59, 70)
    span = Span(at(8, 10), at(8, 20))
    assert within([long, later], span) == [outage(OutageCause.POWER, "agent", 10, 20)]


def test_the_same_outage_is_known_again_though_its_times_were_corrected() -> None:
    one = outage(OutageCause.KEYPAD, "keypad", 0, 30)
    moved = Outage(OutageCause.KEYPAD, "keypad", "X", one.start + timedelta(seconds=3), None)
    assert one.is_same(moved)
    assert not one.is_same(outage(OutageCause.KEYPAD, "keypad", 2, 30))
    assert not one.is_same(outage(OutageCause.KEYPAD, "keypad-2", 0, 30))
