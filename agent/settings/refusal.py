"""How a value says no: a code, whose words live in the message files under `config.<code>`.

Validators raise `refuse(...)`; `agent.settings.explain` finds the place in the file and the words
in the reader's language. Where settings are built in code, the English words are the error's text.
"""

from typing import Any

from pydantic_core import PydanticCustomError

from agent.language import language

PREFIX = "settings."


def refuse(code: str, *, at: list[str | int] | None = None, **values: Any) -> PydanticCustomError:
    """The error to raise. *at* leads from the value being checked to the part that is wrong."""
    template = language("en").template(f"config.{code}")
    return PydanticCustomError(f"{PREFIX}{code}", template, {**values, "at": at or []})
