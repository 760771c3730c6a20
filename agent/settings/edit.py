"""Changing one value of a configuration file and nothing else. Pure: text in, text out.

The place is taken from the YAML nodes, by position; every byte outside it stays as the technician wrote it,
comments, quotes, line ends and order included. A value is written in YAML's flow style, `{"31": 3}`, which
may stand wherever a value may. Of a mapping that is replaced its own inner comments go with it. The caller
reads the result again before it is believed.
"""

import json
import re
from typing import Any

import yaml

from agent.settings.problem import Path


class CannotEdit(ValueError):
    """The place is not there, or is written in a way that cannot be changed in place."""


def put(text: str, path: Path, value: Any, *, after: str) -> str:
    """*text* with *value* at *path*; where its key is not there yet, it comes after its sibling *after*.

    Raises:
        CannotEdit: there is no mapping with that sibling at the place.
    """
    *parents, name = path
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in parents:
        node = _child(node, step)
    if not isinstance(node, yaml.MappingNode):
        raise CannotEdit(path)
    pairs = {key.value: held for key, held in node.value if isinstance(key, yaml.ScalarNode)}
    written = flow(value)
    held = pairs.get(name)
    if held is not None:
        start, end = _span(held)
        space = " " if start == end else ""
        return text[:start] + space + written + text[end:]
    sibling = pairs.get(after)
    if sibling is None:
        raise CannotEdit(path)
    _, end = _span(sibling)
    if node.flow_style:
        return f"{text[:end]}, {name}: {written}{text[end:]}"
    line_end = re.compile(r"\r\n|\n|\r|$").search(text, end)
    at = line_end.start() if line_end is not None else len(text)
    newline = (line_end[0] if line_end is not None else "") or "\n"
    return f"{text[:at]}{newline}{' ' * node.start_mark.column}{name}: {written}{text[at:]}"


def flow(value: Any) -> str:
    """*value* in YAML's flow style, on one line, texts in quotes; names that need none go without as keys."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {flow(held)}" for key, held in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and isinstance(yaml.safe_load(name), str)
    return name if is_plain else json.dumps(name, ensure_ascii=False)


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, held in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return held
    raise CannotEdit(step)


def _span(node: Any) -> tuple[int, int]:
    """Where the value is written: without the white space and comments that follow it."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
        end = _span(last)[1]
    return start, end
