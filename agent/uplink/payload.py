"""The payloads beside events, as models: what a counter says of itself and what it is told.

The code writes and reads these models, and the published schemas are generated from them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from agent.event import Lane
from agent.health import Report, Status
from agent.language import Language


@dataclass(frozen=True, slots=True)
class Message:
    """Something to say on a topic that is not an event."""

    topic: str
    payload: bytes
    is_retained: bool = False
    expiry_s: int | None = None
    """MQTT 5: the broker forgets the message after so many seconds."""
    correlation: bytes | None = None
    """MQTT 5: what a caller gave to recognise its answer by."""


class Payload(BaseModel):
    """A JSON object on a topic: UTF-8, compact, diacritics unescaped."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    def encode(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


class State(Payload):
    """`up/state`, retained. `lost` is the will: valid only if its session is the last one seen online."""

    state: Literal["online", "stopping", "lost"]
    session: int
    since: datetime | None = None
    boot: str | None = None
    version: str | None = None
    reason: str | None = None


class Versions(Payload):
    """What is spoken and run."""

    agent: str
    protocol: str
    python: str


class Hardware(Payload):
    """The machine."""

    machine: str
    model: str
    """The board; empty where the kernel does not say."""
    kernel: str


class Device(Payload):
    """A fitted device and how it was at the birth; `up/health/<component>` says how it is."""

    component: str
    driver: str
    state: Status


class Egress(Payload):
    """What may leave the box of a camera's pictures."""

    name: str
    egress: Literal["pixelated", "masked", "plain"]


class LevelUsed(Payload):
    """One answer of the rating scale; the first is the worst."""

    id: str
    satisfied: bool
    labels: dict[str, str]
    """What citizens read, by language code."""


class ScaleUsed(Payload):
    """The rating scale in use."""

    id: str
    hash: str
    levels: list[LevelUsed]


class Info(Payload):
    """`up/info`, retained: the birth certificate."""

    versions: Versions
    hardware: Hardware
    commune: str
    """The unit's code today."""
    name: str
    """The unit's name."""
    counter: int
    """The counter's number in the unit."""
    hotlines: list[str]
    language: str
    """Of what it says to technicians."""
    boot: str
    devices: list[Device]
    cameras: list[Egress]
    capabilities: list[str]
    """The commands it takes."""
    config: str
    """Hash of the settings that run."""
    mode: Literal["training", "inspection"] | None = None
    """Present while ratings are not counted."""
    scale: ScaleUsed
    keymaps: dict[str, str]
    """Hash of each keypad's key map, by its component."""


class HealthReport(Payload):
    """`up/health/<component>`, retained. On MQTT 5 it expires after three missed publications."""

    status: Status
    code: str
    since: Annotated[
        datetime,
        PlainSerializer(lambda since: since.isoformat(timespec="seconds"), return_type=str),
        WithJsonSchema({"type": "string", "format": "date-time"}),
    ]
    """Since when it has this status and code."""
    message: str
    """What is wrong, in the counter's language."""
    hint: str
    """What to do."""
    every_s: int
    """It is said again at least so often."""

    @classmethod
    def of(cls, report: Report, language: Language) -> "HealthReport":
        message, hint = report.words(language)
        condition = report.condition
        return cls(
            status=condition.status,
            code=condition.code,
            since=report.since,
            message=message,
            hint=hint,
            every_s=report.every_s,
        )


class ConfigProblem(Payload):
    """One thing that is wrong in a configuration file."""

    path: str
    line: int
    """Counted from 1; 0: the file as a whole."""
    column: int
    message: str


class ConfigReport(Payload):
    """`up/config`, retained: what became of the last file, and what is running."""

    hash: str
    """Of the last file; empty when it is rejected."""
    status: Literal["applied", "rejected"]
    errors: list[ConfigProblem] = []
    running: str
    """Hash of the settings that run."""


class LaneMark(Payload):
    """One lane of the watermark."""

    epoch: str
    first: int
    last: int
    head: str
    """The chain hash of event `last`."""
    acked: int
    """Everything up to here is stored by the province."""
    pending: int
    """Events here that the province has not confirmed."""
    lost: int
    """Events dropped undelivered, each declared by a `gap` event."""


class Watermark(Payload):
    """`up/watermark`, retained: closes the tail, so that losing the last events before a silence is seen."""

    at: datetime
    lanes: dict[Lane, LaneMark]
    held: int = Field(default=0, ge=0, le=2**31 - 1)
    """Ratings in the ballot box: their number, and nothing else of them."""
    cast: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """Ratings that this epoch ever took. It never shrinks, and is what was released in lane `record` plus `held`."""


class Acknowledgement(Payload):
    """`down/ack/<lane>`: the province has stored everything up to `upto` except `missing`."""

    epoch: str
    upto: int = Field(ge=0)
    missing: list[tuple[int, int]] = []

    def is_covered_by(self, later: "Acknowledgement") -> bool:
        """Whether *later*, of the same lane, says all that this one says."""
        return later.epoch == self.epoch and later.upto >= self.upto


class Order(Payload):
    """`down/command/<command>/<id>`; further keys are the command's own."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")

    expires: datetime
    spread_s: float = Field(default=0, ge=0, le=3600)
    """Broadcasts: each counter waits a random part of this."""

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Result(Payload):
    """`up/result/<command>/<id>`."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")

    status: Literal["accepted", "running", "done", "failed", "rejected", "expired"]
    reason: str | None = None
    took_ms: int | None = None


class Manifest(Payload):
    """`up/bulk/<id>/manifest`: what the parts before it make when put together."""

    content_type: str
    name: str | None = None
    """How the whole may be called where it is stored."""
    size: int
    sha256: str
    parts: int
    about: dict[str, Any] = {}
