"""The almanac is what the library knows that it is made from."""

import json
from importlib.resources import files

from agent.screen.planning.almanac import FILE
from tests.almanac import almanac


def test_the_file_says_what_the_library_knows() -> None:
    told = json.loads((files("agent.screen.planning") / FILE).read_text(encoding="utf-8"))
    assert told == almanac(), "the library knows more by now: make almanac"
