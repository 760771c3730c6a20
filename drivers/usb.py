"""A USB device by its numbers: `maker:model`, or `maker:model:serial`, as `lsusb` prints the first two."""

import re
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

PATTERN = re.compile(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::([\x21-\x7e]{1,64}))?")


class UsbName(str):
    """The name as it was written; it knows which devices it means."""

    __slots__ = ()

    def means(self, maker: int, model: int, serial: str) -> bool:
        """Whether it is the device with these numbers; where it names no serial number, any."""
        found = PATTERN.fullmatch(self)
        return (
            found is not None
            and (int(found[1], 16), int(found[2], 16)) == (maker, model)
            and found[3] in (None, serial)
        )

    @classmethod
    def _read(cls, text: str) -> "UsbName":
        if PATTERN.fullmatch(text) is None:
            raise ValueError(f'"{text}" names no USB device; write maker:model as lsusb does, such as "1a86:7523"')
        return cls(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls._read, handler(str))
