"""What the agent says to people: one file of messages a language, `agent/messages/<code>.yaml`.

A message is looked up by its dotted key and filled with named values (`str.format`). A further
language is a further file; a test holds all files to the same keys and placeholders. The rating page
on citizens' phones has files of its own, `agent/messages/phone/<code>.yaml`: it may speak languages
that no technician reads.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from agent.errors import SystemReason

_MESSAGES = Path(__file__).with_name("messages")
_PHONE = _MESSAGES / "phone"


def languages() -> list[str]:
    """The codes there are files for."""
    return _codes(_MESSAGES)


def phone_languages() -> list[str]:
    """The codes of the languages that the rating page speaks."""
    return _codes(_PHONE)


def _codes(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.yaml"))


class Language:
    """The messages of one language."""

    def __init__(self, code: str, texts: dict[str, str]) -> None:
        self.code = code
        self._texts = texts

    def text(self, key: str, **values: Any) -> str:
        """The message under the dotted *key*, filled with *values*.

        Raises:
            KeyError: no such message, or a value it names is missing.
        """
        return self._texts[key].format_map({name: self._in_words(value) for name, value in values.items()})

    def _in_words(self, value: Any) -> Any:
        return self._texts.get(f"system.{value.name}", value) if isinstance(value, SystemReason) else value

    def keys(self) -> list[str]:
        return sorted(self._texts)

    def template(self, key: str) -> str:
        """The message as written in its file, placeholders unfilled."""
        return self._texts[key]


@lru_cache
def language(code: str) -> Language:
    """Load a language by its code (`vi`, `en`)."""
    return Language(code, _texts(_MESSAGES / f"{code}.yaml"))


@lru_cache
def phone_language(code: str) -> Language:
    """Load the words of the rating page in one language; the scales' answers (`level`) may be those of `language`."""
    house = language(code) if code in languages() else Language(code, {})
    levels = {key: house.template(key) for key in house.keys() if key.startswith("level.")}  # noqa: SIM118 - no dict
    return Language(code, {**levels, **_texts(_PHONE / f"{code}.yaml")})


def _texts(file: Path) -> dict[str, str]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(_flat("", yaml.load(file.read_text(encoding="utf-8"), Loader=loader)))  # noqa: S506 - a safe loader


def _flat(prefix: str, node: Any) -> list[tuple[str, str]]:
    if isinstance(node, dict):
        return [pair for name, child in node.items() for pair in _flat(f"{prefix}{name}.", child)]
    return [(prefix.removesuffix("."), str(node))]
