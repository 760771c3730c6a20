"""The portal's courier: hands votes down to their counters, again until each is answered.

One thread and one connection. A vote goes out when its counter is online, once more when it comes back, and
every `AGAIN_S` until `up/result/rating/<id>` says what became of it; the counter takes each id once, so a
repetition costs nothing. Birth certificates that pass by are kept: they are what the page shows.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from secrets import token_hex

from pydantic import ValidationError

from agent.errors import TryAgain
from agent.province.ballots import Ballot, BallotStore
from agent.uplink.backoff import Backoff
from agent.uplink.payload import Info, Result, State
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

AGAIN_S = 60.0
"""A vote that was handed down and not answered is handed down again after so long."""
LOOK_S = 0.5
AHEAD = 200
"""Votes of one counter looked at together: a few that are not answered keep nobody waiting."""
KINDS = ("info", "state", "result/rating/+")


class Courier:
    """Carries votes to the counters of one province."""

    def __init__(
        self,
        door: Door,
        *,
        province: str,
        store: BallotStore,
        agents: Callable[[], Collection[str]],
        met: Callable[[str, Info], None],
    ) -> None:
        """*agents* gives the counters whose secrets are here; *met* is told of birth certificates, on this thread."""
        self._door = door
        self._province = province
        self._store = store
        self._agents = agents
        self._met = met
        self._protocol = Protocol.MQTT5
        self._backoff = Backoff(spread_s=1.0, cap_s=10.0)
        self._wake = Wake()
        self._window = WINDOW
        self._in_flight: set[int] = set()
        self._sessions: dict[str, int] = {}
        """Counters that are online, by the session they said so in."""
        self._handed_at_s: dict[str, float] = {}
        """When each unanswered vote was last handed down on this connection."""
        self._dirty: set[str] = set()
        """Online counters that may have votes to be handed down."""
        self._again_at_s = 0.0

    def notice(self) -> None:
        """A vote was put into the store; callable from any thread."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Carry until *stop*, reconnecting as needed."""
        lost_at_s: float | None = None

        def connected() -> None:
            nonlocal lost_at_s
            if lost_at_s is not None:
                log.info("the link to %s is back after %.0f s", self._door.host, time.monotonic() - lost_at_s)
                lost_at_s = None

        try:
            while not stop.is_set():
                began_s = time.monotonic()
                try:
                    reason = self._hold(stop, connected)
                except (LinkDown, TryAgain) as error:
                    reason = str(error)
                if stop.is_set():
                    return
                if lost_at_s is None:
                    lost_at_s = time.monotonic()
                    log.warning("no link to %s:%d: %s; votes wait", self._door.host, self._door.port, reason)
                stop.wait(self._backoff.lost(held_s=time.monotonic() - began_s))
        finally:
            self._wake.close()

    def _hold(self, stop: threading.Event, connected: Callable[[], None]) -> str:
        """One connection's life; why it ended."""
        session = Session(self._door, self._protocol, wake=self._wake, expiry_s=0)
        self._in_flight.clear()
        self._handed_at_s.clear()
        self._sessions.clear()
        try:
            session.connect()
            is_subscribed = False
            while not stop.is_set():
                for happening in session.turn(LOOK_S):
                    match happening:
                        case Lost(reason=reason):
                            return reason
                        case Subscribed(refused=False):
                            is_subscribed = True
                            connected()
                        case Received():
                            self._hear(happening)
                            session.acknowledge(happening)
                        case _:
                            self._greet(session, happening)
                if is_subscribed:
                    self._hand_down(session)
            session.close()
        finally:
            session.drop()
        return "stopped"

    def _greet(self, session: Session, happening: Happening) -> None:
        match happening:
            case Connected(window=window):
                self._window = window
                session.subscribe([f"{VERSION_ROOT}/{self._province}/+/up/{kind}" for kind in KINDS])
            case Subscribed():
                raise LinkDown("REFUSED", "the broker does not let the portal read the counters' topics")
            case Refused(text=text, is_protocol_refused=is_old):
                if is_old:
                    self._protocol = Protocol.MQTT311
                raise LinkDown("REFUSED", text)
            case Acknowledged(mid=mid):
                self._in_flight.discard(mid)

    # -- inward ------------------------------------------------------------------------------------

    def _hear(self, message: Received) -> None:
        heard = parse(message.topic)
        if heard is None or heard.direction != "up" or heard.agent not in self._agents():
            return
        try:
            match (heard.kind, heard.rest):
                case ("info", ()) if message.payload:
                    self._met(heard.agent, Info.model_validate_json(message.payload))
                    self._store.learn(heard.agent, message.payload)
                case ("state", ()):
                    self._take_state(heard.agent, State.model_validate_json(message.payload))
                case ("result", ("rating", ballot_id)):
                    self._take_answer(heard.agent, ballot_id, Result.model_validate_json(message.payload))
        except ValidationError:
            log.warning("cannot read %s", message.topic)

    def _take_state(self, agent: str, state: State) -> None:
        if state.state == "online":
            if self._sessions.get(agent) != state.session:
                self._sessions[agent] = state.session
                self._forget_handed(agent)
            self._dirty.add(agent)
        elif self._sessions.get(agent) == state.session:
            del self._sessions[agent]

    def _forget_handed(self, agent: str) -> None:
        for ballot_id in [key for key in self._handed_at_s if key.startswith(f"{agent}/")]:
            del self._handed_at_s[ballot_id]

    def _take_answer(self, agent: str, ballot_id: str, result: Result) -> None:
        if result.status not in ("done", "rejected"):
            return
        if self._store.answered(agent, ballot_id) and result.status == "rejected":
            log.warning("%s refused a vote: %s", agent, result.reason)
        self._handed_at_s.pop(f"{agent}/{ballot_id}", None)
        self._dirty.add(agent)

    # -- outward -----------------------------------------------------------------------------------

    def _hand_down(self, session: Session) -> None:
        """Publish what may be published now, as far as the window allows."""
        now_s = time.monotonic()
        if now_s >= self._again_at_s:
            self._again_at_s = now_s + LOOK_S
            self._dirty |= self._sessions.keys() & self._store.count_waiting().keys()
        for agent in sorted(self._dirty & self._sessions.keys()):
            room = self._window - len(self._in_flight)
            if room <= 0:
                return
            self._dirty.discard(agent)
            due = [ballot for ballot in self._store.waiting(agent, limit=AHEAD) if self._is_due(ballot, now_s)]
            for ballot in due[:room]:
                topic = Topics(self._province, agent).rating(ballot.id)
                self._in_flight.add(session.publish(topic, ballot.sealed))
                self._handed_at_s[_place(ballot)] = now_s

    def _is_due(self, ballot: Ballot, now_s: float) -> bool:
        handed_at_s = self._handed_at_s.get(_place(ballot))
        return handed_at_s is None or now_s - handed_at_s >= AGAIN_S


def _place(ballot: Ballot) -> str:
    return f"{ballot.agent}/{ballot.id}"


def client_id(province: str) -> str:
    """The portal's own name on the broker: two portals of a province do not push each other out."""
    return f"province-{province}-portal-{token_hex(4)}"
