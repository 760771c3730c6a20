"""One value of a file is changed, and every other byte stays."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.settings.edit import CannotEdit, flow, put

KEYS = {"31": 3, "34": 0}
PATH = ("keypads", 0, "keys")
WRITTEN = '{"31": 3, "34": 0}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# đầu tệp\nkeypads:\n  - driver: serial   # cổng\n    keys: {'39': 1}   # cũ\n    stuck_s: 5\n",
            f"# đầu tệp\nkeypads:\n  - driver: serial   # cổng\n    keys: {WRITTEN}   # cũ\n    stuck_s: 5\n",
        ),
        (
            "keypads:\n- driver: serial\n  keys:\n    '39': 1   # tốt\n    '38': 0   # xấu\n\n# sau\n  stuck_s: 5\n",
            f"keypads:\n- driver: serial\n  keys:\n    {WRITTEN}   # xấu\n\n# sau\n  stuck_s: 5\n",
        ),
        (
            "keypads:\n- driver: serial   # cổng\n  port: /dev/x\n",
            f"keypads:\n- driver: serial   # cổng\n  keys: {WRITTEN}\n  port: /dev/x\n",
        ),
        ("keypads:\r\n- driver: sim", f"keypads:\r\n- driver: sim\n  keys: {WRITTEN}"),
        ("keypads:\r\n- driver: sim\r\n", f"keypads:\r\n- driver: sim\r\n  keys: {WRITTEN}\r\n"),
        ("keypads: [{driver: sim, port: x}]\n", f"keypads: [{{driver: sim, keys: {WRITTEN}, port: x}}]\n"),
        ("keypads:\n- keys:\n  driver: sim\n", f"keypads:\n- keys: {WRITTEN}\n  driver: sim\n"),
        ("keypads:\n- keys:   # chưa có\n  driver: sim\n", f"keypads:\n- keys: {WRITTEN}   # chưa có\n  driver: sim\n"),
        ("keypads:\n- {driver: sim, keys: {\n  '1': 2,\n}}\n", f"keypads:\n- {{driver: sim, keys: {WRITTEN}}}\n"),
    ],
)
def test_the_value_stands_at_its_place_and_everything_else_as_it_was(before: str, after: str) -> None:
    assert put(before, PATH, KEYS, after="driver") == after
    data = yaml.safe_load(before)
    data["keypads"][0]["keys"] = KEYS
    assert yaml.safe_load(after) == data


@pytest.mark.parametrize("text", ["keypads: []\n", "keypads: [text]\n", "counter: {}\n", "keypads: [{port: x}]\n", ""])
def test_a_place_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(CannotEdit):
        put(text, PATH, KEYS, after="driver")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", categories=["L", "N", "P"])),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("abKEY_019yno", max_size=6), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_what_is_written_reads_as_what_was_meant(value: Any) -> None:
    assert yaml.safe_load(flow(value)) == value


def test_names_stand_without_quotes_and_numbers_with() -> None:
    assert flow({"KEY_KP1": 3, "31": 2, "no": 1, "kind": "byte"}) == '{KEY_KP1: 3, "31": 2, "no": 1, kind: "byte"}'
