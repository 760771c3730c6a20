"""What a technician reads when a file is wrong: golden texts, each beside its broken file.

`WRITE_GOLDEN=1 pytest tests/settings/test_broken.py` writes them anew; read every line of the difference.
"""

import os
from pathlib import Path

import pytest
import yaml

from agent.settings.judge import MOST
from agent.settings.load import LIMIT_BYTES, parse
from agent.settings.problem import SettingsError

BROKEN = Path(__file__).parent / "broken"


def alias_bomb() -> bytes:
    """Ten levels of ten references each: ten thousand million texts, were they followed."""
    lines = ["counter: {province: '40', agent: na-0123, language: en}", "a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for previous, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{previous}'] * 10)}]")
    return "\n".join(lines).encode()


def ten_megabytes() -> bytes:
    return b"counter:\n  language: en\n" + b"# " + b"x" * (10 * 1024 * 1024)


def one_endless_line() -> bytes:
    items = ", ".join(f'"{number}": 3' for number in range(10, 99))
    return (
        f"{{counter: {{province: '40', agent: na-0123, language: en}}, uplink: {{broker: 'mqtts://x'}}, "
        f'keypads: [{{driver: sim, keys: {{{items}, "zz": 1, {items[:7]}}}, repeat_gap: 3, stuck_s: 10s}}]}}'
    ).encode()


MADE = {made.__name__: made for made in (alias_bomb, ten_megabytes, one_endless_line)}
NAMES = sorted([path.stem for path in BROKEN.glob("*.yaml")] + list(MADE))


def test_there_are_thirty_of_them_and_more() -> None:
    assert len(NAMES) > 30


def complaint(name: str) -> str:
    text = MADE[name]() if name in MADE else (BROKEN / f"{name}.yaml").read_bytes()
    with pytest.raises(SettingsError) as caught:
        parse(text, "config.yaml")
    return caught.value.render() + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_file_is_answered_with_everything_that_is_wrong_in_it(name: str) -> None:
    golden = BROKEN / f"{name}.txt"
    answer = complaint(name)
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(answer, encoding="utf-8")
    assert answer == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_text_without_its_file() -> None:
    assert {path.stem for path in BROKEN.glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ten_megabytes"])
def test_the_answer_is_the_same_where_the_fast_parser_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.settings.document._LOADER", yaml.SafeLoader)
    assert complaint(name) == (BROKEN / f"{name}.txt").read_text(encoding="utf-8")


def test_a_file_is_refused_by_its_size_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.settings.load.read", lambda _: pytest.fail("it was parsed"))
    assert len(ten_megabytes()) > LIMIT_BYTES
    assert str(LIMIT_BYTES // 1024) in complaint("ten_megabytes")


def test_after_a_hundred_problems_the_rest_is_only_counted() -> None:
    keys = "".join(f"  key_{number}: {number}\n" for number in range(1000))
    with pytest.raises(SettingsError) as caught:
        parse(f"counter: {{province: '40', agent: na-0123, language: en}}\nuplink:\n{keys}".encode(), "config.yaml")
    assert len(caught.value.problems) == MOST + 1
    assert caught.value.problems[-1].render() == "config.yaml: and 901 more problems. Correct the ones above first"
