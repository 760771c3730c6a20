"""What every driver's options are made of: pydantic's models of a driver's own keys in the configuration file.

Apart from `drivers.base`, which hands all of it on, because a camera's process has no use for it: its options were
judged by the agent, and pydantic would be a fifth of its memory.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from drivers.base import Learnt


class Options(BaseModel):
    """A driver's own keys in the configuration file; each driver declares its subclass."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


def refuse(code: str, **values: str) -> PydanticCustomError:
    """What a validator of options raises to say no in the reader's language: words under `config.<code>`."""
    return PydanticCustomError(f"settings.{code}", code.replace("_", " "), values)


class KeypadOptions(Options):
    """The options of a keypad: what its key map must agree with, and how its keys are learnt."""

    is_stream: ClassVar[bool] = False
    """Whether what `raw` hears are pieces of a stream, of which one press may be many."""

    def can_send(self, code: str) -> bool:  # noqa: ARG002 - says what every keypad is asked
        """Whether a keypad with these options can send the payload *code*."""
        return True

    def raw(self) -> Self:
        """The same device, heard without any opinion about what a press is: for learning its keys."""
        return self

    def tidy(self, burst: bytes) -> bytes:
        """What *burst*, all that came raw at one press, has in common with any other press of the same key."""
        return burst

    def learn(self, bursts: Sequence[Sequence[bytes]]) -> Learnt | None:
        """What each key sends, from the raw bursts of its presses, key by key; None when they show no rule."""
        return Learnt(tuple(presses[0].hex() for presses in bursts))


class CameraOptions(Options):
    """The options of a camera."""

    @property
    def smaller(self) -> Self | None:
        """Options under which the same driver opens a smaller picture of the same view, where the camera has one."""
        return None
