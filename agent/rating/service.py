"""The desk at work: a press or a phone's vote is judged, stored by the clerk, and only then thanked for.

One thread; a press waits for nothing but its turn, and the store is asked in the thread that took it.
While the store refuses, nobody is thanked, health says so, and the rating in hand is offered again
until it is stored or no longer fresh; the presses behind it wait in the tray. What is given up is
counted and logged. A phone's vote is tried once: its sender asks again. Between presses the clerk lets out
of the ballot box what may go. No log line tells a level or a code.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from itertools import count

from agent.clock import Clock, Moment
from agent.errors import PersonMustAct, TokenSpent, TryAgain
from agent.health import OK, Condition, Health, Status
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, NoSuchLevel, Rating
from agent.rating.tray import Arrival, Posted, Tray
from agent.rating.urn import Cast, Vote
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
    """Takes presses and votes from the tray, asks the desk, has the clerk store, thanks."""

    name = "rating"

    def __init__(
        self,
        desk: Desk,
        tray: Tray,
        *,
        clerk: Clerk,
        thank: Callable[[str], None],
        clock: Clock,
        health: Health,
    ) -> None:
        """*thank* is told from which keypad the rating came, and nothing else."""
        super().__init__()
        self._desk = desk
        self._tray = tray
        self._clerk = clerk
        self._thank = thank
        self._clock = clock
        self._health = health
        self._refused_at: float | None = None
        self.lost = 0
        """Ratings given up because they could not be stored."""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.progress.beat()
            if not self._serve(stop, wait_s=WAIT_S):
                self._clerk.look(self._clock.monotonic())
        # What the keypads handed over before the end is still stored; what is left then waits in the tray.
        end_at = self._clock.monotonic() + GOODBYE_S
        while self._clock.monotonic() < end_at and self._serve(stop, wait_s=0):
            pass

    def _serve(self, stop: threading.Event, *, wait_s: float) -> bool:
        """Serve the next press or vote; False when there is none, or when a press had to be given up."""
        match self._tray.take(wait_s):
            case Arrival() as arrival:
                return self._serve_press(arrival, stop)
            case Posted() as posted:
                self._serve_vote(posted)
                return True
            case None:
                return False

    def _serve_vote(self, posted: Posted) -> None:
        if not posted.answer.set_running_or_notify_cancel():
            return
        try:
            posted.answer.set_result(self._cast(posted.vote))
        except BaseException as error:
            posted.answer.set_exception(error)
            raise

    def _cast(self, vote: Vote) -> Cast:
        moment, at_s = self._clock.read(), self._clock.monotonic()
        try:
            in_slot = self._clerk.spent_in(vote.token)
            rating = self._desk.vote(vote, at=at_s, wall=self._believed(moment), in_slot=in_slot)
            self._clerk.take_vote(rating, moment, vote.token)
        except NoSuchLevel:
            return Cast.REFUSED
        except TokenSpent:
            return Cast.SPENT
        except (TryAgain, PersonMustAct) as error:
            self._refused(error)
            return Cast.LATER
        self._accepted()
        self._desk.settle_vote(rating)
        return Cast.TAKEN

    @staticmethod
    def _believed(moment: Moment) -> datetime | None:
        return moment.at if moment.quality.is_trusted else None

    def wake(self) -> None:
        self._tray.wake()

    def _serve_press(self, arrival: Arrival, stop: threading.Event) -> bool:
        """Whether it was dealt with; False when it had to be given up."""
        press = arrival.press
        moment = self._clock.read().before(self._age_s(press))
        outcome = self._desk.press(arrival.keypad, press, wall=self._believed(moment))
        if isinstance(outcome, Rating):
            stored_as = self._store(outcome, moment, press, stop)
            if stored_as is None:
                return False
            self._desk.settle(outcome, stored_as)
            if self._age_s(press) < THANK_S:
                self._thank(arrival.keypad)
        self._clerk.look(press.at_monotonic)
        return True

    def _store(self, rating: Rating, moment: Moment, press: Press, stop: threading.Event) -> str | None:
        """Store *rating*, again and again while its press is fresh; what corrections name, or None: it was given up."""
        for attempt in count():
            try:
                stored_as = self._clerk.take(rating, moment)
            except (TryAgain, PersonMustAct) as error:
                self._refused(error)
            else:
                self._accepted()
                return stored_as
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
