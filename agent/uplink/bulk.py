"""What is too large for one message: parts on `up/bulk/<id>/<n>`, then a manifest that says what they make."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.uplink.payload import Manifest, Message
from agent.uplink.topics import Topics

PART_BYTES = 128 * 1024
PART_OVERHEAD_BYTES = 512
"""Left free in a packet for its topic and what stands around it, where a broker takes only small ones."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A picture, a log or a bundle that is handed over."""

    content: bytes
    content_type: str
    about: Mapping[str, Any]
    name: str | None = None
    """How it may be called where it is stored."""

    def messages(self, topics: Topics, id_: str, *, largest_bytes: int, part_bytes: int = PART_BYTES) -> list[Message]:
        """The parts and the manifest, for a broker whose largest packet has *largest_bytes*."""
        size = max(1, min(part_bytes, largest_bytes - PART_OVERHEAD_BYTES))
        parts = [self.content[start : start + size] for start in range(0, len(self.content), size)]
        manifest = Manifest(
            content_type=self.content_type,
            name=self.name,
            size=len(self.content),
            sha256=hashlib.sha256(self.content).hexdigest(),
            parts=len(parts),
            about=dict(self.about),
        )
        return [
            *(Message(topics.bulk(id_, number), part) for number, part in enumerate(parts)),
            Message(topics.bulk(id_, "manifest"), manifest.encode()),
        ]
