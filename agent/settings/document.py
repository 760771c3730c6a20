"""YAML as plain data with a place for every value, and nothing clever in it.

The file is read event by event: no recursion, no alias is ever followed, no tag builds anything,
so no file can cost more than its bytes. What YAML would read in a surprising way (`no`, `1:30`,
`007`, merge keys, duplicate keys) is kept with the text as written, for the words of the error.
Nothing here knows what a configuration means.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from agent.settings.problem import Path
from agent.settings.syntax import explain_syntax

DEEPEST = 24
"""Levels of nesting; a real configuration needs seven."""

MOST_VALUES = 20_000
"""Values in one file; a real configuration has a hundred."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_PLAIN_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_PLAIN_FLOAT = re.compile(r"[-+]?([0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})")

Position = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a position: a code with words under `config.<code>`, and the words' values."""

    code: str
    path: Path
    position: Position
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands and how it is written."""

    key: Position
    """Of its key; for an item of a list, of the item."""
    value: Position
    kind: str
    """What YAML takes it for: text, int, float, bool, null, list, map."""
    raw: str = ""
    """A scalar as written."""
    is_plain: bool = False
    """Whether it stands without quotes."""
    odd: str = ""
    """What YAML makes of a number in a notation that people read differently: `007`, `1:30`, `1_000`."""


@dataclass
class Document:
    """What the file says."""

    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[Path] = field(default_factory=set)
    """Paths whose value was refused as YAML: nothing more is to be said of them."""
    is_whole: bool = True
    """False when reading stopped early: what is missing then is unknown."""

    def place(self, path: Path) -> Place:
        """The place of *path*, or of what it would have stood in."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path, Place((1, 1), (1, 1), "map"))


@dataclass(slots=True)
class _Open:
    """A mapping or list still being read. `path` is None inside what was refused."""

    path: Path | None
    container: dict[str, Any] | list[Any]
    key: str | None = None
    key_position: Position = (1, 1)
    value_path: Path | None = None


def read(text: str) -> Document:
    """Read one YAML document. Never raises; what is wrong is in `findings`."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._document = Document()
        self._stack: list[_Open] = []
        self._documents = 0
        self._values = 0

    def read(self) -> Document:
        document = self._document
        try:
            for event in yaml.parse(self._text, Loader=_LOADER):
                if not self._take(event):
                    document.is_whole = False
                    break
        except (yaml.YAMLError, ValueError) as error:
            document.is_whole = False
            document.findings.extend(
                Finding(code, (), position, values) for code, position, values in explain_syntax(error, self._text)
            )
        return document

    def _take(self, event: yaml.Event) -> bool:
        """Build on *event*; False to stop reading."""
        position = _position(event)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._find("many_documents", (), position)
                return False
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent) and len(self._stack) >= DEEPEST:
                self._find("too_deep", self._stack[-1].path or (), position, limit=DEEPEST)
                return False
            self._node(event, position)
            self._values += 1
            if self._values > MOST_VALUES:
                self._find("too_many", (), position, limit=MOST_VALUES)
                return False
        return True

    def _node(self, event: yaml.NodeEvent, position: Position) -> None:
        parent = self._stack[-1] if self._stack else None
        if parent is not None and isinstance(parent.container, dict) and parent.key is None:
            self._key(parent, event, position)
            return
        path, key_position = self._next_path(parent, position)
        value, place = _value(event, key_position, position)
        if path is not None:
            self._document.places[path] = place
            self._refuse_extras(event, path, position)
        self._put(parent, value)
        if isinstance(value, dict | list):
            self._stack.append(_Open(path, value))

    def _next_path(self, parent: _Open | None, position: Position) -> tuple[Path | None, Position]:
        if parent is None:
            return (), position
        if isinstance(parent.container, list):
            return None if parent.path is None else (*parent.path, len(parent.container)), position
        return parent.value_path, parent.key_position

    def _put(self, parent: _Open | None, value: Any) -> None:
        if parent is None:
            self._document.data = value
        elif isinstance(parent.container, list):
            parent.container.append(value)
        else:
            if parent.value_path is not None and parent.key is not None:
                parent.container[parent.key] = value
            parent.key = None

    def _key(self, parent: _Open, event: yaml.NodeEvent, position: Position) -> None:
        """Take *event* as the next key of *parent*; a refused key leads to a value nobody looks at."""
        parent.key_position = position
        if not isinstance(event, yaml.ScalarEvent):
            parent.key, parent.value_path = "", None
            self._find("key_complex", parent.path, position)
            if isinstance(event, yaml.CollectionStartEvent):
                self._stack.append(_Open(None, {} if isinstance(event, yaml.MappingStartEvent) else []))
            return
        key = str(event.value)
        parent.key = key
        parent.value_path = None
        if parent.path is None:
            return
        path = (*parent.path, key)
        plain = _is_plain(event)
        kind = _resolve(key)[0] if plain else "text"
        if plain and key == "<<":
            self._find("merge_key", parent.path, position)
        elif key in parent.container:
            first = self._document.places[path].key
            self._find("duplicate_key", path, position, seen=key, line=first[0])
        else:
            parent.value_path = path
            if kind == "null":
                self._find("key_empty", parent.path, position)
                parent.value_path = None
            elif kind != "text":
                self._find("key_not_text", path, position, seen=key)
            if event.anchor or event.tag:
                self._refuse_extras(event, path, position)

    def _refuse_extras(self, event: yaml.NodeEvent, path: Path, position: Position) -> None:
        tag = getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            self._find("alias", path, position, seen=event.anchor)
            self._document.unreadable.add(path)
        elif event.anchor:
            self._find("anchor", path, position, seen=event.anchor)
        if tag:
            self._find("tag", path, position, seen=tag.replace("tag:yaml.org,2002:", "!!"))
            self._document.unreadable.add(path)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_letters(event, path, position)

    def _refuse_letters(self, event: yaml.ScalarEvent, path: Path, position: Position) -> None:
        text = str(event.value)
        odd = _UNUSABLE.search(text)
        if odd:
            self._find("control_character", path, position, seen=f"U+{ord(odd.group()):04X}")
        elif _is_plain(event) and len(text) > 1 and text[0] in _CURLY and text[-1] in _CURLY:
            self._find("curly_quotes", path, position, seen=text[1:-1])
        else:
            return
        self._document.unreadable.add(path)

    def _find(self, code: str, path: Path | None, position: Position, **values: Any) -> None:
        self._document.findings.append(Finding(code, path or (), position, values))


_UNUSABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_CURLY = "“”„‟‘’‚«»"


def _position(event: yaml.Event) -> Position:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


def _is_plain(event: yaml.ScalarEvent) -> bool:
    return bool(event.implicit[0]) and event.tag is None


def _value(event: yaml.NodeEvent, key: Position, position: Position) -> tuple[Any, Place]:
    if isinstance(event, yaml.MappingStartEvent):
        return {}, Place(key, position, "map")
    if isinstance(event, yaml.SequenceStartEvent):
        return [], Place(key, position, "list")
    if not isinstance(event, yaml.ScalarEvent):
        return None, Place(key, position, "null")
    raw = str(event.value)
    if not _is_plain(event):
        return raw, Place(key, position, "text", raw)
    kind, value, is_odd = _resolve(raw)
    odd = _shown(raw, value) if is_odd else ""
    return value, Place(key, key if kind == "null" and not raw else position, kind, raw, is_plain=True, odd=odd)


def _resolve(raw: str) -> tuple[str, Any, bool]:
    """What YAML takes an unquoted *raw* for: its kind, its value, and whether people would be surprised."""
    match next(_tags(raw), "str"):
        case "null":
            return "null", None, False
        case "bool":
            return "bool", raw.lower() in ("yes", "true", "on"), False
        case "int" if _PLAIN_INT.fullmatch(raw):
            return "int", int(raw), False
        case "float" if _PLAIN_FLOAT.fullmatch(raw):
            return "float", float(raw), False
        case "int" | "float" as tag:
            return tag, _number(raw, tag), True
    return "text", raw, False


def _tags(raw: str) -> Iterator[str]:
    for tag, pattern in _RESOLVERS.get(raw[:1], []):
        if pattern.match(raw):
            yield tag.rpartition(":")[2]


def _number(raw: str, tag: str) -> int | float:
    """The number YAML makes of an odd notation; 0 for one that is none or absurdly long."""
    if len(raw) > 18:
        return 0
    node = yaml.ScalarNode(f"tag:yaml.org,2002:{tag}", raw)
    try:
        value = _CONSTRUCTOR.construct_yaml_int(node) if tag == "int" else _CONSTRUCTOR.construct_yaml_float(node)
    except ValueError:
        return 0
    return value if math.isfinite(value) else 0


def _shown(raw: str, value: float) -> str:
    """How to tell what YAML made of *raw*."""
    if re.search("inf|nan", raw.lower()):
        return "∞" if "inf" in raw.lower() else "NaN"
    return f"{value:g}" if isinstance(value, float) else str(value or raw[:18])
