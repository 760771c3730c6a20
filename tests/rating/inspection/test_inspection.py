"""An inspection from its first key to its result."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rating.inspection.inspection import CAMERA_S, KEY_S, QR_S, READ_S, TRIES, Inspection, InspectionData, Step

KEYPAD = [("keypad", level) for level in (3, 2, 1, 0)]


def begin(**fitted: Any) -> Inspection:
    return Inspection(**{"wanted": KEYPAD, "has_qr": True, "cameras": ["quay"], "since": 0.0, **fitted})


def step_of(inspection: Inspection) -> Step:
    return inspection.step


def result(inspection: Inspection) -> InspectionData:
    return inspection.data(by="Đoàn 3", opened="command", took_s=61.4, heads="MOTCUA1 na-0123 E")


def through_the_keys(inspection: Inspection) -> None:
    for at, level in enumerate((3, 2, 1, 0), start=1):
        inspection.press("keypad", level, float(at))


def test_a_counter_where_everything_is_right() -> None:
    inspection = begin()
    through_the_keys(inspection)
    assert step_of(inspection) is Step.QR
    inspection.qr_opened(10)
    inspection.looked({"quay": True}, 11)
    assert step_of(inspection) is Step.FINDINGS
    inspection.press("keypad", 3, 20)
    assert step_of(inspection) is Step.OVER
    assert result(inspection).payload() == {
        "by": "Đoàn 3",
        "opened": "command",
        "ended": "finished",
        "took_s": 61,
        "keys": [{"keypad": "keypad", "level": level, "pressed": [level]} for level in (3, 2, 1, 0)],
        "qr": "read",
        "cameras": {"quay": "seen"},
        "failed": [],
        "heads": "MOTCUA1 na-0123 E",
    }


def test_two_swapped_caps_are_both_named() -> None:
    inspection = begin(has_qr=False, cameras=[])
    inspection.press("keypad", 0, 1)
    assert (inspection.key, inspection.last_pressed) == (("keypad", 3), 0)
    for at, level in enumerate([0, 0, 2, 1, 3, 3, 3], start=2):
        inspection.press("keypad", level, float(at))
    assert step_of(inspection) is Step.FINDINGS
    assert inspection.failed() == ("key/keypad/3", "key/keypad/0")
    assert [tried.pressed for tried in inspection.tried] == [(0, 0, 0), (2,), (1,), (3, 3, 3)]


def test_a_slip_of_the_finger_may_be_put_right() -> None:
    inspection = begin()
    inspection.press("keypad", 2, 1)
    inspection.press("keypad", 3, 2)
    assert inspection.tried[0].is_right
    assert inspection.tried[0].pressed == (2, 3)


def test_a_dead_key_is_given_up_after_a_while() -> None:
    inspection = begin()
    inspection.wait(KEY_S - 1)
    assert inspection.key == ("keypad", 3)
    inspection.wait(KEY_S)
    assert inspection.key == ("keypad", 2)
    assert inspection.failed() == ("key/keypad/3",)


def test_each_keypad_is_asked_for_its_own_keys_and_no_other_answers_for_it() -> None:
    inspection = begin(wanted=[("keypad", 3), ("keypad-2", 3)])
    inspection.press("keypad-2", 3, 1)
    assert inspection.key == ("keypad", 3)
    inspection.press("keypad", 3, 2)
    inspection.press("keypad-2", 3, 3)
    assert step_of(inspection) is Step.QR


@pytest.mark.parametrize("by_key", [True, False])
def test_a_code_that_cannot_be_read_is_passed_by_a_key_or_by_time(by_key: bool) -> None:
    inspection = begin()
    through_the_keys(inspection)
    inspection.press("keypad", 0, 4.5)
    assert step_of(inspection) is Step.QR, "that press belonged to the last key"
    if by_key:
        inspection.press("keypad", 3, 9)
    else:
        inspection.wait(4 + QR_S)
    assert step_of(inspection) is Step.CAMERA
    assert inspection.failed() == ("qr",)


def test_a_camera_is_looked_at_until_it_is_seen_or_time_is_over() -> None:
    inspection = begin(wanted=[], has_qr=False, cameras=["quay", "sân"])
    inspection.looked({"quay": True, "sân": False}, 1)
    inspection.looked({"quay": False, "sân": False}, 2)
    assert step_of(inspection) is Step.CAMERA
    inspection.wait(CAMERA_S)
    assert step_of(inspection) is Step.FINDINGS
    assert inspection.failed() == ("camera/sân",)


def test_a_counter_without_devices_has_its_findings_only() -> None:
    inspection = begin(wanted=[], has_qr=False, cameras=[])
    assert step_of(inspection) is Step.FINDINGS
    data = result(inspection)
    assert (data.qr, data.cameras, data.keys, data.failed) == ("none", {}, (), ())


def test_where_there_is_no_key_the_findings_end_after_two_minutes_and_otherwise_they_stay() -> None:
    keyless, usual = begin(wanted=[], has_qr=False, cameras=[]), begin(has_qr=False, cameras=[])
    through_the_keys(usual)
    for inspection in (keyless, usual):
        inspection.wait(READ_S + 10)
    assert result(keyless).ended == "finished"
    assert result(usual).ended == "time"


def test_what_was_not_reached_in_time_is_not_right() -> None:
    inspection = begin()
    inspection.press("keypad", 3, 1)
    data = result(inspection)
    assert (data.ended, data.qr, data.cameras) == ("time", "not_read", {"quay": "not_seen"})
    assert data.failed == ("key/keypad/2", "key/keypad/1", "key/keypad/0", "qr", "camera/quay")


happenings = st.one_of(
    st.tuples(st.just("press"), st.sampled_from(["keypad", "keypad-2"]), st.integers(0, 3)),
    st.tuples(st.just("qr_opened")),
    st.tuples(st.just("looked"), st.booleans()),
    st.tuples(st.just("wait")),
)


@given(st.lists(st.tuples(happenings, st.floats(0, 100)), max_size=40), st.booleans(), st.booleans())
def test_in_any_order_of_things_the_steps_go_forward_and_every_key_is_settled_once(
    script: list[tuple[tuple[Any, ...], float]], has_qr: bool, has_camera: bool
) -> None:
    inspection = begin(has_qr=has_qr, cameras=["quay"] if has_camera else [])
    order, at = list(Step), 0.0
    for (name, *arguments), gap_s in script:
        at += gap_s
        before = inspection.step
        match name:
            case "looked":
                inspection.looked({"quay": arguments[0]}, at)
            case _:
                getattr(inspection, name)(*arguments, at)
        assert order.index(inspection.step) >= order.index(before)
        assert all(len(tried.pressed) <= TRIES for tried in inspection.tried)
    data = result(inspection)
    assert [(tried.keypad, tried.level) for tried in data.keys] == KEYPAD[: len(data.keys)]
    assert set(data.failed) == {
        *(f"key/keypad/{level}" for _, level in KEYPAD[len(data.keys) :]),
        *(f"key/keypad/{tried.level}" for tried in data.keys if not tried.is_right),
        *(["qr"] if data.qr == "not_read" else []),
        *(f"camera/{name}" for name, how in data.cameras.items() if how == "not_seen"),
    }


@pytest.mark.parametrize("step", [Step.QR, Step.CAMERA, Step.FINDINGS])
def test_a_phone_that_comes_late_changes_nothing(step: Step) -> None:
    inspection = begin()
    inspection.qr_opened(0)
    through_the_keys(inspection)
    if step is not Step.QR:
        inspection.press("keypad", 3, 10)
        inspection.qr_opened(11)
    if step is Step.FINDINGS:
        inspection.looked({"quay": True}, 12)
        inspection.qr_opened(13)
    assert step_of(inspection) is step
    assert not inspection.is_qr_read
