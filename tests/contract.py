"""The published protocol as somebody else would use it: nothing but `config/asyncapi.json` and public libraries."""

import json
import re
import zlib
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]

PUBLISHED = Path(__file__).parents[1] / "config" / "asyncapi.json"


def _is_a_time_with_a_zone(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time", raises=ValueError)(_is_a_time_with_a_zone)


class Contract:
    """Judges messages by the document."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
        self.addresses: dict[str, str] = {
            name: channel["address"] for name, channel in self.document["channels"].items()
        }

    def channel_of(self, topic: str) -> str:
        """The channel that *topic* belongs to: the one that says the most literally."""
        found = [name for name, address in self.addresses.items() if fits(address, topic)]
        assert found, f"{topic} is in no channel"
        return min(found, key=lambda name: self.addresses[name].count("{"))

    def judge(self, topic: str, payload: bytes) -> str:
        """Hold a message to the schema of its channel, which is returned, and each event to CloudEvents."""
        channel = self.channel_of(topic)
        message = self.document["components"]["messages"][channel]
        match message["contentType"]:
            case "application/octet-stream":
                return channel
            case "application/cloudevents-batch+json":
                payload = zlib.decompress(payload)
                for event in with_hashes(json.loads(payload)):
                    self._judge_event(compact(event))
            case "application/cloudevents+json":
                self._judge_event(payload)
        said = json.loads(payload)
        assert "/up/" not in topic or compact(said) == payload, f"{topic}: {payload.decode()}"
        self._hold(said, f"#/components/messages/{channel}/payload")
        return channel

    def _judge_event(self, body: bytes) -> None:
        event, theirs = json.loads(body), JSONFormat().read(None, body)
        assert (theirs.get_id(), theirs.get_type(), theirs.get_data()) == (event["id"], event["type"], event["data"])
        kind = event["type"].split(".")[2]
        self._hold(event, f"#/components/messages/{kind}/payload")

    def _hold(self, payload: Any, schema: str) -> None:
        Draft7Validator({"$ref": schema, "components": self.document["components"]}, format_checker=_FORMATS).validate(
            payload
        )

    @property
    def retained(self) -> set[str]:
        """The channels whose messages a broker keeps."""
        operations = self.document["operations"].values()
        return {each["channel"]["$ref"].split("/")[-1] for each in operations if each["bindings"]["mqtt"]["retain"]}


def compact(payload: Any) -> bytes:
    """JSON as a counter writes it: UTF-8, no blanks, no escaped diacritics."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def with_hashes(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a batch, each with the `previous` that was left out, as the document tells."""
    events: list[dict[str, Any]] = []
    for element in batch:
        if "previous" not in element:
            digest = sha256(compact(events[-1])).digest()
            names = list(element)
            after = names.index("seq") + 1
            previous = {"previous": urlsafe_b64encode(digest).rstrip(b"=").decode()}
            element = {name: element[name] for name in names[:after]} | previous | element  # noqa: PLW2901
        events.append(element)
    return events


def fits(address: str, topic: str) -> bool:
    """Whether *topic* is an instance of *address*; what stands in braces is one level."""
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(address)), topic) is not None
