"""Whatever a file holds, the answer is settings or problems, soon."""

import random
import string
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.settings.load import LIMIT_BYTES, parse
from agent.settings.model import Settings
from agent.settings.problem import SettingsError
from agent.settings.unknown import SECTIONS, keys_of

GOOD = (Path(__file__).parents[2] / "config" / "model-counter.example.yaml").read_bytes()
PIECES = [
    *sorted({key for section in SECTIONS for key in keys_of(section)}),
    *(": ", ":\n", "- ", "-\n", *"-[]{},#&*!|>%@`?~'", '"', "<<", "---", "..."),
    *("no", "1:30", "007", "0x1F", ".nan", "-1", "3.5", "4s", "null", "true", "sim", "serial", "file", "vn4", "“a”"),
    *(
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        "\r\n",
        " ",
        "\u00a0",
        "\u2028",
        "\x85",
        "\ufeff",
        '"\\ud800"',
        '"\\U0010ffff"',
        "ế",
    ),
]
ENDS = [b"\n", b"\r", "\x85".encode(), "\u2028".encode(), "\u2029".encode()]
LONGEST_S = 5
"""Of the processor's time: what other tests do beside it does not count. What is not bounded takes minutes."""

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answer(text: bytes) -> Settings | SettingsError:
    started = time.thread_time()
    try:
        told: Settings | SettingsError = parse(text, "config.yaml")
    except SettingsError as error:
        told = error
    if isinstance(told, SettingsError):
        assert told.problems
        assert all(problem.message for problem in told.problems)
        assert told.render().count("config.yaml") >= len(told.problems)
        assert all((problem.line == 0) == (problem.column == 0) for problem in told.problems)
        assert all(problem.line <= sum(map(text.count, ENDS)) + 1 for problem in told.problems)
    assert time.thread_time() - started < LONGEST_S
    return told


@UNHURRIED
@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf")
@example(b"? \n")
@example(b'counter: {province: "\\0"}')
def test_any_bytes_are_settings_or_problems(text: bytes) -> None:
    answer(text)


@UNHURRIED
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
@example("---")
def test_any_pieces_of_yaml_are_settings_or_problems(text: str) -> None:
    answer(text.encode())


@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.sampled_from(PIECES))
@UNHURRIED
def test_a_good_file_with_a_hole_or_a_splinter_is_settings_or_problems(at: int, hole: int, splinter: str) -> None:
    answer(GOOD[:at] + splinter.encode() + GOOD[at + hole :])


def _keys() -> bytes:
    words = random.Random(7)
    return "".join(f"{''.join(words.choices(string.ascii_lowercase, k=4))}{n}: {n}\n" for n in range(20_000)).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"[" * LIMIT_BYTES,
        b"{" * LIMIT_BYTES,
        b"- " * (LIMIT_BYTES // 2),
        b"? " * (LIMIT_BYTES // 2),
        b"a: [" + b"x," * (LIMIT_BYTES // 2 - 4) + b"]",
        b"counter: {name: " + b"x" * (LIMIT_BYTES - 20) + b"}",
        b"x" * (LIMIT_BYTES - 20) + b": 1",
        b'"' + b"\\x41" * (LIMIT_BYTES // 4 - 8) + b'": 1',
        b"*a " * (LIMIT_BYTES // 4),
        b"a: &a [" + b"*a," * (LIMIT_BYTES // 3 - 4) + b"]",
        b"counter: {number: " + b"9" * 200_000 + b"}",
        b"counter: {number: " + b"1:" * 100_000 + b"1}",
        b"uplink: {broker: " + b"a-" * 100_000 + b"}",
        b"\n" * LIMIT_BYTES,
        b"\t" * LIMIT_BYTES,
        _keys()[:LIMIT_BYTES],
        b"counter: {hotlines: [" + b"0," * (LIMIT_BYTES // 2 - 16) + b"]}",
        b"cameras: [{name: a, driver: sim, masks: [" + b"0," * (LIMIT_BYTES // 2 - 32) + b"]}]",
        b"keypads: [" + b"{}," * (LIMIT_BYTES // 3 - 8) + b"]",
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_the_largest_file_of_the_worst_kind_is_answered_in_time(text: bytes) -> None:
    assert len(text) <= LIMIT_BYTES
    assert isinstance(answer(text), SettingsError)
