"""How a connection is made: the address from the settings, the protocol version, the handshake.

MQTT 5 first. A broker that refuses it gets a new 3.1.1 client (paho never falls back from 5 by itself),
which is remembered; 5 is tried again once a day.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, overload

from agent.errors import PersonMustAct
from agent.settings.model import Uplink
from agent.uplink import tls
from agent.uplink.payload import State
from agent.uplink.session import (
    CONNECT_TIMEOUT_S,
    Connected,
    Door,
    Happening,
    LinkDown,
    Lost,
    Protocol,
    Refused,
    Session,
    Subscribed,
    Wake,
    Will,
)
from agent.uplink.topics import Topics

log = logging.getLogger(__name__)

RETRY_MQTT5_S = 24 * 3600.0
SLAMS = 3
T = TypeVar("T")
U = TypeVar("U")


class Link:
    """Makes sessions to one broker."""

    def __init__(self, settings: Uplink, *, topics: Topics, wake: Wake, beat: Callable[[], None]) -> None:
        self.broker = settings.broker
        self._settings = settings
        self._topics = topics
        self._wake = wake
        self._beat = beat
        self._protocol = Protocol.MQTT311 if settings.protocol == "3.1.1" else Protocol.MQTT5
        self._fell_back_at_s = 0.0
        self._slammed = 0

    def establish(self, session_number: int, stop: threading.Event) -> tuple[Session, Connected]:
        """Connect, subscribe, and return the session with what the broker allows.

        Raises:
            LinkDown: it did not come about; `code` says why.
            PersonMustAct: a password or certificate file cannot be read.
        """
        will = Will(self._topics.state, State(state="lost", session=session_number).encode())
        session = Session(
            door(self._settings, client_id=self._topics.agent), self._next_protocol(), wake=self._wake, will=will
        )
        try:
            session.connect()
            connected = self._await_connected(session, stop)
            session.subscribe(self._topics.subscriptions)
            if self._await(session, stop, (Subscribed,)).refused:
                raise LinkDown("UPLINK_TOPIC_DENIED", "the broker refuses this counter's topics")
        except BaseException:
            session.drop()
            raise
        return session, connected

    def code_of(self, lost: Lost) -> str:
        """The health code for a connection that ended."""
        if lost.is_taken_over:
            return "UPLINK_TAKEN_OVER"
        code = tls.code_of_alert(lost.reason) if self._settings.is_encrypted else "UPLINK_TLS"
        return "UPLINK_LOST" if code == "UPLINK_TLS" else code

    def _next_protocol(self) -> Protocol:
        fell_back = self._protocol is Protocol.MQTT311 and self._settings.protocol == "auto"
        if fell_back and time.monotonic() - self._fell_back_at_s > RETRY_MQTT5_S:
            self._protocol = Protocol.MQTT5
        return self._protocol

    def _count_slam(self) -> None:
        """The broker closed the line before it answered, or never did: being down, or not knowing our version.

        Every third time in a row the other version is tried.
        """
        self._slammed += 1
        if self._slammed % SLAMS == 0:
            if self._protocol is Protocol.MQTT5:
                self._fall_back()
            elif self._settings.protocol == "auto":
                self._protocol = Protocol.MQTT5

    def _fall_back(self) -> None:
        if self._settings.protocol == "auto" and self._protocol is Protocol.MQTT5:
            log.warning("%s does not speak MQTT 5; using 3.1.1 from now on", self.broker)
            self._protocol = Protocol.MQTT311
            self._fell_back_at_s = time.monotonic()

    def _await_connected(self, session: Session, stop: threading.Event) -> Connected:
        try:
            answer = self._await(session, stop, (Connected, Refused))
        except LinkDown as error:
            if error.code in ("UPLINK_LOST", "UPLINK_MUTE"):
                self._count_slam()
            raise
        self._slammed = 0
        if isinstance(answer, Connected):
            return answer
        if answer.is_protocol_refused:
            self._fall_back()
        raise LinkDown(answer.code, answer.text)

    @overload
    def _await(self, session: Session, stop: threading.Event, kinds: tuple[type[T]]) -> T: ...

    @overload
    def _await(self, session: Session, stop: threading.Event, kinds: tuple[type[T], type[U]]) -> T | U: ...

    def _await(self, session: Session, stop: threading.Event, kinds: tuple[type[Any], ...]) -> Any:
        """Turn until one of *kinds* happens. What else came (orders kept for us) is left for whoever turns next."""
        until = time.monotonic() + CONNECT_TIMEOUT_S
        others: list[Happening] = []
        while time.monotonic() < until and not stop.is_set():
            self._beat()
            happenings = deque(session.turn(0.2))
            while happenings:
                happening = happenings.popleft()
                if isinstance(happening, kinds):
                    session.keep([*others, *happenings])
                    return happening
                if isinstance(happening, Lost):
                    raise LinkDown(self.code_of(happening), happening.reason)
                others.append(happening)
        raise LinkDown("UPLINK_MUTE", "the broker accepted the line but does not answer")


def door(settings: Uplink, *, client_id: str) -> Door:
    """Where the settings say to knock, and as whom.

    Raises:
        PersonMustAct: a password or certificate file cannot be read.
    """
    password = None
    if settings.password_file is not None:
        try:
            password = settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PersonMustAct(f"{settings.password_file}: {error}") from error
    return Door(
        host=settings.address.host,
        port=settings.address.port,
        client_id=client_id,
        username=settings.username or client_id,
        password=password,
        tls=tls.context(settings) if settings.is_encrypted else None,
    )
