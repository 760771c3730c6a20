"""What a parcel carries: its rows, read from the outbox and made into one message. Runs on the uplink's thread."""

from dataclasses import dataclass

from agent.event import EventType, Stream
from agent.outbox.store import Outbox
from agent.uplink import batch
from agent.uplink.dispatch import Parcel
from agent.uplink.topics import Topics

EVENT_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
READ_AHEAD = 1000
"""Rows read from the outbox at a time while a backlog drains singly."""


@dataclass(frozen=True, slots=True)
class Cargo:
    """A message that carries events."""

    topic: str
    payload: bytes
    content_type: str


class Loader:
    """Makes parcels into cargo."""

    def __init__(self, outbox: Outbox, topics: Topics) -> None:
        self._outbox = outbox
        self._topics = topics
        self._ahead: dict[tuple[Stream, int], bytes] = {}

    def load(self, parcel: Parcel) -> Cargo | None:
        """The message for *parcel*; None: its rows were removed since, as the watermark or a gap event declares.

        Raises:
            TryAgain: the rows cannot be read for now.
        """
        if parcel.is_batch:
            rows = [body for _, body in self._outbox.read(parcel.stream, parcel.first, parcel.last)]
            return Cargo(self._topics.batch(parcel.stream.lane), batch.pack(rows), BATCH_TYPE) if rows else None
        row = self._row(parcel)
        return Cargo(self._topics.event(_type_of(row)), row, EVENT_TYPE) if row is not None else None

    def _row(self, parcel: Parcel) -> bytes | None:
        row = self._ahead.pop((parcel.stream, parcel.first), None)
        if row is None:
            last = parcel.first if parcel.is_live else parcel.first + READ_AHEAD - 1
            rows = self._outbox.read(parcel.stream, parcel.first, last)
            self._ahead = {(parcel.stream, seq): body for seq, body in rows}
            row = self._ahead.pop((parcel.stream, parcel.first), None)
        return row


def _type_of(body: bytes) -> EventType:
    """The event's type, read from its bytes without parsing them: `"type":"vn.motcua.<type>.v1"`."""
    start = body.index(b'"type":"vn.motcua.') + 18
    return EventType(body[start : body.index(b".", start)].decode())
