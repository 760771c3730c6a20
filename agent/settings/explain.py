"""From a validator's complaint to a sentence: which place in the file, which words, which values.

Pydantic's own English never reaches a technician: each of its error types is mapped to a code of
ours, with what was seen as it is written in the file, what is accepted, and the unit.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from agent.settings.document import Document, Finding, Place
from agent.settings.problem import Path, shorten
from agent.settings.refusal import PREFIX


@dataclass(frozen=True)
class Word:
    """A part of a sentence that has its own words in each language."""

    code: str
    values: dict[str, Any] = field(default_factory=dict)


def locate(document: Document, base: Path, loc: Iterable[str | int]) -> tuple[Path, bool]:
    """The path in the file that a validator's *loc* below *base* leads to, and whether it means the key there.

    Steps that are not in the file (names of union members, a key that is missing) are passed over.
    """
    path, is_key = base, False
    steps: list[str | int] = []
    for step in loc:
        if step == "..":
            steps.pop()
        else:
            steps.append(step)
    for step in steps:
        if step == "[key]":
            is_key = True
        elif (*path, step) in document.places:
            path = (*path, step)
    return path, is_key


def explain(error: ErrorDetails, document: Document, base: Path, model: type[BaseModel]) -> Finding:
    """The finding for one of pydantic's errors; unknown keys are `agent.settings.unknown`'s."""
    values = dict(error.get("ctx") or {})
    path, is_key = locate(document, base, [*error["loc"], *values.pop("at", [])])
    place = document.place(path)
    if error["type"].startswith(PREFIX):
        code = error["type"].removeprefix(PREFIX)
        shown = {name: shorten(value) if isinstance(value, str) else value for name, value in values.items()}
        return Finding(code, path, place.key if is_key or code == "hex_twice" else place.value, shown)
    if error["type"] == "missing":
        name = error["loc"][-1]
        if isinstance(name, int):
            return Finding("list_short", path, place.value, {"limit": name + 1})
        return Finding("missing", (*path, name), place.key, {"seen": name})
    if error["type"].startswith("union_tag_"):
        return _variant(error, document, path)
    if place.kind == "null":
        steps = [step for step in error["loc"] if not str(step).startswith("[")]  # without the names of forms
        top = model.model_fields.get(str(steps[0])) if len(steps) == 1 else None
        return Finding("empty_required" if top is None or top.is_required() else "empty", path, place.key)
    code, shown = _sentence(error, place, _Number.of(model, error["loc"]), values)
    return Finding(code, path, place.key if is_key else place.value, shown)


def _variant(error: ErrorDetails, document: Document, path: Path) -> Finding:
    """The finding for a mapping of which one key says of what kind it is, and does not."""
    context = error.get("ctx") or {}
    key = str(context.get("discriminator", "")).strip("'")
    path = (*path, key)
    place = document.place(path)
    if error["type"] == "union_tag_not_found":
        return Finding("missing", path, place.key, {"seen": key})
    code, shown = _choice(place, re.findall(r"'([^']*)'", str(context.get("expected_tags", ""))))
    return Finding(code, path, place.value, shown)


def odd_number(path: Path, place: Place) -> Finding:
    """A number that was accepted as one, but not written as people write it."""
    return Finding("odd_number", path, place.value, {"seen": shorten(place.raw), "number": place.odd})


Sentence = tuple[str, dict[str, Any]]
"""A code, and the values its words need."""


def _sentence(error: ErrorDetails, place: Place, number: "_Number", context: dict[str, Any]) -> Sentence:
    seen = {"seen": _seen(place)}
    code = _CODES.get(error["type"], "invalid")
    match code:
        case "want_text":
            return _text_wanted(place)
        case "choice":
            expected = str(context.get("expected", ""))
            names, numbers = re.findall(r"'([^']*)'", expected), re.findall(r"-?\d+", expected)
            if not names and place.raw in numbers:
                return "unquote", seen
            return _choice(place, names or numbers)
        case "want_number":
            return number.wanted(place)
    if code == "range":
        seen["number"] = number.narrowed(context).words()
    elif code == "want_bool" and place.raw in ("true", "false"):
        code = "unquote"
    text = shorten(str(context.get("error", "")), 300)
    limit = context.get("min_length", context.get("max_length"))
    return code, {
        **seen,
        "limit": limit,
        "pattern": context.get("pattern"),
        "step": context.get("multiple_of"),
        "text": text,
    }


_CODES = {
    kind: code
    for code, kinds in {
        "want_text": "string_type string_unicode path_type date_type",
        "want_number": "int_type int_parsing int_from_float int_parsing_size float_type float_parsing",
        "want_bool": "bool_type bool_parsing",
        "want_list": "list_type tuple_type set_type frozen_set_type iterable_type",
        "want_map": "dict_type model_type model_attributes_type mapping_type dataclass_type",
        "range": "greater_than greater_than_equal less_than less_than_equal finite_number",
        "choice": "literal_error enum",
        "text_short": "string_too_short",
        "text_long": "string_too_long",
        "list_short": "too_short",
        "list_long": "too_long",
        "pattern": "string_pattern_mismatch",
        "multiple": "multiple_of",
        "driver_says": "value_error assertion_error",
    }.items()
    for kind in kinds.split()
}
"""What we say of each of pydantic's error types; of any other, `invalid`."""


def _seen(place: Place) -> Any:
    return Word(f"seen_{place.kind}") if place.kind in ("map", "list", "null") else shorten(place.raw)


def _text_wanted(place: Place) -> Sentence:
    raw = shorten(place.raw)
    if place.odd:
        return "quote_odd", {"seen": raw, "number": place.odd}
    codes = {"bool": "quote_bool", "int": "quote_number", "float": "quote_number"}
    return codes.get(place.kind, "want_text"), {"seen": _seen(place)}


def _choice(place: Place, known: list[str]) -> Sentence:
    if place.raw in known and place.kind != "text":
        return _text_wanted(place)
    close = get_close_matches(place.raw[:64].lower(), known, n=1)
    return "choice", {
        "seen": _seen(place),
        "close": Word("did_you_mean", {"suggestion": close[0]}) if close else "",
        "known": ", ".join(known),
    }


_SCALES: tuple[dict[str, float], ...] = (
    {"ms": 0.001, "s": 1, "min": 60, "hours": 3600, "days": 86400},
    {"kb": 1 / 1024, "mb": 1, "gb": 1024},
)
_SPELLINGS = {
    "ms": "ms msec millisecond milliseconds mili",
    "s": "s sec secs second seconds giây giay",
    "min": "m min mins minute minutes phút phut p",
    "hours": "h hour hours giờ gio",
    "days": "d day days ngày ngay",
    "kb": "k kb kib",
    "mb": "m mb mib",
    "gb": "g gb gib",
}
_SUFFIXES = {
    "release_min": "",  # a minimum, no minutes
    "_ms": "ms",
    "_s": "s",
    "_min": "min",
    "_days": "days",
    "_mb": "mb",
    "_gb": "gb",
    "_px": "px",
    "_m": "m",
    "_inch": "inch",
}


@dataclass(frozen=True)
class _Number:
    """What a number in the file may be."""

    is_whole: bool
    unit: str = ""
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None

    @classmethod
    def of(cls, model: type[BaseModel], loc: tuple[str | int, ...]) -> "_Number":
        info = _field_at(model, loc)
        name = str(loc[-1] if info is not None else loc[0]) if loc else ""
        unit = next((unit for suffix, unit in _SUFFIXES.items() if name.endswith(suffix)), "")
        if info is None:
            return cls(is_whole="keys" in loc, unit=unit)
        bounds: dict[str, Any] = {}
        for item in info.metadata:
            if isinstance(item, Ge):
                bounds["minimum"] = item.ge
            elif isinstance(item, Gt):
                bounds["above"] = item.gt
            elif isinstance(item, Le):
                bounds["maximum"] = item.le
            elif isinstance(item, Lt):
                bounds["below"] = item.lt
        return cls(is_whole="float" not in str(info.annotation), unit=unit, **bounds)

    def narrowed(self, context: dict[str, Any]) -> "_Number":
        """With the bound that was broken, where the model did not tell."""
        if any(bound is not None for bound in (self.minimum, self.above, self.maximum, self.below)):
            return self
        return _Number(
            self.is_whole, self.unit, context.get("ge"), context.get("gt"), context.get("le"), context.get("lt")
        )

    def words(self) -> Word:
        low = self.minimum if self.minimum is not None else self.above
        high = self.maximum if self.maximum is not None else self.below
        values: dict[str, Any] = {
            "kind": Word("whole_number" if self.is_whole else "any_number"),
            "unit": Word(f"unit_{self.unit}") if self.unit else "",
            "low": f"{low:g}" if isinstance(low, float) else low,
            "high": f"{high:g}" if isinstance(high, float) else high,
        }
        if low is None and high is None:
            return Word("number_any", values)
        if low is None:
            return Word("number_to", values)
        start = "from" if self.minimum is not None else "above"
        return Word(f"number_{start}" if high is None else f"number_{start}_to", values)

    def wanted(self, place: Place) -> Sentence:
        seen = {"seen": _seen(place), "number": self.words()}
        if place.kind != "text":
            return "want_number", seen
        if not place.is_plain and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", place.raw):
            return "unquote", seen
        match = re.fullmatch(r"\s*([-+]?[0-9]+(?:[.,][0-9]+)?)\s*([^\W\d_]*)\s*", place.raw[:64])
        if match is None:
            return "want_number", seen
        amount = self._convert(float(match[1].replace(",", ".")), match[2].lower())
        if amount is None:
            return "want_number", seen
        return ("bare_number" if match[2] else "decimal_point"), {**seen, "suggestion": f"{amount:.12g}"}

    def _convert(self, amount: float, spelling: str) -> float | None:
        """*amount* in this number's own unit, or None when that cannot be told."""
        if spelling:
            factors = next((factors for factors in _SCALES if self.unit in factors), {})
            given = next((unit for unit in factors if spelling in _SPELLINGS[unit].split()), None)
            if given is None and self.unit:
                return None
            amount *= factors[given] / factors[self.unit] if given else 1
        return None if self.is_whole and amount != int(amount) else amount


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model that a field, or the list in it, is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [inner for inner in map(_model_in, get_args(annotation)) if inner is not None]
    return found[0] if len(found) == 1 else None


def _field_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> FieldInfo | None:
    """The field that *loc* leads to, through the models inside *model*."""
    for step in loc[:-1]:
        if isinstance(step, int):
            continue
        info = model.model_fields.get(step)
        inner = _model_in(info.annotation) if info is not None else None
        if inner is None:
            return None
        model = inner
    return model.model_fields.get(str(loc[-1])) if loc else None
