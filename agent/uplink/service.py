"""The uplink: keeps one connection to the province's broker and everything that goes over it.

One thread. Other threads hand it words with `say`, events through the outbox, and wake it; nothing
else is shared. When the link is away it waits (spread, then full jitter) and says why in health.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

from agent import __version__
from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.health import Condition, Health, Report, Status
from agent.language import Language
from agent.outbox.store import Outbox
from agent.service import Service
from agent.settings.model import Uplink
from agent.uplink.backoff import TAKEN_OVER_S, Backoff
from agent.uplink.commands import Incoming, Orders
from agent.uplink.connection import Connection
from agent.uplink.link import Link
from agent.uplink.mailbox import MQTT_LARGEST_BYTES, Mailbox
from agent.uplink.payload import HealthReport, LaneMark, Message, Result, State, Watermark
from agent.uplink.renewal import Renewal
from agent.uplink.session import Connected, LinkDown, Lost, Session
from agent.uplink.topics import Topics

log = logging.getLogger(__name__)

COMPONENT = "uplink"
TICK_S = 1.0
WATERMARK_EVERY_S = 60.0
RENEWED = Lost("new certificate files", is_taken_over=False)
STALE_AFTER = 3
"""On MQTT 5 a health message disappears by itself after so many missed publications."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a counter says of itself at every connect; called on the uplink's thread."""

    info: Callable[[], bytes]
    config: Callable[[], bytes]


class UplinkService(Service):
    """Connects, drains, listens, reconnects."""

    name = "uplink"
    patience_s = 60.0
    goodbye_s = 3.0

    def __init__(
        self,
        settings: Uplink,
        *,
        topics: Topics,
        outbox: Outbox,
        health: Health,
        language: Language,
        clock: Clock,
        birth: Birth,
        orders: Orders,
        mailbox: Mailbox,
        handed: Callable[[tuple[str, bytes]], None] = lambda _ballot: None,
        content: Callable[[bytes], None] = lambda _said: None,
    ) -> None:
        """*handed* takes the id and the bytes of a sealed vote of the province's rating page, *content* what it wants
        shown; neither waits."""
        super().__init__()
        self._settings = settings
        self._topics = topics
        self._outbox = outbox
        self._health = health
        self._language = language
        self._clock = clock
        self._birth = birth
        self._orders = orders
        self._backoff = Backoff()
        self._mailbox = mailbox
        self._handed = handed
        self._content = content
        self._link = Link(settings, topics=topics, wake=mailbox.wake, beat=self.progress.beat)
        self._refused_files: Condition | None = None
        self._is_unreadable = False
        self._said_at_s: dict[str, float] = {}
        self._watermark_at_s = 0.0

    # -- the loop ----------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        self._health.listen(self._report)
        self._outbox.listen(self._mailbox.wake.set)
        self._health.report(COMPONENT, self._condition(Status.DEGRADED, "UPLINK_CONNECTING"))
        try:
            self._keep_connected(stop)
        finally:
            self._outbox.unlisten(self._mailbox.wake.set)
            self._health.unlisten(self._report)

    def _report(self, report: Report) -> None:
        self._mailbox.say(self._health_message(report))

    def _health_message(self, report: Report) -> Message:
        return Message(
            self._topics.health(report.component),
            HealthReport.of(report, self._language).encode(),
            is_retained=True,
            expiry_s=STALE_AFTER * report.every_s,
        )

    def _keep_connected(self, stop: threading.Event) -> None:
        lost_at_s: float | None = None
        while not stop.is_set():
            held_s, code, reason = 0.0, "", ""
            try:
                renewal = Renewal(self._settings)  # looks at the files before they are read
                number = self._session_number()
                session, allowed = self._link.establish(number, stop)
                self._refused_files = None
                if lost_at_s is not None:
                    log.info("the link to %s is back after %.0f s", self._settings.broker, time.monotonic() - lost_at_s)
                    lost_at_s = None
                began_s = time.monotonic()
                lost = self._live(session, number, allowed, renewal, stop)
                if lost is RENEWED:
                    continue
                held_s, code, reason = time.monotonic() - began_s, self._link.code_of(lost), lost.reason
            except LinkDown as error:
                code, reason = error.code, str(error)
            except PersonMustAct as error:
                code, reason = "UPLINK_FILES", str(error)
            if stop.is_set():
                return
            if lost_at_s is None:
                lost_at_s = time.monotonic()
                log.warning("no link to %s: %s", self._settings.broker, reason)
            wait_s = self._backoff.lost(held_s=held_s)
            if code == "UPLINK_LOST" and self._backoff.is_flapping:
                code = "UPLINK_FLAPS"
            self._health.report(COMPONENT, self._condition(Status.FAILED, code, reason))
            at_least_s = TAKEN_OVER_S if code in ("UPLINK_TAKEN_OVER", "UPLINK_FLAPS") else 0.0
            self._pause(stop, at_least_s + wait_s)

    def _session_number(self) -> int:
        """One that no earlier connection had; by chance where the disk is broken, for health must still get out."""
        try:
            return self._outbox.next_session()
        except (TryAgain, PersonMustAct):
            return 2**30 + secrets.randbelow(2**30)

    def _condition(self, status: Status, code: str, reason: str = "") -> Condition:
        return Condition(status, code, {"broker": self._settings.broker, "reason": reason})

    def _pause(self, stop: threading.Event, wait_s: float) -> None:
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not stop.is_set():
            self.progress.beat()
            stop.wait(min(left_s, TICK_S))

    def _live(self, session: Session, number: int, allowed: Connected, renewal: Renewal, stop: threading.Event) -> Lost:
        """Birth, then everything that goes over this connection until it ends."""
        connection = Connection(
            session,
            outbox=self._outbox,
            topics=self._topics,
            allowed=allowed,
            batches=self._settings.batch == "auto",
            province_confirms=self._settings.acknowledge == "province",
        )
        self._mailbox.largest_bytes = allowed.max_packet_bytes or MQTT_LARGEST_BYTES
        self._mailbox.open_link()
        pending = deque(self._birth_words(number))
        lost: Lost | None = None
        try:
            while not stop.is_set() and lost is None:
                self.progress.beat()
                lost = self._step(connection, pending) or self._renew(renewal)
        finally:
            self._mailbox.close_link()
            connection.settle()
            self._mailbox.put_back(connection.unsaid())
            if lost is None and stop.is_set():  # after an error the broker speaks the will
                self._say_goodbye(connection, session, number)
            session.drop()
        return lost or Lost("stopped", is_taken_over=False)

    def _step(self, connection: Connection, pending: deque[Message]) -> Lost | None:
        for stream, first, last in self._mailbox.take_replays():
            connection.again(stream, first, last)
        self._speak(connection, pending)
        if not pending:
            self._send_events(connection)
            self._speak_leisurely(connection)
        connection.settle()
        self._health.report(COMPONENT, self._refused_files or connection.condition())
        lost = connection.turn(TICK_S)
        for order in connection.take_orders():
            self._pass_on(order)
        for ballot in connection.take_handed():
            self._handed(ballot)
        for said in connection.take_content():
            self._content(said)
        now_s = time.monotonic()
        if connection.burst_is_over() or now_s - self._watermark_at_s >= WATERMARK_EVERY_S:
            for message in self._watermark():
                self._mailbox.say(message)
        self._repeat_health(now_s)
        return lost

    def _send_events(self, connection: Connection) -> None:
        try:
            connection.send_events(leave=1 if self._mailbox.has_leisurely else 0)
        except TryAgain as error:
            if not self._is_unreadable:
                log.warning("events cannot be read for now: %s", error)
            self._is_unreadable = True
        else:
            if self._is_unreadable:
                log.info("events can be read again")
            self._is_unreadable = False

    def _renew(self, renewal: Renewal) -> Lost | None:
        """Give this connection up for one with new files, once these have proven themselves."""
        if not renewal.is_due():
            return None
        try:
            renewal.try_out()
        except (LinkDown, PersonMustAct) as error:
            log.warning("the new certificate files are not used, the old session stays: %s", error)
            self._refused_files = self._condition(Status.DEGRADED, "UPLINK_NEW_FILES_REFUSED", str(error))
            return None
        log.info("new certificate files work; connecting with them")
        self._refused_files = None
        return RENEWED

    def _pass_on(self, order: Incoming) -> None:
        if not self._orders.offer(order):
            refusal = Result(status="rejected", reason=f"{self._orders.places} orders are waiting already")
            self._mailbox.say(Message(self._topics.result(order.name, order.id), refusal.encode()))

    def _speak(self, connection: Connection, pending: deque[Message]) -> None:
        """Words go before events: the birth in its order, then what is retained, then the rest."""
        while connection.room > 0:
            message = pending.popleft() if pending else self._mailbox.take()
            if message is None:
                return
            self._said_at_s[message.topic] = time.monotonic()
            connection.say(message)

    def _speak_leisurely(self, connection: Connection) -> None:
        """Stills of somebody who watches: behind all events that wait."""
        if connection.has_leisure and (word := self._mailbox.take_leisurely()) is not None:
            connection.say_leisurely(word)

    def _birth_words(self, session_number: int) -> list[Message]:
        self._mailbox.forget_retained()
        health = [self._health_message(report) for report in self._health.reports()]
        state = State(
            state="online", session=session_number, since=self._clock.now(), boot=self._clock.boot, version=__version__
        )
        return [
            Message(self._topics.info, self._birth.info(), is_retained=True),
            *health,
            Message(self._topics.config, self._birth.config(), is_retained=True),
            *self._watermark(),
            Message(self._topics.state, state.encode(), is_retained=True),
        ]

    def _repeat_health(self, now_s: float) -> None:
        """An unchanged condition is said again while it holds, so that a reader can tell fresh from stale."""
        for report in self._health.reports():
            said_s = self._said_at_s.get(self._topics.health(report.component), now_s)
            if now_s - said_s >= report.every_s:
                self._report(report)

    def _watermark(self) -> list[Message]:
        """One message; none while the outbox was never open."""
        self._watermark_at_s = time.monotonic()
        if not self._outbox.epoch:
            return []
        standing = self._outbox.standing()
        lanes = {lane: LaneMark(**asdict(mark)) for lane, mark in standing.lanes.items()}
        body = Watermark(at=self._clock.now(), lanes=lanes, held=standing.held, cast=standing.cast).encode()
        return [Message(self._topics.watermark, body, is_retained=True)]

    def _say_goodbye(self, connection: Connection, session: Session, number: int) -> None:
        """A planned end is said in so many words, so that nobody takes it for a loss.

        Where the broker leaves no room for a further word within a second, its will has to do.
        """
        until_s = time.monotonic() + 1.0
        while connection.room <= 0:
            if connection.turn(0.05) is not None or time.monotonic() > until_s:
                return
        state = State(state="stopping", session=number, since=self._clock.now(), reason="the agent was stopped")
        session.publish(self._topics.state, state.encode(), retain=True)
        while time.monotonic() < until_s and not any(isinstance(h, Lost) for h in session.turn(0.05)):
            if not session.has_unsent:
                break
        session.close()
