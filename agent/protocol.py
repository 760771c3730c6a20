"""The protocol as one table: every topic a counter speaks or listens on, and what is said there.

`asyncapi` makes an AsyncAPI 3.0 document of it (`counter-agent schema --protocol`, kept in `config/asyncapi.json`).
The addresses come from `agent.uplink.topics`, the payloads from the models that the code writes and reads with; tests
hold the table to what a running counter says. Only the command line imports this.

Readers ignore what they do not know: a new key is no new version of the protocol. Schemas are draft 07, AsyncAPI's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from agent.clock import ClockQuality
from agent.data import ClockSet, ClockStart, EventsDropped, OutboxReplaced
from agent.event import EventType, Lane
from agent.rating.figures.bookkeeper import LowRatingsData, TransactionsData
from agent.rating.figures.outages import OutageData
from agent.rating.figures.summary import SummaryData
from agent.rating.inspection.chord import CodeMissed
from agent.rating.inspection.inspection import InspectionData
from agent.rating.inspection.modes import ModeChange
from agent.rating.record import RatingData
from agent.screen.content.manifest import Signed
from agent.screen.content.report import ContentReport
from agent.screen.planning.emergency import EmergencyChange
from agent.screen.played import PlayedData
from agent.settings.schema import Plain, describe, models_in
from agent.surveillance.egress.account import EgressData
from agent.surveillance.facts import TamperData, VisitData
from agent.uplink.cargo import BATCH_TYPE, EVENT_TYPE
from agent.uplink.dispatch import BATCH_SIZE
from agent.uplink.payload import (
    Acknowledgement,
    ConfigReport,
    HealthReport,
    Info,
    Manifest,
    Order,
    Payload,
    Result,
    State,
    Watermark,
)
from agent.uplink.session import KEEPALIVE_S, SESSION_EXPIRY_S
from agent.uplink.topics import ALL, VERSION, Topics

Schema = dict[str, Any]
"""A JSON Schema in which a model may stand for its own."""

JSON_TYPE = "application/json"
BYTES_TYPE = "application/octet-stream"
BYTES: Schema = {"type": "string", "format": "binary"}
MQTT_BINDINGS = "0.2.0"


class CloudEvent(Payload):
    """A fact in its place, as `agent.event.Event` writes it: CloudEvents 1.0 in structured JSON, keys in this order."""

    specversion: Literal["1.0"]
    id: str
    """`<agent>/<epoch>/<lane>/<seq>`."""
    source: str
    """`/motcua/<province>/<agent>`."""
    type: str
    time: datetime
    """By the counter's clock, to the second; `clock` says how far to believe it."""
    datacontenttype: Literal["application/json"]
    epoch: str
    """New whenever the counter's database is new."""
    lane: Lane
    seq: int = Field(ge=1, le=2**31 - 1)
    """Counts up within epoch and lane."""
    previous: str = Field(pattern="^[A-Za-z0-9_-]{43}$")
    """SHA-256 of the bytes of the event before it, in unpadded base64url; of nothing, for the first."""
    boot: str
    """The boot of the machine in which this was seen."""
    booted: datetime | None = None
    """When that boot began by the clock that gave `time`."""
    clock: ClockQuality
    data: dict[str, Any]


class BatchedEvent(CloudEvent):
    """An event in a batch. Its bytes are those of the single event once a `previous` that was left out is put back."""

    previous: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{43}$")  # type: ignore[assignment] # may be away
    """Left out where the event before it in its lane is the element before it in the batch: then it is the SHA-256 of
    that one's bytes, in unpadded base64url, and belongs right after `seq`."""


EVENTS: dict[EventType, tuple[type[BaseModel], ...]] = {
    EventType.RATING: (RatingData,),
    EventType.ALERT: (
        OutboxReplaced,
        ModeChange,
        OutageData,
        LowRatingsData,
        CodeMissed,
        TamperData,
        EmergencyChange,
    ),
    EventType.INSPECTION: (InspectionData,),
    EventType.GAP: (EventsDropped,),
    EventType.CLOCK: (ClockSet, ClockStart),
    EventType.SUMMARY: (SummaryData,),
    EventType.METRIC: (TransactionsData,),
    EventType.PLAYED: (PlayedData,),
    EventType.EGRESS: (EgressData,),
    EventType.VISIT: (VisitData,),
}
"""What the `data` of each type of event may be."""


class Direction(StrEnum):
    """Seen from the counter, as AsyncAPI names it."""

    SAYS = "send"
    HEARS = "receive"


@dataclass(frozen=True, slots=True)
class Channel:
    """One kind of topic. Everything travels at QoS 1."""

    name: str
    address: str
    payload: type[BaseModel] | Schema
    summary: str
    is_retained: bool = False
    direction: Direction = Direction.SAYS
    content_type: str = JSON_TYPE


def _event(kind: EventType, summary: str) -> Channel:
    payload = {"$ref": f"#/components/schemas/{_event_name(kind)}"}
    return Channel(kind, HERE.event(kind), payload, summary, content_type=EVENT_TYPE)


def _event_name(kind: EventType) -> str:
    return f"{kind.title()}Event"


HERE, EVERYWHERE = Topics("{province}", "{agent}"), Topics("{province}", ALL)
LANE = cast("Lane", "{lane}")
RETAINED, HEARS = True, Direction.HEARS

CHANNELS = (
    Channel("state", HERE.state, State, "Online, stopping, or lost: the will.", RETAINED),
    Channel("info", HERE.info, Info, "The birth certificate, at every connect.", RETAINED),
    Channel("health", HERE.health("{component}"), HealthReport, "How a component is; empty: it is gone.", RETAINED),
    Channel("watermark", HERE.watermark, Watermark, "Where every lane ends, every minute and after a burst.", RETAINED),
    Channel("config", HERE.config, ConfigReport, "What became of the last configuration file.", RETAINED),
    Channel("contentReport", HERE.content_report, ContentReport, "What is shown of the province's content.", RETAINED),
    _event(EventType.RATING, "A citizen pressed a key."),
    _event(EventType.VISIT, "Somebody was at the counter: how long, and in which quarter of an hour it began."),
    _event(EventType.INSPECTION, "What an inspector found at the counter."),
    _event(EventType.ALERT, "Something that a person should know of."),
    _event(EventType.GAP, "Events that were dropped undelivered."),
    _event(EventType.CLOCK, "What the clock did: it corrects the times of other events."),
    _event(EventType.SUMMARY, "A day of the counter in figures, once for each local date."),
    _event(EventType.METRIC, "What figures are made with."),
    _event(EventType.PLAYED, "How often each item was on the screen within an hour, and how often it was skipped."),
    _event(EventType.EGRESS, "Pictures of the counter were handed over: on which order, how many, what was hidden."),
    Channel(
        "batch",
        HERE.batch(LANE),
        {"type": "array", "items": BatchedEvent, "minItems": 1, "maxItems": BATCH_SIZE},
        "A backlog's events in a JSON array that is compressed with zlib, each without the hash of the one before it.",
        content_type=BATCH_TYPE,
    ),
    Channel(
        "result", HERE.result("{command}", "{id}"), Result, "What became of an order; further keys are its answer."
    ),
    Channel(
        "bulkPart", HERE.bulk("{id}", "{part}"), BYTES, "A part of what an order hands over.", content_type=BYTES_TYPE
    ),
    Channel("bulkManifest", HERE.bulk("{id}", "manifest"), Manifest, "What the parts before it make."),
    Channel("ack", HERE.acknowledgement(LANE), Acknowledgement, "What the province has stored.", direction=HEARS),
    Channel(
        "handedRating",
        HERE.rating("{id}"),
        BYTES,
        "A vote from the province's rating page, sealed for this counter; answered on `result/rating/{id}`.",
        direction=HEARS,
        content_type=BYTES_TYPE,
    ),
    Channel("content", HERE.content, Signed, "What this counter's screen is to show.", RETAINED, direction=HEARS),
    Channel("contentForAll", EVERYWHERE.content, Signed, "The same for every counter.", RETAINED, direction=HEARS),
    Channel("command", HERE.command("{command}", "{id}"), Order, "An order to this counter.", direction=HEARS),
    Channel("broadcast", EVERYWHERE.command("{command}", "{id}"), Order, "An order to every counter.", direction=HEARS),
)

PARAMETERS: dict[str, Schema] = {
    "agent": {"description": "The counter: user name, client id and topic level in one.", "examples": ["na-0123"]},
    "command": {
        "description": "What is ordered; `info` lists what a counter can do.",
        "examples": ["ping", "snapshot"],
    },
    "component": {
        "description": "A part of the counter; a second camera is `camera-2`.",
        "examples": ["agent", "camera", "keypad", "qr", "screen", "outbox", "clock", "disk", "uplink", "config"],
    },
    "id": {
        "description": "The order's id: one that comes again gets the result of the first.",
        "examples": ["01J6X4Q"],
    },
    "lane": {"description": "A separately numbered stream, the most urgent first.", "enum": list(Lane)},
    "part": {"description": "The part's number, from 0.", "examples": ["0"]},
    "province": {"description": "Two digits of the administrative code.", "examples": ["40"]},
}


def asyncapi() -> Schema:
    """The document as plain data, ready for `json.dumps`."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Counter Agent",
            "version": VERSION,
            "description": "What a one-stop counter and its province say to each other, seen from the counter.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": JSON_TYPE,
        "servers": {"broker": _broker()},
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {_operation_name(channel): _operation(channel) for channel in CHANNELS},
        "components": {
            "parameters": PARAMETERS,
            "messages": {channel.name: _message(channel) for channel in CHANNELS},
            "schemas": _schemas(),
        },
    }


def _broker() -> Schema:
    will = State(state="lost", session=42)
    return {
        "host": "{host}",
        "protocol": "secure-mqtt",
        "protocolVersion": "5",
        "description": "The province's broker. MQTT 5; 3.1.1 where the broker knows no better.",
        "variables": {"host": {"description": "Name and port.", "examples": ["mqtt.nghean.example:8883"]}},
        "bindings": {
            "mqtt": {
                "cleanSession": False,
                "keepAlive": KEEPALIVE_S,
                "sessionExpiryInterval": SESSION_EXPIRY_S,
                "lastWill": {"topic": HERE.state, "qos": 1, "retain": True, "message": will.encode().decode()},
                "bindingVersion": MQTT_BINDINGS,
            }
        },
    }


def _channel(channel: Channel) -> Schema:
    return {
        "address": channel.address,
        "description": channel.summary,
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"} for name in re.findall(r"{(\w+)}", channel.address)
        },
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }


def _operation_name(channel: Channel) -> str:
    return f"{channel.direction}{channel.name[0].upper()}{channel.name[1:]}"


def _operation(channel: Channel) -> Schema:
    return {
        "action": channel.direction,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.summary,
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{channel.name}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": channel.is_retained, "bindingVersion": MQTT_BINDINGS}},
    }


def _message(channel: Channel) -> Schema:
    return {
        "name": channel.name,
        "summary": channel.summary,
        "contentType": channel.content_type,
        "payload": _written(channel.payload),
    }


def _schemas() -> Schema:
    modes: dict[type[BaseModel], JsonSchemaMode] = dict.fromkeys(
        [CloudEvent, *sum(EVENTS.values(), ())], "serialization"
    )
    for channel in CHANNELS:
        mode: JsonSchemaMode = "serialization" if channel.direction is Direction.SAYS else "validation"
        modes |= dict.fromkeys(_models(channel.payload), mode)
    _, made = models_json_schema(
        list(modes.items()), ref_template="#/components/schemas/{model}", schema_generator=_Draft07
    )
    schemas: Schema = made["$defs"]
    for model in modes:
        for each in (model, *models_in(model)):
            describe(schemas[each.__name__], each)
    schemas |= {_event_name(kind): _event_schema(kind) for kind in EVENTS}
    return dict(sorted(schemas.items()))


def _event_schema(kind: EventType) -> Schema:
    data = [_written(model) for model in EVENTS[kind]]
    own = {
        "type": {"const": kind.full_name},
        "lane": {"const": kind.lane},
        "data": data[0] if len(data) == 1 else {"anyOf": data},
    }
    return {"allOf": [_written(CloudEvent), {"properties": own}]}


def _written(schema: Any) -> Any:
    """*schema* with references in the place of models."""
    match schema:
        case type():
            return {"$ref": f"#/components/schemas/{schema.__name__}"}
        case dict():
            return {key: _written(value) for key, value in schema.items()}
    return schema


def _models(schema: Any) -> Iterator[type[BaseModel]]:
    match schema:
        case type():
            yield schema
        case dict():
            for value in schema.values():
                yield from _models(value)


class _Draft07(Plain):
    """What is None is left out of a payload, everything else is always written; draft 07 has its own tuples."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        is_optional = self.mode == "validation" and schema["default"] is not None
        return super().default_schema(schema) if is_optional else self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic's signature
        is_written = self.mode == "serialization" and field["schema"].get("default") is not None
        return is_written or super().field_is_required(field, total)

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        made = super().tuple_schema(schema)
        if "prefixItems" in made:
            made["items"] = made.pop("prefixItems")
        return made
