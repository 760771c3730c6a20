"""The desk at work: a press is judged, stored, and only then thanked for.

One thread; a press waits for nothing but its turn, and the store is asked in the thread that took it.
While the store refuses, nobody is thanked, health says so, and the rating in hand is offered again
until it is stored or no longer fresh; the presses behind it wait in the tray. What is given up is
counted and logged. No log line tells a level or a code.
"""

import logging
import threading
from collections.abc import Callable
from itertools import count

from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact
from agent.health import OK, Condition, Health, Status
from agent.rating.desk import Desk, Rating
from agent.rating.tray import Tray
from agent.service import Service
from drivers.base import Press

log = logging.getLogger(__name__)

WAIT_S = 0.5
"""How long a quiet desk looks into the tray before it looks at `stop`."""
GOODBYE_S = 1.0
FRESH_S = 300.0
"""How long a rating that cannot be stored is offered again: a restart of the store, a disk being cleared."""
THANK_S = 5.0
"""Who pressed longer ago than this has left; the thanks would be read by the next citizen."""
FIRST_RETRY_S, LAST_RETRY_S = 0.1, 2.0

STORE = "outbox"
"""The component that a refusal to store is told of."""
NOT_STORED = Condition(Status.FAILED, "RATING_NOT_STORED")


class RatingService(Service):
    """Takes presses from the tray, asks the desk, commits, thanks."""

    name = "rating"

    def __init__(
        self,
        desk: Desk,
        tray: Tray,
        *,
        commit: Callable[[Fact], str],
        thank: Callable[[str], None],
        clock: Clock,
        health: Health,
    ) -> None:
        """*commit* stores a fact durably and returns its event's id; it raises TryAgain or PersonMustAct.

        *thank* is told from which keypad the rating came, and nothing else.
        """
        super().__init__()
        self._desk = desk
        self._tray = tray
        self._commit = commit
        self._thank = thank
        self._clock = clock
        self._health = health
        self._refused_at: float | None = None
        self.lost = 0
        """Ratings given up because they could not be stored."""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.progress.beat()
            self._serve(stop, wait_s=WAIT_S)
        # What the keypads handed over before the end is still stored; what is left then waits in the tray.
        end_at = self._clock.monotonic() + GOODBYE_S
        while self._clock.monotonic() < end_at and self._serve(stop, wait_s=0):
            pass

    def _serve(self, stop: threading.Event, *, wait_s: float) -> bool:
        """Serve the next press; False when there is none, or when it had to be given up."""
        arrival = self._tray.take(wait_s)
        if arrival is None:
            return False
        press = arrival.press
        moment = self._clock.read().before(self._age_s(press))
        outcome = self._desk.press(arrival.keypad, press, wall=moment.at if moment.quality.is_trusted else None)
        if isinstance(outcome, Rating):
            fact = Fact.seen(EventType.RATING, moment, outcome.data.payload())
            event_id = self._store(fact, press, stop)
            if event_id is None:
                return False
            self._desk.settle(outcome, event_id)
            if self._age_s(press) < THANK_S:
                self._thank(arrival.keypad)
        return True

    def _store(self, fact: Fact, press: Press, stop: threading.Event) -> str | None:
        """Commit *fact*, again and again while its press is fresh; its event's id, or None when it was given up."""
        for attempt in count():
            try:
                event_id = self._commit(fact)
            except (TryAgain, PersonMustAct) as error:
                self._refused(error)
            else:
                self._accepted()
                return event_id
            if stop.is_set() or self._age_s(press) >= FRESH_S:
                break
            self.progress.beat()
            stop.wait(min(FIRST_RETRY_S * 2**attempt, LAST_RETRY_S))
        self.lost += 1
        log.error("a rating was given up because it could not be stored; %d so far", self.lost)
        return None

    def _refused(self, error: Exception) -> None:
        if self._refused_at is None:
            self._refused_at = self._clock.monotonic()
            log.error("ratings cannot be stored: %s", error)
            self._health.report(STORE, NOT_STORED)

    def _accepted(self) -> None:
        if self._refused_at is not None:
            away_s, self._refused_at = self._clock.monotonic() - self._refused_at, None
            log.info("ratings are stored again after %.1f s; %d were given up", away_s, self.lost)
            self._health.report(STORE, OK)

    def _age_s(self, press: Press) -> float:
        return max(0.0, self._clock.monotonic() - press.at_monotonic)
