"""A day of one recorded camera with faults from a log, in simulated time: what was truly seen, and what was told.

The camera sends 25 pictures a second, a key frame every two. What its child would say of it is worked out from the log;
the vigil, the book, the clock and the review of the day are the real ones. The truth is kept beside them: when whole
pictures reached a disk that took them, from a view that was not tampered with, to the tenth of a second.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from math import floor, inf
from pathlib import Path

from agent.clock import ClockQuality, ManualClock, Moment
from agent.rating.figures.opening import Span, total_s
from agent.settings.model import Camera
from agent.surveillance.cause import Cause
from agent.surveillance.coverage.review import Review, review
from agent.surveillance.coverage.vigil import Vigil, cause_of
from agent.surveillance.coverage.watchbook import Watchbook
from agent.surveillance.coverage.watchman import KEEP_EVERY_S, Lapses
from agent.surveillance.heartbeat import Beat, silence
from tests.rating.days import at

DAWN, FIRST, LAST, DUSK = at(7), at(8), at(16), at(17)
LOOK_S = 1.0
FRAME_S, GOP_S = 0.04, 2.0
LOADING_S = 1.0
"""Until a child has its libraries."""
REFUSED_S = 3.0
"""Until a camera that cannot be reached is given up."""
BOOT_S = 40.0
UNSURE_S = 90.0
"""After a power cut, until the network tells the time."""


@dataclass(frozen=True)
class Fault:
    cause: Cause
    start: float
    """Seconds after dawn, and so is `end`."""
    end: float

    def covers(self, t: float) -> bool:
        return self.start <= t < self.end


def faults(seed: int, *, each: int) -> list[Fault]:
    """*each* faults of every cause over the day, in random order, none at the same time as another."""
    chance = random.Random(seed)
    causes = [cause for cause in Cause for _ in range(2 if cause is Cause.POWER else each)]
    chance.shuffle(causes)
    room = (DUSK - DAWN).total_seconds() / len(causes)
    log = []
    for number, cause in enumerate(causes):
        start = (number + chance.uniform(0.1, 0.25)) * room
        log.append(Fault(cause, start, start + chance.uniform(5.0 if cause is not Cause.TAMPER else 15.0, 0.5 * room)))
    return log


class _Stopped(ManualClock):
    """A clock that says one moment."""

    def __init__(self, moment: Moment, boot: str) -> None:
        super().__init__(moment.at, boot=boot)
        self._booted = moment.booted


@dataclass
class Child:
    """The camera's child: opens when its libraries are there, sees from the next key frame on."""

    started: float
    first: float | None = None
    """Its first key frame."""


@dataclass
class Day:
    """Lived by `live`; then `told` is compared with `gaps` and `valid_s`."""

    folder: Path
    camera: Camera
    log: list[Fault]
    gaps: list[tuple[Cause, float, float]] = field(default_factory=list)
    """The truth, in seconds after dawn: by fault, from the last good moment to the first that is good again."""
    told: Review | None = None

    def live(self) -> None:
        """From dawn to dusk."""
        self._clock = ManualClock(DAWN, boot=f"{0:012x}")
        self._minute = -1.0
        self._sessions: list[tuple[float, float]] = []
        self._boots = 0
        self._sure_at = inf
        self._begin(Cause.AGENT)
        t, end = 0.0, (DUSK - DAWN).total_seconds()
        while t < end:
            t += LOOK_S
            self._clock.advance(LOOK_S)
            off = self._fault(t, Cause.POWER) or self._fault(t, Cause.AGENT)
            if off is not None:
                t = self._sleep(t, off)
                continue
            if t >= self._sure_at:
                self._clock.set_wall(DAWN + timedelta(seconds=t), ClockQuality.NTP)
                self._sure_at = inf
                self._book.enter([])
            self._look(t)
            if told := self._lapses.take():
                self._book.enter(told)
        self._book.beat(is_kept=True)
        self._book.close()
        self._truth()
        self.told = review(self.folder, [self.camera], [Span(FIRST, LAST)], until=DUSK)[self.camera.name]

    # -- lives -------------------------------------------------------------------------------------

    def _begin(self, cause: Cause, t: float = 0.0) -> None:
        self._behind = self._clock.monotonic() - t
        self._lapses = Lapses(self._clock)
        self._book = Watchbook(self.folder, self._clock)
        self._book.fit([self.camera.name])
        self._vigil: Vigil = self._lapses.vigil(self.camera.name)
        self._vigil.is_recorded = True
        self._vigil.wait(cause, since=self._clock.monotonic())
        self._child = Child(t)
        self._said: dict[Cause, bool] = {}

    def _sleep(self, t: float, fault: Fault) -> float:
        """The agent is gone for as long as *fault* lasts: killed at once, nothing closed; or the power was cut."""
        is_cut = fault.cause is Cause.POWER
        self._book.enter(self._lapses.take())
        self._pulse(fault.start - (fault.start % KEEP_EVERY_S if is_cut else 0.0), t)
        self._book.close()
        self._end_session(fault.start, whole=False)
        began = fault.end + (BOOT_S if is_cut else 0.0)
        steps = int((began - t) / LOOK_S) + 1
        if is_cut:
            self._boots += 1
            self._clock = ManualClock(
                DAWN + timedelta(seconds=fault.start), boot=f"{self._boots:012x}", quality=ClockQuality.FLOOR
            )
            self._sure_at = t + steps * LOOK_S + UNSURE_S
        else:
            self._clock.advance(steps * LOOK_S)
        self._begin(fault.cause, t + steps * LOOK_S)
        return t + steps * LOOK_S

    def _pulse(self, seen: float, t: float) -> None:
        """What the card has of the pulse, *t* being now: that the agent lived at *seen*."""
        now = self._clock.read()
        self._book._clock = _Stopped(now.before(t - seen), self._clock.boot)
        self._book.beat(is_kept=True)

    # -- the camera --------------------------------------------------------------------------------

    def _near(self, t: float) -> list[Fault]:
        """The faults of these minutes; asked for very often."""
        minute = t // 60
        if minute != self._minute:
            self._minute = minute
            self._nearby = [fault for fault in self.log if fault.start - 180 <= t <= fault.end + 180]
        return self._nearby

    def _fault(self, t: float, cause: Cause) -> Fault | None:
        return next((fault for fault in self._near(t) if fault.cause is cause and fault.covers(t)), None)

    def _gone(self, since: float, t: float) -> Fault | None:
        """What silenced the camera between *since* and *t*."""
        silencing = (Cause.NETWORK, Cause.STALL)
        return next((f for f in self._near(t) if f.cause in silencing and f.start <= t and f.end > since), None)

    def _look(self, t: float) -> None:
        """What the service does at a look."""
        child, beat = self._child, self._beat(t)
        mono = self._monotonic(beat)
        self._vigil.see(mono)
        self._tamper_and_disk(t)
        gone = self._gone(child.first if child.first is not None else t, t)
        if child.first is None and gone is not None and gone.cause is Cause.NETWORK:
            if t >= child.started + LOADING_S + REFUSED_S:
                self._lose(t, cause_of("CAMERA_AWAY", is_networked=True), mono, is_cut=False)
            return
        if child.first is not None and gone is not None and gone.cause is Cause.NETWORK:
            self._end_session(gone.start, whole=True)  # the connection is reset, the child closes its file
            self._lose(t, cause_of("CAMERA_ENDED", is_networked=True), mono, is_cut=False)
            return
        missing = silence(mono, started_at=child.started + self._behind, now=t + self._behind)
        if missing is not None:
            self._end_session(beat.packet_at, whole=False)
            self._lose(t, missing.cause, mono, is_cut=True)

    def _lose(self, t: float, cause: Cause, beat: Beat, *, is_cut: bool) -> None:
        self._vigil.lose(cause, beat, started_at=self._child.started + self._behind, is_cut=is_cut)
        self._child = Child(t + 0.3)

    def _beat(self, t: float) -> Beat:
        child = self._child
        ready = child.started + LOADING_S
        if t < ready:
            return Beat()
        if child.first is None:
            keyframe = floor(t / GOP_S) * GOP_S
            if keyframe <= ready or self._gone(keyframe, keyframe) is not None:
                return Beat(ready_at=ready)
            if self._is_corrupt(keyframe):
                return Beat(ready, t, keyframe, 0.0, FRAME_S, GOP_S, keyframe)
            child.first = keyframe
        gone = self._gone(child.first, t)
        last = min(t, gone.start) if gone is not None else t
        keyframes = self._keyframes(max(child.first, last - 30), last)
        good = [keyframe for keyframe in keyframes if not self._is_corrupt(keyframe)]
        picture = good[-1] if good else child.first
        broken = next((keyframe for keyframe in keyframes if keyframe > picture), 0.0)
        return Beat(ready, last, broken, picture, FRAME_S, GOP_S, keyframes[-1])

    def _keyframes(self, first: float, last: float) -> list[float]:
        return [number * GOP_S for number in range(-int(-first // GOP_S), int(last // GOP_S) + 1)]

    def _is_corrupt(self, keyframe: float) -> bool:
        return self._fault(keyframe, Cause.CORRUPT) is not None

    def _monotonic(self, beat: Beat) -> Beat:
        def moved(at: float) -> float:
            return at + self._behind if at else 0.0

        return Beat(
            ready_at=moved(beat.ready_at),
            packet_at=moved(beat.packet_at),
            broken_at=moved(beat.broken_at),
            picture_at=moved(beat.picture_at),
            interval_s=beat.interval_s,
            gop_s=beat.gop_s,
            keyframe_at=moved(beat.keyframe_at),
        )

    def _tamper_and_disk(self, t: float) -> None:
        """Told when the eye is sure, and when a segment is whole again; dated to the samples and the key frames."""
        for fault in self._near(t):
            first = -(-fault.start // GOP_S) * GOP_S
            clear = -(-fault.end // GOP_S) * GOP_S
            since = max(first, self._child.first or first) + self._behind
            if fault.cause is Cause.TAMPER and first + 4 <= t < clear + 6 and self._child.first is not None:
                self._vigil.look(is_tampered=True, since=since)
            elif fault.cause is Cause.TAMPER and clear + 6 <= t < clear + 7:
                self._vigil.look(is_tampered=False, since=clear + self._behind)
            elif fault.cause is Cause.DISK and first <= t < clear + 60:
                self._vigil.record(is_refused=True, since=first - GOP_S + self._behind)
            elif fault.cause is Cause.DISK and clear + 60 <= t < clear + 61:
                self._vigil.record(is_refused=False, since=clear + self._behind)

    # -- the truth ---------------------------------------------------------------------------------

    def _end_session(self, last: float, *, whole: bool) -> None:
        """Pictures were seen from the child's first key frame to *last*, or to where the open group began."""
        first, self._child.first = self._child.first, None
        if first is not None:
            self._sessions.append((first, last if whole else floor(last / GOP_S) * GOP_S))

    def _truth(self) -> None:
        """By fault: from what was seen before it to what was seen after it."""
        self._end_session((DUSK - DAWN).total_seconds(), whole=True)
        self._sessions.sort()
        for fault in self.log:
            if fault.cause in (Cause.TAMPER, Cause.DISK):
                self.gaps.append((fault.cause, fault.start, fault.end))
                continue
            start = max((last for _, last in self._sessions if last <= fault.start), default=0.0)
            end = min(first for first, _ in self._sessions if first >= fault.end - GOP_S)
            if fault.cause is Cause.CORRUPT:
                start, good = (-(-each // GOP_S) * GOP_S for each in (fault.start, fault.end))
                was_killed = any(fault.start <= last <= fault.end + GOP_S for _, last in self._sessions)
                end = end if was_killed else good
            self.gaps.append((fault.cause, start, end))
        self.gaps.sort(key=lambda gap: gap[1])

    @property
    def true_percent(self) -> float:
        """The share of the opening hours, counted by tenths of a second."""
        lost = set[int]()
        for _, start, end in self.gaps:
            lost.update(range(round(start * 10), round(end * 10)))
        first, last = (round((each - DAWN).total_seconds() * 10) for each in (FIRST, LAST))
        return 100 * (1 - sum(first <= tenth < last for tenth in lost) / total_s([Span(FIRST, LAST)]) / 10)
