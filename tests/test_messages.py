"""What the agent says to people exists in every language, says the same, and is complete."""

import ast
import errno
import os
import re
import string
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from agent.errors import SystemReason
from agent.language import language, languages

ROOT = Path(__file__).parents[1]
MESSAGES = ROOT / "agent" / "messages"

CODE = re.compile(r"(AGENT|CAMERA|CLOCK|CONFIG|DISK|KEYPAD|DISPLAY|PANEL|OUTBOX|QR|RATING|SCREEN|UPLINK|WEB)_[A-Z_]+")
"""A condition's code begins with its component."""


def texts(code: str) -> dict[str, str]:
    """A language's messages as written in its file."""
    words = language(code)
    keys = words.keys()
    return {key: words.template(key) for key in keys}


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@cache
def nodes() -> list[tuple[str, ast.Call | ast.Constant]]:
    """Every call and every constant in the source, with its place."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for path in sorted([*ROOT.glob("agent/**/*.py"), *ROOT.glob("drivers/**/*.py")])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call | ast.Constant)
    ]


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    for place, node in nodes():
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names:
            yield place, node


def literal(call: ast.Call, position: int) -> str | None:
    if len(call.args) > position:
        node = call.args[position]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
    return None


@cache
def codes() -> dict[str, str]:
    """Every condition's code in the source, with one place that has it."""
    found = {
        node.value: place
        for place, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }
    for position, names in ((0, ("DriverNotReady", "DriverFault", "DriverError")), (1, ("Condition",))):
        found |= {code: place for place, call in calls(*names) if (code := literal(call, position))}
    return found


def test_vietnamese_and_english_are_there() -> None:
    assert {"vi", "en"} <= set(languages())


@pytest.mark.parametrize("code", languages())
def test_a_language_has_every_message_of_the_others(code: str) -> None:
    everything = {key for other in languages() for key in texts(other)}
    assert sorted(everything - texts(code).keys()) == []


@pytest.mark.parametrize("code", languages())
def test_a_message_has_the_same_placeholders_in_every_language(code: str) -> None:
    ours, theirs = texts(code), texts("vi")
    differing = {
        key: (placeholders(ours[key]), placeholders(theirs[key]))
        for key in ours.keys() & theirs.keys()
        if placeholders(ours[key]) != placeholders(theirs[key])
    }
    assert differing == {}


@pytest.mark.parametrize("code", languages())
def test_no_key_is_written_twice_in_a_file(code: str) -> None:
    """YAML keeps the last one without a word."""

    def doubles(node: yaml.Node | None, path: str) -> Iterator[str]:
        if not isinstance(node, yaml.MappingNode):
            return
        names = [key.value for key, _ in node.value]
        yield from (f"{path}{name}" for name in set(names) if names.count(name) > 1)
        for key, child in node.value:
            yield from doubles(child, f"{path}{key.value}.")

    text = (MESSAGES / f"{code}.yaml").read_text(encoding="utf-8")
    assert sorted(doubles(yaml.compose(text, Loader=yaml.SafeLoader), "")) == []


@pytest.mark.parametrize("code", languages())
def test_every_message_says_something_in_composed_letters(code: str) -> None:
    written = texts(code)
    assert [key for key, text in written.items() if not text.strip() and not key.endswith(".hint")] == []
    assert [key for key, text in written.items() if text != unicodedata.normalize("NFC", text)] == []


@pytest.mark.parametrize("code", languages())
def test_every_condition_that_the_source_reports_has_words(code: str) -> None:
    known = texts(code).keys()
    wordless = {
        condition: place
        for condition, place in codes().items()
        if not {f"health.{condition}.message", f"health.{condition}.hint"} <= known
    }
    assert wordless == {}


def test_no_words_are_kept_for_a_condition_that_nobody_reports() -> None:
    told = {key.split(".")[1] for key in texts("vi") if key.startswith("health.")}
    assert sorted(told - set(codes())) == []


def test_a_condition_brings_the_values_that_its_words_name() -> None:
    """Where the code and its values stand together in the source; the others are met when they are reported."""
    missing = {}
    for place, call in calls("Condition"):
        code = literal(call, 1)
        if code is None or any(keyword.arg == "values" for keyword in call.keywords):
            continue
        given: set[str] = set()
        if len(call.args) > 2:
            values = call.args[2]
            if not isinstance(values, ast.Dict):
                continue
            given = {key.value for key in values.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        words = [texts("vi").get(f"health.{code}.{part}", "") for part in ("message", "hint")]
        if needed := {name for text in words for name in placeholders(text)} - given:
            missing[place] = needed
    assert missing == {}


def test_every_message_that_the_source_asks_for_by_its_name_exists() -> None:
    asked = {key: place for place, call in calls("text") if (key := literal(call, 0)) and "." in key}
    for template in ROOT.glob("agent/web/templates/*.html"):
        names = re.findall(r"""\btext\(\s*["']([\w.]+)["']""", template.read_text(encoding="utf-8"))
        asked |= dict.fromkeys(names, str(template.relative_to(ROOT)))
    assert asked, "nothing was found: this test reads nothing"
    known = texts("vi").keys()
    assert {key: place for key, place in asked.items() if key not in known} == {}


@pytest.mark.parametrize("code", languages())
def test_what_the_operating_system_says_is_said_in_the_language_of_the_counter(code: str) -> None:
    gone = SystemReason.of(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/etc/x"))
    said = language(code).text("config.file_unreadable", text=gone)
    assert language(code).text("system.ENOENT") in said
    assert gone == "No such file or directory"  # in logs and comparisons it is the system's own


def test_an_error_of_the_operating_system_without_words_is_quoted() -> None:
    strange = SystemReason.of(OSError("the line hums"))
    assert "the line hums" in language("vi").text("config.file_unreadable", text=strange)
