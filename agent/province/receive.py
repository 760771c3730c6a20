"""The province's receiver: stores what counters send, confirms it, and asks for what is missing.

One thread. Messages are taken in handfuls: one transaction, then the confirmations, then the broker's
PUBACKs, so a crash at any point costs a repetition and never an event. A counter's watermark closes the
tail: what lies below its last number and is not here is asked for again with `replay`.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from pydantic import ValidationError

from agent.errors import TryAgain
from agent.province.arrival import Arrival, Key, UnreadableEvent, read_batch, read_event
from agent.province.store import ProvinceStore
from agent.uplink.backoff import Backoff
from agent.uplink.payload import Acknowledgement, LaneMark, State, Watermark
from agent.uplink.session import (
    WINDOW,
    Acknowledged,
    Connected,
    Door,
    Happening,
    LinkDown,
    Lost,
    Protocol,
    Received,
    Refused,
    Session,
    Subscribed,
    Wake,
)
from agent.uplink.topics import VERSION_ROOT, Topics, parse

log = logging.getLogger(__name__)

HANDFUL = 500
"""Messages stored in one transaction at most."""
HANDFUL_S = 0.05
"""And at most so long collected."""
LOOK_S = 1.0
SETTLED_S = 5.0
"""A number missing for so long, with nothing of its stream arriving meanwhile, is asked for."""
ASK_AGAIN_S = 10.0
ASK_CAP_S = 600.0
ASK_DOUBLINGS = 10
ASK_RANGES = 20
"""Holes asked for at once."""
RANGES_SAID = 100
"""Holes named in one confirmation; further ones wait for the next."""


@dataclass(slots=True)
class _Stream:
    """What is going on in one stream since this receiver started."""

    mark: LaneMark | None = None
    arrived_at_s: float = 0.0
    holes_since_s: float | None = None
    asked: int = 0
    ask_at_s: float = 0.0


@dataclass(slots=True)
class _Counter:
    """A counter as this receiver knows it: whether it is there to be asked."""

    session: int | None = None
    is_online: bool = False
    streams: dict[Key, _Stream] = field(default_factory=dict)


class Receiver:
    """Receives one province's events."""

    def __init__(self, door: Door, *, province: str, store: ProvinceStore, protocol: Protocol = Protocol.MQTT5) -> None:
        self._door = door
        self._province = province
        self._store = store
        self._protocol = protocol
        self._backoff = Backoff(spread_s=1.0, cap_s=10.0)
        self._counters: dict[str, _Counter] = {}
        self._to_confirm: dict[Key, None] = {}
        self._orders: deque[tuple[str, bytes]] = deque()
        self._in_flight: set[int] = set()
        self._window = WINDOW
        self._checked_at_s = 0.0

    def run(self, stop: threading.Event, *, connected: Callable[[], None] = lambda: None) -> None:
        """Receive until *stop* is set, reconnecting as needed; *connected* is called at every subscription."""
        wake = Wake()
        try:
            while not stop.is_set():
                began_s, held_s = time.monotonic(), 0.0
                try:
                    self._hold(wake, stop, connected)
                    held_s = time.monotonic() - began_s
                except LinkDown as error:
                    log.warning("no link to %s:%d: %s", self._door.host, self._door.port, error)
                except TryAgain as error:  # nothing was confirmed: the broker hands it over again
                    log.error("events cannot be stored: %s", error)
                stop.wait(0 if stop.is_set() else self._backoff.lost(held_s=held_s))
        finally:
            wake.close()

    def _hold(self, wake: Wake, stop: threading.Event, connected: Callable[[], None]) -> None:
        session = Session(self._door, self._protocol, wake=wake)
        self._in_flight.clear()
        self._orders.clear()
        try:
            session.connect()
            while not stop.is_set():
                received: list[Received] = []
                lost = self._collect(session, received, connected)
                self._take(received)
                if lost is not None:
                    log.warning("the link to %s:%d is gone: %s", self._door.host, self._door.port, lost)
                    return
                for message in received:
                    session.acknowledge(message)
                self._ask()
                self._speak(session)
            session.close()
        finally:
            session.drop()

    def _collect(self, session: Session, received: list[Received], connected: Callable[[], None]) -> str | None:
        """Gather a handful; returns why the link was lost, if it was."""
        until_s = time.monotonic() + HANDFUL_S
        wait_s = 0.5
        while len(received) < HANDFUL:
            happenings = session.turn(wait_s)
            for happening in happenings:
                match happening:
                    case Received():
                        received.append(happening)
                    case Acknowledged(mid=mid):
                        self._in_flight.discard(mid)
                    case Lost(reason=reason):
                        return reason
                    case _:
                        self._greet(session, happening, connected)
            if not happenings or time.monotonic() > until_s:
                break
            wait_s = 0
        return None

    def _greet(self, session: Session, happening: Happening, connected: Callable[[], None]) -> None:
        """The beginning of a connection."""
        match happening:
            case Connected(window=window):
                self._window = window
                root = f"{VERSION_ROOT}/{self._province}/+/up"
                session.subscribe([f"{root}/{kind}" for kind in ("event/#", "batch/#", "watermark", "state")])
            case Subscribed(refused=True):
                raise LinkDown("REFUSED", "the broker does not let this receiver read the counters' topics")
            case Subscribed():
                connected()
            case Refused(text=text, is_protocol_refused=is_old):
                if is_old:
                    self._protocol = Protocol.MQTT311
                raise LinkDown("REFUSED", text)

    # -- inward ------------------------------------------------------------------------------------

    def _take(self, received: list[Received]) -> None:
        arrivals: list[Arrival] = []
        watermarks: dict[str, Watermark] = {}
        for message in received:
            heard = parse(message.topic)
            if heard is None or heard.direction != "up":
                continue
            try:
                match heard.kind:
                    case "event":
                        arrivals.append(read_event(heard.agent, message.payload))
                    case "batch":
                        arrivals += read_batch(heard.agent, message.payload)
                    case "watermark":
                        watermark = Watermark.model_validate_json(message.payload)
                        self._take_watermark(heard.agent, watermark)
                        watermarks[heard.agent] = watermark
                    case "state":
                        self._take_state(heard.agent, State.model_validate_json(message.payload))
            except (UnreadableEvent, ValidationError) as error:
                log.warning("cannot read %s: %s", message.topic, error)
        self._keep(arrivals, watermarks)

    def _keep(self, arrivals: list[Arrival], watermarks: dict[str, Watermark]) -> None:
        """Store what came, and then hold the counters' words against it."""
        if arrivals:
            now_s = time.monotonic()
            for key in self._store.store(arrivals, at=datetime.now(UTC)):
                self._to_confirm[key] = None
                stream = self._stream(key)
                stream.arrived_at_s, stream.asked = now_s, 0
        for agent, watermark in watermarks.items():
            self._store.take_watermark(agent, watermark, at=datetime.now(UTC))

    def _stream(self, key: Key) -> _Stream:
        return self._counters.setdefault(key.agent, _Counter()).streams.setdefault(key, _Stream())

    def _take_state(self, agent: str, state: State) -> None:
        counter = self._counters.setdefault(agent, _Counter())
        if state.state == "online":
            counter.session, counter.is_online = state.session, True
        elif state.session == counter.session or counter.session is None:
            counter.is_online = False

    def _take_watermark(self, agent: str, watermark: Watermark) -> None:
        for stream in self._counters.setdefault(agent, _Counter()).streams.values():
            stream.mark = None  # what an earlier database of this counter had cannot be asked for any more
        for lane, mark in watermark.lanes.items():
            key = Key(agent, mark.epoch, lane)
            self._stream(key).mark = mark
            if (self._store.held(key).last or 0) > mark.acked:
                self._to_confirm[key] = None

    # -- outward -----------------------------------------------------------------------------------

    def _speak(self, session: Session) -> None:
        """Confirm first, then order, as far as the window allows."""
        while len(self._in_flight) < self._window:
            if self._to_confirm:
                key = next(iter(self._to_confirm))
                del self._to_confirm[key]
                topic, payload = Topics(self._province, key.agent).acknowledgement(key.lane), self._confirmation(key)
            elif self._orders:
                topic, payload = self._orders.popleft()
            else:
                return
            self._in_flight.add(session.publish(topic, payload))

    def _confirmation(self, key: Key) -> bytes:
        upto = self._store.held(key).last or 0
        mark = self._stream(key).mark
        missing = self._store.missing(key, mark.first if mark is not None else 1, upto)
        holes = missing.pairs(RANGES_SAID + 1)
        if len(holes) > RANGES_SAID:
            upto, holes = holes[RANGES_SAID][0] - 1, holes[:RANGES_SAID]
        return Acknowledgement(epoch=key.epoch, upto=upto, missing=[(first, last) for first, last in holes]).encode()

    def _ask(self) -> None:
        """Ask counters that are there for what their watermark covers and this store lacks."""
        now_s = time.monotonic()
        if self._orders or now_s - self._checked_at_s < LOOK_S:
            return
        self._checked_at_s = now_s
        for counter in self._counters.values():
            if counter.is_online:
                for key, stream in counter.streams.items():
                    self._ask_stream(key, stream, now_s)

    def _ask_stream(self, key: Key, stream: _Stream, now_s: float) -> None:
        mark = stream.mark
        if mark is None:
            return
        holes = self._store.missing(key, mark.first, mark.last)
        if not holes:
            stream.holes_since_s, stream.asked = None, 0
            return
        if stream.holes_since_s is None:
            stream.holes_since_s = now_s
        if now_s - max(stream.holes_since_s, stream.arrived_at_s) < SETTLED_S or now_s < stream.ask_at_s:
            return
        log.info("asking %s for %d events of lane %s again", key.agent, len(holes), key.lane)
        for first, last in holes.pairs(ASK_RANGES):
            self._order_replay(key, first, last)
        stream.ask_at_s = now_s + min(ASK_CAP_S, ASK_AGAIN_S * 2 ** min(stream.asked, ASK_DOUBLINGS))
        stream.asked += 1

    def _order_replay(self, key: Key, first: int, last: int) -> None:
        expires = datetime.now(UTC) + timedelta(hours=1)
        order = {
            "expires": expires.isoformat(timespec="seconds"),
            "lane": key.lane,
            "epoch": key.epoch,
            "from": first,
            "to": last,
        }
        topic = Topics(self._province, key.agent).command("replay", token_hex(8))
        self._orders.append((topic, json.dumps(order).encode()))
