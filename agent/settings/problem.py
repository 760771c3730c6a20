"""A problem in a configuration file, as a technician reads it: where, what was seen, what to do.

config.yaml:14:11 keypads[0].driver: no keypad driver "seriel". Did you mean "serial"? Known: evdev, gpio, serial, sim.
    - driver: seriel
              ^
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import PersonMustAct

Path = tuple[str | int, ...]
LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML counts as the end of a line."""
_WIDTH = 110
_INDENT = " " * 4
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int
    column: int
    path: str
    message: str
    quoted: str = ""
    """The line as it stands in the file."""

    def render(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        head = f"{where} {self.path}: {self.message}" if self.path else f"{where}: {self.message}"
        return "\n".join([head, *self._quotation()])

    def payload(self) -> dict[str, Any]:
        """The problem as an entry of `errors` in the topic `up/config`."""
        return {"path": self.path, "line": self.line, "column": self.column, "message": self.message}

    def _quotation(self) -> list[str]:
        if not self.line or not self.quoted.strip():
            return []
        before, after = self.quoted[: self.column - 1], self.quoted[self.column - 1 :]
        if len(before) > _WIDTH - 30:
            before = _ELLIPSIS + before[-(_WIDTH - 40) :]
        if len(before) + len(after) > _WIDTH:
            after = after[: _WIDTH - len(before)] + _ELLIPSIS
        before, after = "".join(map(visible, before)), "".join(map(visible, after))
        return [f"{_INDENT}{before}{after}".rstrip(), f"{_INDENT}{_blank(before)}^"]


def _blank(text: str) -> str:
    """As much white space as *text* takes on a terminal, so that a caret stands under what follows it."""
    width = []
    for character in text:
        if character == "\t":
            width.append("\t")
        elif not unicodedata.combining(character):
            width.append("  " if unicodedata.east_asian_width(character) in "WF" else " ")
    return "".join(width)


class SettingsError(PersonMustAct):
    """A configuration that cannot be used, with everything that is wrong in it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        return "\n".join(problem.render() for problem in self.problems)


def spell(path: Path) -> str:
    """A path as people write it: `keypads[0].keys.31`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]{1,40}", step):
            text += f".{step}" if text else step
        else:
            text += f'["{shorten(step, 40)}"]'
    return text


def visible(character: str) -> str:
    """*character*, or a stand-in for what cannot be seen or only looks like a space."""
    if character.isprintable() or character == "\t":
        return character
    return "␣" if character.isspace() else "�"


def shorten(text: str, limit: int = 60) -> str:
    """*text* on one line, printable, and at most *limit* characters long."""
    shown = "".join(" " if c in "\t\r\n" else visible(c) for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + _ELLIPSIS
