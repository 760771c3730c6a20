"""The keeper of the clock: notices when it is set, says so in the lane, and marks that the box is alive.

Every second the clock is compared with what was last told of it. What is worth telling becomes a `clock`
event (lane `alert`), stored in order; while the outbox refuses, it waits here. The alive mark never gets
ahead of the lane: after a crash the mark says what was last *told*, so a step that happened around the
crash, or while no agent ran, is told by the next life, at worst twice.

What a `clock` event says (`agent.data`):

    {"kind": "jump" | "trusted" | "start", "boot": "9f2c…", "offset_s": 1787360415.0,
     "from": {"clock": "none", "booted": "1970-01-01T00:00:04.210Z"},
     "to": {"clock": "ntp", "booted": "2026-09-01T00:59:12.348Z"}, …}

- `jump`: the clock was set by more than 2 s. `trusted`: it became trustworthy after it was not, or the network
  confirmed a hardware clock; set or not.
- `booted` is when this boot began by the clock before (`from`) and after (`to`); `offset_s` is their
  difference, positive when the clock went forward.
- **How times are corrected.** Every event carries `boot`, `booted` and `clock` for the clock that said its
  `time`. A `from` or `to` with a trusted `clock` is a *reading*: it tells when that boot truly began. An
  untrusted event of the same boot happened at `time + (booted of a reading - booted of the event)`. For
  `trusted`, that is `offset_s` for every event between the last setting of the clock and this one; it is right
  however often the clock was set before, whatever the order of arrival, and events are never rewritten.
  If a boot has several readings, the one taken first after the event is the nearest to the truth (a crystal
  drifts), else the last before it; `ntp` goes before `rtc`, and corrects events of an `rtc` clock as well.
- `start`: the life before ended without a word, or the clock is before the last time this box saw. `last` is
  its alive mark: `{"ending": "power" | "killed" | "clean", "boot", "at", "clock", "booted"}`; a power cut
  happened within a minute after `at` (to be corrected like any time of that boot).

Runs in its own thread. It touches no disk but for the mark: once a minute, and once at a planned end.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from agent.alive import AliveMark, Ending, LastLife, last_life, write_mark
from agent.clock import BUILT, STEP, Clock, ClockQuality, Moment
from agent.data import ClockReading, ClockSet, ClockStart, LastAlive
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact
from agent.health import OK, Condition, Health, Status
from agent.service import Service

log = logging.getLogger(__name__)

LOOK_S = 1.0
MARK_S = 60.0
JUMPED_S = 600.0
"""How long health speaks of a clock that jumped away from where it was trusted."""
WAITING = 100
"""Events that wait for an outbox that refuses; then the oldest goes."""


class Timekeeper:
    """What is known and told of the clock; outlives the service. One thread after construction."""

    def __init__(self, clock: Clock, path: Path, mark: AliveMark | None) -> None:
        """*mark* is what the life before left at *path*."""
        self.last_life: LastLife | None = last_life(mark, clock.boot)
        self.outages: Callable[[], tuple[Any, ...]] = tuple
        """What of outages shall survive a power cut with the mark."""
        self._clock = clock
        self._path = path
        now = clock.read()
        is_same_boot = mark is not None and mark.boot == clock.boot
        self._told = mark.moment if mark is not None and is_same_boot else now
        self._facts: deque[Fact] = deque(maxlen=WAITING)
        self._marked_s: float | None = None
        if mark is not None and is_same_boot and not mark.is_clean:
            # A crash loop must not write the mark at every start.
            self._marked_s = clock.monotonic() - max(0.0, (now.age - mark.moment.age).total_seconds())
        self._is_mark_refused = False
        self._jumped: tuple[float, float] | None = None
        if start := self._start(now, mark):
            self._facts.append(Fact.seen(EventType.CLOCK, now, start.payload()))

    def _start(self, now: Moment, mark: AliveMark | None) -> ClockStart | None:
        life = self.last_life
        if mark is None or life is None:
            return None
        is_before_floor = now.at < mark.floor and not now.quality.is_trusted
        if life.ending is Ending.CLEAN and not is_before_floor:
            return None
        said = life.moment
        return ClockStart(
            boot=self._clock.boot,
            to=ClockReading.of(now),
            last=LastAlive(ending=life.ending, boot=life.boot, at=said.at, clock=said.quality, booted=said.booted),
            floor=mark.floor if is_before_floor else None,
        )

    def look(self) -> None:
        """Compare the clock with what was told of it, and note what is to be told."""
        now, before = self._clock.read(), self._told
        offset = now.booted - before.booted
        if now.quality.is_trusted and not before.quality.is_trusted:
            kind: Literal["trusted", "jump"] = "trusted"
        elif abs(offset) > STEP:
            kind = "jump"
        elif now.quality is ClockQuality.NTP and before.quality is ClockQuality.RTC:
            kind = "trusted"
        else:
            self._told = replace(before, quality=now.quality)
            return
        offset_s = round(offset.total_seconds(), 3)
        data = ClockSet(
            kind=kind,
            boot=self._clock.boot,
            offset_s=offset_s,
            from_=ClockReading.of(before),
            to=ClockReading.of(now),
        )
        self._told = now
        self._facts.append(Fact.seen(EventType.CLOCK, now, data.payload()))
        if kind == "jump" and before.quality.is_trusted:
            self._jumped = (self._clock.monotonic(), offset_s)
        log.warning("the clock was set by %+.1f s; it was %s, now %s", offset_s, before.quality, now.quality)

    def tell(self, append: Callable[..., object]) -> None:
        """Store what is to be told, in order.

        Raises:
            TryAgain, PersonMustAct: the outbox refuses; it is told next time.
        """
        if self._facts:
            append(*self._facts)
            self._facts.clear()

    def mark(self, *, is_clean: bool = False) -> None:
        """Write the alive mark, at most once a minute; the last words always."""
        now_s = self._clock.monotonic()
        is_due = self._marked_s is None or now_s - self._marked_s >= MARK_S
        if self._facts or not (is_due or is_clean):
            return
        self._marked_s = now_s
        now = self._clock.read()
        if abs(now.booted - self._told.booted) > STEP or now.quality.is_trusted != self._told.quality.is_trusted:
            # Set in this very instant: the mark says what was told, the next look tells it.
            now = Moment(self._told.booted + now.age, self._told.quality, self._told.booted)
        self._write(AliveMark(self._clock.boot, now, self._clock.floor, is_clean, self.outages()))

    def _write(self, mark: AliveMark) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_mark(self._path, mark)
        except OSError as error:
            if not self._is_mark_refused:
                log.error("%s cannot be written: %s; a power cut could not be dated", self._path, error.strerror)
            self._is_mark_refused = True
        else:
            if self._is_mark_refused:
                log.info("%s is written again", self._path)
            self._is_mark_refused = False

    def condition(self) -> Condition:
        """What health says of the clock."""
        now = self._clock.read()
        if not now.quality.is_trusted and now.at < self._clock.floor != BUILT:
            return Condition(Status.DEGRADED, "CLOCK_BEFORE_FLOOR")
        if self._jumped is not None and self._clock.monotonic() - self._jumped[0] < JUMPED_S:
            return Condition(Status.DEGRADED, "CLOCK_JUMPED", {"offset_s": f"{self._jumped[1]:+.0f}"})
        return OK if now.quality.is_trusted else UNSURE


UNSURE = Condition(Status.DEGRADED, "CLOCK_UNSURE")


class ClockService(Service):
    """Looks at the clock, tells what it sees, reports `clock`."""

    name = "clock"

    def __init__(self, keeper: Timekeeper, *, append: Callable[..., object], health: Health) -> None:
        """*append* stores facts durably and in order; it raises TryAgain or PersonMustAct."""
        super().__init__()
        self._keeper = keeper
        self._append = append
        self._health = health
        self._is_refused = False

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._turn()
            self._keeper.mark()
            stop.wait(LOOK_S)
        self._turn()
        self._keeper.mark(is_clean=True)

    def _turn(self) -> None:
        self.progress.beat()
        self._keeper.look()
        self._health.report("clock", self._keeper.condition())
        try:
            self._keeper.tell(self._append)
        except (TryAgain, PersonMustAct) as error:
            if not self._is_refused:
                log.warning("what happened to the clock cannot be stored yet: %s", error)
            self._is_refused = True
        else:
            self._is_refused = False
