"""The configuration file as a JSON Schema (2020-12), for editors that complete and check while one types.

It is made from the same models that judge a file, and from the `Options` of every installed driver; the
words are the strings under the attributes. It is weaker than `load`: it cannot see what two places
of a file have to agree on.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel, RootModel
from pydantic.json_schema import GenerateJsonSchema

from agent.rating.scale import Scale
from agent.settings.holidays import Holidays
from agent.settings.holidays import spell as spell_holidays
from agent.settings.model import Settings
from agent.settings.scales import spell
from agent.settings.unknown import DEVICES, SECTIONS
from drivers import registry
from drivers.base import Keypad

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Plain(GenerateJsonSchema):
    """Without the titles that only repeat the names of keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Holidays):
            return spell_holidays(dft)
        return spell(dft) if isinstance(dft, Scale) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """The schema as plain data, ready for `json.dumps`."""
    definitions: dict[str, Any] = {}
    tree = _tree(Settings, definitions)
    for section, kind in DEVICES.items():
        tree["properties"][section]["items"] = {
            "anyOf": [_device(SECTIONS[section], kind, name, definitions) for name in registry.names(kind)]
        }
        definitions.pop(SECTIONS[section].__name__)
    definitions.pop("Options")
    for name, node in tree["properties"].items():
        if name not in tree["required"]:
            node.pop("default", None)
            tree["properties"][name] = _or_nothing(node)
    return {
        "$schema": DIALECT,
        **tree,
        "title": "Counter Agent configuration",
        "$defs": dict(sorted(definitions.items())),
    }


def _or_nothing(node: dict[str, Any]) -> dict[str, Any]:
    """A section may stand there with all its lines commented out."""
    return node if {"type": "null"} in node.get("anyOf", ()) else {"anyOf": [node, {"type": "null"}]}


def _device(model: type[BaseModel], kind: str, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """An item of a list of devices: the keys of the file format and those of the driver called *name*."""
    common = _tree(model, definitions)
    found = registry.find(kind, name)
    own = _tree(found.Options, definitions, f"{kind}.{name}.")
    if issubclass(found, Keypad) and found.key_names:
        keys = common["properties"]["keys"]["patternProperties"]
        keys[f"^({'|'.join(found.key_names)})$"] = {"type": "integer"}
    common["properties"].pop("options")
    required = [key for key in common.get("required", ()) if key != "options"] + own.get("required", [])
    driver = {"const": name, "description": own.get("description", f"The {kind} driver {name}.")}
    properties = {**common["properties"], "driver": driver, **own.get("properties", {})}
    return {
        "title": f"{kind}: {name}",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _tree(model: type[BaseModel], definitions: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The schema of *model*; the models inside it go to *definitions*, their names after *prefix*."""
    tree = model.model_json_schema(schema_generator=Plain, ref_template=f"#/$defs/{prefix}{{model}}")
    inner = tree.pop("$defs", {})
    describe(tree, model)
    for other in models_in(model):
        if other.__name__ in inner:
            describe(inner[other.__name__], other)
    definitions.update({f"{prefix}{name}": node for name, node in inner.items()})
    return tree


def describe(node: dict[str, Any], model: type[BaseModel]) -> None:
    for name, text in _words_under_attributes(model).items():
        if name in node.get("properties", {}):
            node["properties"][name].setdefault("description", text)


def _words_under_attributes(model: type[BaseModel]) -> dict[str, str]:
    """The strings that stand under the attributes of *model* and of its bases."""
    words: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls in (BaseModel, RootModel) or not cls.__name__.isidentifier():
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, following in pairwise(statements):
            match statement, following:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    words[name] = inspect.cleandoc(text)
    return words


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models that the fields of *model* are made of, at any depth."""
    waiting = [info.annotation for info in model.model_fields.values()]
    seen: set[Any] = set()
    while waiting:
        annotation = waiting.pop()
        waiting.extend(get_args(annotation))
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel) and annotation not in seen:
            seen.add(annotation)
            waiting.extend(info.annotation for info in annotation.model_fields.values())
            yield annotation
