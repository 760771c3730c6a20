"""One connection's life: birth in its order, then events and words within the window, until it is lost.

CONNACK → subscribe → SUBACK → info, health, config, watermark → `state: online` → drain. Runs on
the uplink's thread. Decides by reason code: a PUBACK that says "not authorised" is not a delivery,
whatever the library thinks.
"""

import logging
import time
from dataclasses import dataclass

from pydantic import ValidationError

from agent.errors import TryAgain
from agent.event import Lane, Stream
from agent.health import Condition, Status
from agent.outbox.store import Outbox
from agent.ranges import Ranges
from agent.uplink.cargo import Cargo, Loader
from agent.uplink.commands import Incoming
from agent.uplink.dispatch import TODAYS_PLACES, Dispatch, Parcel
from agent.uplink.hush import Hush
from agent.uplink.mailbox import Leisurely
from agent.uplink.payload import Acknowledgement, Message
from agent.uplink.session import Acknowledged, Connected, Happening, Lost, Received, Session
from agent.uplink.topics import ALL, Topics, parse

log = logging.getLogger(__name__)

NO_SUBSCRIBERS = 0x10
NOT_AUTHORISED = 0x87
REFUSED_WAIT_S = 60.0
"""An event that the broker would not take is tried again after this; no more than a window of them at a time."""
TRAVEL_S = 10.0
"""What the broker took longer ago than this and the province misses was lost on the way."""
SALVAGE_AGAIN_S = 60.0
"""Events of an older epoch stand in no watermark, so the province cannot ask for them: they are offered again."""
SILENT_S = 120.0
"""The province should have confirmed by then; health says so."""
PUBACK_S = 30.0
"""A link on which a message stays unacknowledged this long is dead, whatever its flags say."""
BURST_QUIET_S = 0.5
PACKET_OVERHEAD_BYTES = 128
"""Around topic and payload: lengths, ids, and what MQTT 5 says beside them."""

WORKING = Condition(Status.OK, "OK")
SILENT = Condition(Status.DEGRADED, "UPLINK_PROVINCE_SILENT")
WEAK = Condition(Status.DEGRADED, "UPLINK_BROKER_ONLY")
UNAUTHORISED = Condition(Status.FAILED, "UPLINK_TOPIC_DENIED")
NO_CONSUMER = Condition(Status.DEGRADED, "UPLINK_NO_CONSUMER")


@dataclass(slots=True)
class _Flight:
    """One unacknowledged message."""

    sent_at_s: float
    what: Parcel | Message | Leisurely


class Connection:
    """Drives one session from SUBACK to its loss."""

    def __init__(
        self,
        session: Session,
        *,
        outbox: Outbox,
        topics: Topics,
        allowed: Connected,
        batches: bool,
        province_confirms: bool,
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._topics = topics
        self._window = allowed.window
        self._largest_bytes = allowed.max_packet_bytes
        self._province_confirms = province_confirms
        self._flights: dict[int, _Flight] = {}
        self._later: list[tuple[float, Parcel]] = []
        self._tips = {lane: mark.last for lane, mark in outbox.marks().items()}
        self._epoch = outbox.epoch
        waiting = outbox.waiting()
        self._salvaged = [stream for stream in waiting if stream.epoch != self._epoch]
        self._dispatch = Dispatch(waiting, batches=batches)
        self._loader = Loader(outbox, topics)
        self._moved_at_s: float | None = None
        self._denied = False
        self._too_large: str | None = None
        self._hush = Hush()
        self._orders: list[Incoming] = []
        self._confirmed: list[tuple[Lane, Acknowledgement]] = []
        """What the province said since the last `settle`; during a drain the newest word covers those before it."""
        self._handed: list[tuple[str, bytes]] = []
        self._content: list[bytes] = []

    # -- outward -----------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many more messages may be in flight."""
        return self._window - len(self._flights)

    def say(self, message: Message) -> None:
        """Publish a word; the caller minds `room`. One that the broker would hang up on is left unsaid."""
        if not self._fits(message.topic, message.payload, message.correlation or b""):
            log.warning("%s is left unsaid: %d bytes are too large", message.topic, len(message.payload))
            return
        mid = self._session.publish(
            message.topic,
            message.payload,
            retain=message.is_retained,
            expiry_s=message.expiry_s,
            correlation=message.correlation,
        )
        self._fly(mid, message)

    @property
    def has_leisure(self) -> bool:
        """Whether a word may go that waits behind everything else: one at a time, and never in today's place."""
        is_alone = not any(isinstance(flight.what, Leisurely) for flight in self._flights.values())
        return is_alone and self.room > min(TODAYS_PLACES, self._window - 1)

    def say_leisurely(self, word: Leisurely) -> None:
        """Publish *word*; the caller minds `has_leisure`."""
        message = word.message
        if self._fits(message.topic, message.payload):
            self._fly(self._session.publish(message.topic, message.payload), word)
        else:
            word.answered()

    def send_events(self, *, leave: int = 0) -> None:
        """Fill the window with events: live first, then backlog, which leaves so many places more than usual."""
        self._notice_new()
        now = time.monotonic()
        due = [entry for entry in self._later if entry[0] <= now]
        for entry in due:
            self._later.remove(entry)
            self._dispatch.again(entry[1].stream, entry[1].first, entry[1].last)
        for stream in self._salvaged:
            self._dispatch.overdue(stream, before_s=now - SALVAGE_AGAIN_S)
        while self.room > 0 and len(self._later) < self._window and self._hush.may_send(now):
            parcel_or_none = self._dispatch.next(self._window - leave)
            if parcel_or_none is None:
                return
            self._send(parcel_or_none)

    def _notice_new(self) -> None:
        for lane, mark in self._outbox.marks().items():
            if mark.epoch == self._epoch and mark.last > self._tips[lane]:
                self._dispatch.appended(Stream(self._epoch, lane), self._tips[lane] + 1, mark.last)
                self._tips[lane] = mark.last

    def _send(self, parcel: Parcel) -> None:
        try:
            cargo = self._loader.load(parcel)
        except TryAgain:
            self._dispatch.refused(parcel)
            self._dispatch.again(parcel.stream, parcel.first, parcel.last)
            raise
        if cargo is None:
            self._dispatch.refused(parcel)
            return
        if not self._fits(cargo.topic, cargo.payload):
            self._divide(parcel, cargo)
            return
        mid = self._session.publish(cargo.topic, cargo.payload, content_type=cargo.content_type)
        self._hush.sent()
        self._fly(mid, parcel)

    def _fits(self, topic: str, payload: bytes, beside: bytes = b"") -> bool:
        """Whether the broker takes so large a packet; MQTT 3.1.1 has no way to say so."""
        size = len(topic) + len(payload) + len(beside) + PACKET_OVERHEAD_BYTES
        return self._largest_bytes is None or size <= self._largest_bytes

    def _divide(self, parcel: Parcel, cargo: Cargo) -> None:
        """The broker would hang up on it: batches get smaller, and one event alone waits for another broker."""
        self._dispatch.refused(parcel)
        if parcel.first < parcel.last:
            self._dispatch.batch_size = max(1, (parcel.last - parcel.first + 1) // 2)
            self._dispatch.again(parcel.stream, parcel.first, parcel.last)
            return
        if self._too_large is None:
            log.warning("the broker takes %s bytes, an event has %d", self._largest_bytes, len(cargo.payload))
        self._too_large = f"{len(cargo.payload)} > {self._largest_bytes}"
        self._later.append((time.monotonic() + REFUSED_WAIT_S, parcel))

    def _fly(self, mid: int, what: Parcel | Message | Leisurely) -> None:
        self._flights[mid] = _Flight(time.monotonic(), what)

    # -- inward ------------------------------------------------------------------------------------

    def turn(self, timeout_s: float) -> Lost | None:
        """Let the line work for at most *timeout_s*; returns how the connection was lost, if it was."""
        for happening in self._session.turn(timeout_s):
            lost = self._take(happening)
            if lost is not None:
                return lost
        if self._outbox.epoch != self._epoch:
            return Lost("the outbox began a new epoch", is_taken_over=False)
        oldest = min((flight.sent_at_s for flight in self._flights.values()), default=None)
        if oldest is not None and time.monotonic() - oldest > PUBACK_S:
            return Lost(f"no acknowledgement for {PUBACK_S:.0f} s", is_taken_over=False)
        return None

    def _take(self, happening: Happening) -> Lost | None:
        match happening:
            case Lost():
                return happening
            case Acknowledged(mid=mid) if mid in self._flights:
                self._acknowledged(happening)
            case Received():
                self._received(happening)
                self._session.acknowledge(happening)
        return None

    def _acknowledged(self, puback: Acknowledged) -> None:
        what = self._flights.pop(puback.mid).what
        if isinstance(what, Leisurely):
            what.answered()
            what = what.message
        if isinstance(what, Message):
            if puback.reason >= 0x80:
                log.warning("the broker refused %s: %s", what.topic, puback.text)
                self._denied = self._denied or puback.reason == NOT_AUTHORISED
            return
        parcel = what
        self._moved_at_s = time.monotonic()
        if puback.reason >= 0x80 or puback.reason == NO_SUBSCRIBERS:
            self._put_off(parcel, puback)
            return
        self._denied = False
        self._hush.heard()
        self._dispatch.arrived(parcel, at_s=time.monotonic())
        if not self._province_confirms:
            self._confirm(parcel.stream, Ranges([(parcel.first, parcel.last)]), Ranges())

    def _put_off(self, parcel: Parcel, puback: Acknowledged) -> None:
        if not (self._denied or self._hush.is_quiet):
            log.warning("the broker did not pass on events: %s; trying again", puback.text)
        self._dispatch.refused(parcel)
        if puback.reason == NO_SUBSCRIBERS:
            self._dispatch.again(parcel.stream, parcel.first, parcel.last)
            self._hush.unheard(time.monotonic())
        else:
            self._denied = self._denied or puback.reason == NOT_AUTHORISED
            self._later.append((time.monotonic() + REFUSED_WAIT_S, parcel))

    def _received(self, message: Received) -> None:
        heard = parse(message.topic)
        if heard is None:
            return
        match (heard.kind, heard.rest):
            case ("ack", (lane,)) if lane in set(Lane) and not message.is_retained:
                self._province_stored(Lane(lane), message.payload)
            case ("command", (name, command_id)):
                self._orders.append(
                    Incoming(
                        name,
                        command_id,
                        message.payload,
                        is_retained=message.is_retained,
                        is_broadcast=heard.agent == ALL,
                        reply_to=self._reply_topic(message),
                        correlation=message.correlation,
                    )
                )
            case ("rating", (ballot_id,)) if not message.is_retained and heard.agent != ALL:
                self._handed.append((ballot_id, message.payload))
            case ("content", ()):
                self._content.append(message.payload)
            case _:
                log.info("nothing here reads %s", message.topic)

    def _reply_topic(self, message: Received) -> str | None:
        """A caller's response topic, honoured only below this counter's own `up/`."""
        topic = message.response_topic
        return topic if topic is not None and topic.startswith(f"{self._topics.root}/up/") else None

    def _province_stored(self, lane: Lane, payload: bytes) -> None:
        try:
            said = Acknowledgement.model_validate_json(payload)
        except ValidationError:
            log.warning("an acknowledgement of %s that cannot be read", lane)
            return
        self._hush.heard()
        if self._confirmed and self._confirmed[-1][0] == lane and self._confirmed[-1][1].is_covered_by(said):
            self._confirmed.pop()
        self._confirmed.append((lane, said))

    def settle(self) -> None:
        """Let go of what the province has by now. It may wait for the disk: fill the window first."""
        confirmed, self._confirmed = self._confirmed, []
        for lane, said in confirmed:
            self._confirm(Stream(said.epoch, lane), Ranges([(1, said.upto)]), Ranges(said.missing))
        if confirmed:
            self._outbox.tidy()  # one word of a drain may cover more than one sweep removes

    def _confirm(self, stream: Stream, have: Ranges, missing: Ranges) -> None:
        if self._outbox.confirm(stream, have=have, missing=missing):
            self._dispatch.stored(stream, have=have, missing=missing, settled_before_s=time.monotonic() - TRAVEL_S)

    def take_orders(self) -> list[Incoming]:
        """Orders received since the last call."""
        orders, self._orders = self._orders, []
        return orders

    def take_handed(self) -> list[tuple[str, bytes]]:
        """Sealed votes handed down by the province's rating page since the last call, with their ids."""
        handed, self._handed = self._handed, []
        return handed

    def take_content(self) -> list[bytes]:
        """What the province wants shown, as it was said since the last call."""
        content, self._content = self._content, []
        return content

    def again(self, stream: Stream, first: int, last: int) -> None:
        """Send these once more: the province asked."""
        if stream.epoch == self._epoch:
            self._dispatch.again(stream, first, last)

    # -- how it goes ---------------------------------------------------------------------------------

    def condition(self) -> Condition:
        """What health shall say of this connection."""
        if self._denied:
            return UNAUTHORISED
        if self._too_large is not None:
            return Condition(Status.FAILED, "UPLINK_PACKET_LIMIT", {"sizes": self._too_large})
        if not self._province_confirms:
            return WEAK
        if self._hush.is_quiet:
            return NO_CONSUMER
        since = self._dispatch.unanswered_since_s
        if since is not None and time.monotonic() - since > SILENT_S:
            return SILENT
        return WORKING

    def burst_is_over(self) -> bool:
        """True once after events went out and the line has been quiet for a moment: time for a watermark."""
        if self._moved_at_s is None or time.monotonic() - self._moved_at_s < BURST_QUIET_S:
            return False
        self._moved_at_s = None
        return True

    @property
    def waiting(self) -> int:
        return self._dispatch.waiting

    def unsaid(self) -> list[Message]:
        """Unretained words whose acknowledgement never came."""
        return [f.what for f in self._flights.values() if isinstance(f.what, Message) and not f.what.is_retained]
