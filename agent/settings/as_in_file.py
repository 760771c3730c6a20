"""A value that stands in the file otherwise than it is kept: read from each of its forms, written in the shortest."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class AsInTheFile:
    """An annotation for a field of type *kept*."""

    def __init__(self, kept: type, forms: Any, *, spell: Callable[[Any], Any], made_of: type[BaseModel]) -> None:
        """*forms*: what the file may say, made into *kept* by its validators. *spell*: what the file would say.
        *made_of*: the maps in it, whose keys are the ones to name when a key is unknown."""
        self._kept, self._forms, self._spell, self.made_of = kept, forms, spell, made_of

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        forms = handler.generate_schema(self._forms)
        return core_schema.json_or_python_schema(
            json_schema=forms,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(self._kept), forms]),
            serialization=core_schema.plain_serializer_function_ser_schema(self._spell),
        )
