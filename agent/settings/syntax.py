"""What a YAML parser trips over, in the words of someone who fixes it.

A parser stops where it can go no further, which is often a line after the mistake. Here its
complaint and the text around it are turned into the likely cause; positions count from 1.
"""

import re
from collections.abc import Iterator
from typing import Any

from agent.settings.problem import LINE_BREAK, shorten

Explained = tuple[str, tuple[int, int], dict[str, Any]]
_MOST_TABS = 20


def explain_syntax(error: Exception, text: str) -> Iterator[Explained]:
    """The causes of *error*: a code, a position, and values for the words."""
    lines = LINE_BREAK.split(text)
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        yield "syntax", (1, 1), {}
        return
    position = (min(mark.line, len(lines) - 1) + 1, mark.column + 1)
    tabs = [
        (number, indent.index("\t") + 1)
        for number, line in enumerate(lines, start=1)
        if "\t" in (indent := line[: len(line) - len(line.lstrip())])
    ]
    if tabs and tabs[0][0] <= position[0]:
        for at in tabs[:_MOST_TABS]:
            yield "tab", at, {}
        return
    context = getattr(error, "context_mark", None)
    opened = (context.line + 1, context.column + 1) if context is not None and context.line < len(lines) else position
    problem = str(getattr(error, "problem", "") or "")
    yield _cause(problem, str(getattr(error, "context", "") or ""), lines, position, opened)


def _cause(
    problem: str, context: str, lines: list[str], position: tuple[int, int], opened: tuple[int, int]
) -> Explained:
    here, column = lines[position[0] - 1], position[1]
    rest = here[column - 1 :].strip()
    start = lines[opened[0] - 1]
    for needle, code, at, values in (
        ("flow sequence", "bracket_open", opened, {"seen": "[", "other": "]"}),
        ("flow mapping", "bracket_open", opened, {"seen": "{", "other": "}"}),
        ("end of stream", "quote_open", opened, {"seen": start[opened[1] - 1 : opened[1]]}),
        ("quoted scalar", "escape", (position[0], column if rest[:1] == "\\" else column - 1), {}),
        ("could not find expected ':'", "colon_missing", opened, {"seen": _first_word(start)}),
        ("mapping values are not allowed", "", position, {}),
        ("sequence entries are not allowed", "dash_inline", position, {}),
        ("cannot start any token", "bad_start", position, {"seen": rest[:1], "suggestion": shorten(rest)}),
    ):
        if needle in context or needle in problem:
            return (code, at, values) if code else _stray_colon(lines, position)
    if rest and re.match(r"""[^#]*?[:\-]\s+(["']).*?\1""", here[: column - 1]):
        return "after_quote", position, {"seen": shorten(rest)}
    if "did not find expected" in problem or "expected <block end>" in problem:
        return "indentation", position, {}
    return "syntax", position, {}


def _stray_colon(lines: list[str], position: tuple[int, int]) -> Explained:
    """A second colon in a line, or a key where none can stand."""
    line, column = position
    here = lines[line - 1]
    first = re.match(r"(\s*(?:- +)*[\w-]+: +)(\S.*)", here[: column - 1])
    if first:
        text = here[len(first.group(1)) :].strip()
        return "colon_in_text", (line, len(first.group(1)) + 1), {"suggestion": shorten(text)}
    number, above = next(
        ((n, text) for n, text in reversed(list(enumerate(lines[: line - 1], start=1))) if text.strip()), (line, here)
    )
    start = len(above) - len(above.lstrip()) + 1
    if re.fullmatch(r"\s*[\w-]+:\S+\s*", above):
        key, _, value = above.strip().partition(":")
        return "space_after_colon", (number, above.index(":") + 1), {"suggestion": shorten(f"{key}: {value}")}
    if re.fullmatch(r"\s*[\w-]+( [^:#]*)?", above):
        return "colon_missing", (number, start), {"seen": _first_word(above)}
    return "indentation", (line, len(here) - len(here.lstrip()) + 1), {}


def _first_word(line: str) -> str:
    return shorten((line.split() or [""])[0])
