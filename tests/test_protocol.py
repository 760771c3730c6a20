"""The published protocol: true to the code, valid, and complete."""

import ast
import inspect
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator, ValidationError  # type: ignore[import-untyped]

from agent.__main__ import cli
from agent.clock import ClockQuality, Moment
from agent.data import EventsDropped
from agent.event import GENESIS, Event, EventType, Fact, Lane
from agent.protocol import EVENTS, CloudEvent
from agent.uplink.topics import Topics
from tests.contract import PUBLISHED, Contract, fits

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
DROPPED = EventsDropped(
    lane=Lane.METRIC, epoch="01J6X4Q0000000000000000000", ranges=[(1, 64), (70, 70)], count=65, reason="quota"
)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in *tree*."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(child)


def found(document: Any, reference: str) -> Any:
    """What *reference* points to in *document*."""
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def event(kind: EventType, data: dict[str, Any]) -> Event:
    fact = Fact.seen(kind, Moment(AT, ClockQuality.NTP, AT), data)
    return Event("40", "na-0123", DROPPED.epoch, kind.lane, 1, GENESIS, "9f2c00000000", fact)


def test_the_document_in_config_is_what_the_code_says() -> None:
    """After a change: `counter-agent schema --protocol > config/asyncapi.json`, and a line in the changelog."""
    printed = CliRunner().invoke(cli, ["schema", "--protocol"], catch_exceptions=False).output
    assert PUBLISHED.read_text(encoding="utf-8") == printed


def test_schema_alone_is_still_the_configurations() -> None:
    printed = CliRunner().invoke(cli, ["schema"], catch_exceptions=False).output
    assert json.loads(printed)["title"] == "Counter Agent configuration"


def test_every_reference_leads_somewhere(contract: Contract) -> None:
    references = {node["$ref"] for node in nodes(contract.document) if "$ref" in node}
    assert len(references) > 50
    for reference in references:
        assert found(contract.document, reference), reference


def test_every_component_is_referred_to(contract: Contract) -> None:
    references = {node["$ref"] for node in nodes(contract.document) if "$ref" in node}
    for kind, components in contract.document["components"].items():
        assert {f"#/components/{kind}/{name}" for name in components} - references == set()


def test_every_schema_is_a_schema(contract: Contract) -> None:
    for schema in contract.document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    for message in contract.document["components"]["messages"].values():
        Draft7Validator.check_schema(message["payload"])


def test_every_channel_has_its_parameters_its_message_and_one_operation_with_mqtt_bindings(contract: Contract) -> None:
    document = contract.document
    assert document["asyncapi"] == "3.0.0"
    assert set(document["info"]) >= {"title", "version"}
    for name, channel in document["channels"].items():
        assert {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")} == set(
            channel["parameters"]
        )
        assert list(channel["messages"].values()) == [{"$ref": f"#/components/messages/{name}"}]
        (operation,) = [
            each for each in document["operations"].values() if each["channel"]["$ref"] == f"#/channels/{name}"
        ]
        assert operation["action"] == ("send" if "/up/" in channel["address"] else "receive")
        assert operation["messages"] == [{"$ref": f"#/channels/{name}/messages/{name}"}]
        retained = {"state", "info", "health", "watermark", "config", "content", "contentForAll", "contentReport"}
        assert operation["bindings"]["mqtt"] == {
            "qos": 1,
            "retain": name in retained,
            "bindingVersion": "0.2.0",
        }


def test_every_topic_that_the_code_knows_is_in_a_channel(contract: Contract) -> None:
    topics = Topics("40", "na-0123")
    known = set()
    for name, member in vars(Topics).items():
        if isinstance(member, property) and name not in ("root", "subscriptions"):
            known.add(getattr(topics, name))
        elif inspect.isfunction(member) and not name.startswith("_"):
            arguments = [EventType.RATING if name == "event" else "x"] * (len(inspect.signature(member).parameters) - 1)
            known.add(member(topics, *arguments))
    assert len(known) > 8
    assert [topic for topic in known if not any(fits(address, topic) for address in contract.addresses.values())] == []


def test_every_type_of_event_that_the_code_tells_is_in_a_channel(contract: Contract) -> None:
    told: set[EventType] = set()
    for path in (ROOT / "agent").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Fact") | ast.Attribute(attr="seen"), args=[first, *_]):
                    told.update(EventType[name.attr] for name in ast.walk(first) if isinstance(name, ast.Attribute))
    assert told == set(EVENTS)
    assert {kind for kind in told if kind not in contract.addresses} == set()


def test_the_envelope_is_the_one_that_events_are_written_in() -> None:
    written = json.loads(event(EventType.RATING, {"level": 3}).encode())
    assert list(CloudEvent.model_fields) == list(written)
    assert json.loads(CloudEvent.model_validate(written).encode()).keys() == written.keys()


def test_a_gap_fits(contract: Contract) -> None:
    body = event(EventType.GAP, DROPPED.payload()).encode()
    assert contract.judge("motcua/v1/40/na-0123/up/event/gap", body) == "gap"


@pytest.mark.parametrize(
    "wrong", [{"ranges": [[1]]}, {"ranges": [[1, 2, 3]]}, {"lane": "x"}, {"count": "65"}, {"reason": None}], ids=str
)
def test_what_is_not_in_the_contract_does_not_fit(contract: Contract, wrong: dict[str, Any]) -> None:
    body = event(EventType.GAP, DROPPED.payload() | wrong).encode()
    with pytest.raises(ValidationError):
        contract.judge("motcua/v1/40/na-0123/up/event/gap", body)


def test_nothing_about_a_person_fits_into_a_rating(contract: Contract) -> None:
    schema = contract.document["components"]["schemas"]["RatingData"]
    assert schema["additionalProperties"] is False
