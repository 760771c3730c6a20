"""How a serial keypad is wired: its keys in the configuration file, checked without touching a port."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from drivers.base import KeypadOptions, Learnt
from drivers.keypad import lesson
from drivers.keypad.framing import ByteFraming, Framing, Payload
from drivers.keypad.pulse import Heartbeat
from drivers.port import PortOptions


class SerialOptions(PortOptions, KeypadOptions):
    """`driver: serial`. Exactly one of `port` and `match` says where the keypad is."""

    is_stream: ClassVar[bool] = True

    mute_s: float = Field(default=0, ge=0, le=10)
    """Seconds after opening in which nothing is believed: for a keypad that says hello when it is switched on."""
    framing: Framing = ByteFraming()
    """What one press is made of: a byte, a line, or a frame between marks."""
    ignore: tuple[Payload, ...] = ("0d", "0a", "00", "ff")
    """Payloads in hex that are no presses and no garbage either: line ends, idle bytes, a floating line."""
    heartbeat: Heartbeat | None = None
    """How the keypad is asked whether it is there; without it, its port being there must do."""
    ack: Payload | None = None
    """Bytes in hex that make it blink or beep; sent when a rating is stored, the same for every level."""

    @model_validator(mode="after")
    def _answer_fits(self) -> Self:
        answer = self.heartbeat.expect if self.heartbeat is not None else ""
        if self.framing.kind == "byte" and len(answer) > 2:
            raise ValueError(f'heartbeat.expect "{answer}" can never come: with framing byte a payload is one byte')
        return self

    @property
    def deaf(self) -> frozenset[str]:
        """Payloads that are never presses: what is to be ignored, the echo of our own bytes on a two-wire line."""
        own = {self.ack or ""} | ({self.heartbeat.tx, self.heartbeat.expect} if self.heartbeat is not None else set())
        return frozenset({*self.ignore, *own} - {""})

    def can_send(self, code: str) -> bool:
        return code not in self.deaf and (self.framing.kind != "byte" or len(code) == 2)

    def raw(self) -> Self:
        opinions = {"framing": ByteFraming(), "ignore": (), "heartbeat": None, "ack": None, "mute_s": 0.0}
        return self.model_copy(update=opinions)

    def tidy(self, burst: bytes) -> bytes:
        return lesson.tidy(burst)

    def learn(self, bursts: Sequence[Sequence[bytes]]) -> Learnt | None:
        wire = lesson.read(bursts)
        if wire is None:
            return None
        changes: dict[str, Any] = {}
        if lesson.FRAMINGS[str(wire.framing["kind"])].model_validate(wire.framing) != self.framing:
            changes["framing"] = dict(wire.framing)
        if new := [code for code in wire.ignore if code not in self.ignore]:
            changes["ignore"] = [*self.ignore, *new]
        return Learnt(wire.payloads, changes)
