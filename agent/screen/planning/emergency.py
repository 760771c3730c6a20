"""An emergency: the whole screen for one message, ordered by the province, never without an end.

- **How long it lasts.** While the clock can be believed, until the moment that was reckoned by such a clock. Else by
  the age of the boot, which no setting of the clock changes; and over a reboot into a time nobody knows, by what
  was left when the box was last seen alive: then the time without power does not count. Whoever is in doubt shows
  it, a storm being what takes the power away; a training in doubt is over. As soon as the clock is believed again
  the true end counts.
- **It is on the disk first**, in one small file beside the outbox that is replaced whole, so neither a restart nor a
  power cut loses it. The file goes when the emergency is over or taken back.
- **The province is told** when one begins, ends, is taken back or was refused: which counters showed it is in their
  events. An event that the card does not take waits in memory; the screen never waits for it.

Any thread may ask; nothing here waits but for the disk.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from agent.alive import LastLife
from agent.clock import Clock, Moment
from agent.data import EventData
from agent.errors import CounterAgentError, TryAgain
from agent.event import EventType, Fact
from agent.files import flush_folder, replace_file
from agent.screen.glyphs import missing, named
from agent.screen.scene import EMERGENCY_CHARACTERS, EMERGENCY_LINES, TITLE_CHARACTERS, Notice

log = logging.getLogger(__name__)

LIMIT_S = 72 * 3600.0
"""How long one may last; a longer one is ordered again."""
REASON_LENGTH = 300
UNTOLD = 8


class EmergencyChange(EventData):
    """An `alert`: an emergency took the screen, came to its end, was taken back, or its order was refused."""

    code: Literal["EMERGENCY_BEGAN", "EMERGENCY_ENDED", "EMERGENCY_WITHDRAWN", "EMERGENCY_REFUSED"]
    by: str
    """Who asked for it; in `EMERGENCY_WITHDRAWN`, who asked for its end."""
    title: str | None = None
    lasts_s: int | None = None
    """How long it was granted for, in `EMERGENCY_BEGAN`."""
    reason: str | None = None
    """Why it was refused."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An emergency that was ordered."""

    notice: Notice
    by: str
    """Who asked for it."""
    boot: str
    age_s: float
    """An age of that boot…"""
    left_s: float
    """…at which so much of it was left."""
    ends: datetime | None
    """In UTC, as soon as a clock that can be believed could tell."""

    @classmethod
    def begun(cls, notice: Notice, *, by: str, lasts_s: float, now: Moment, boot: str) -> "Alarm":
        return cls(notice, by, boot, now.age.total_seconds(), lasts_s, None).certain(now, boot)

    def left_at(self, now: Moment, boot: str) -> float:
        """Seconds until its end, seen at *now* in *boot*; not above zero when it is over."""
        if self.ends is not None and now.quality.is_trusted:
            return min((self.ends - now.at).total_seconds(), LIMIT_S)
        if boot == self.boot:
            return min(self.left_s - (now.age.total_seconds() - self.age_s), LIMIT_S)
        return self.left_s

    def certain(self, now: Moment, boot: str) -> "Alarm":
        """With its end on the wall's clock, if that can be told now."""
        if self.ends is not None or not now.quality.is_trusted:
            return self
        return replace(self, ends=(now.at + timedelta(seconds=self.left_at(now, boot))).astimezone(UTC))

    def carried_over(self, now: Moment, boot: str, last: LastLife | None) -> "Alarm":
        """As it goes on in *boot*, after *last* was the life before."""
        if boot == self.boot:
            return self
        gone_s = last.moment.age.total_seconds() - self.age_s if last is not None and last.boot == self.boot else 0.0
        return replace(self, boot=boot, age_s=now.age.total_seconds(), left_s=self.left_s - max(0.0, gone_s))

    def encode(self) -> bytes:
        body = {
            "title": self.notice.title,
            "lines": self.notice.lines,
            "by": self.by,
            "boot": self.boot,
            "age_s": round(self.age_s, 3),
            "left_s": round(self.left_s, 3),
            "ends": self.ends.isoformat(timespec="milliseconds") if self.ends is not None else None,
        }
        return json.dumps(body, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, body: bytes) -> "Alarm":
        """Read what `encode` wrote.

        Raises:
            ValueError: not a whole alarm.
        """
        try:
            found = json.loads(body)
            ends = datetime.fromisoformat(found["ends"]).astimezone(UTC) if found["ends"] is not None else None
            left_s, age_s = float(found["left_s"]), float(found["age_s"])
            notice = worded(found["title"], found["lines"])
            if not -LIMIT_S <= left_s <= LIMIT_S:
                raise ValueError("left_s")
            return cls(notice, str(found["by"]), str(found["boot"]), age_s, left_s, ends)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not an alarm: {error!r}") from error


def worded(title: Any, lines: Any) -> Notice:
    """The message of an emergency, if it can be drawn large enough to be read from afar.

    Raises:
        ValueError: it cannot; the text says what may.
    """
    if not _is_text(title, TITLE_CHARACTERS) or not title.strip():
        raise ValueError(f"title: a text of 1 to {TITLE_CHARACTERS} characters on one line")
    is_list = isinstance(lines, list | tuple) and len(lines) <= EMERGENCY_LINES
    if not is_list or not all(_is_text(line, EMERGENCY_CHARACTERS) for line in lines):
        raise ValueError(f"lines: a list of at most {EMERGENCY_LINES} texts, each on one line")
    if (length := len(title) + sum(map(len, lines))) > EMERGENCY_CHARACTERS:
        raise ValueError(f"lines: with the title at most {EMERGENCY_CHARACTERS} characters, not {length}")
    if lacking := missing("".join((title, *lines))):
        raise ValueError(f"lines: the screen's font lacks {', '.join(map(named, lacking[:5]))}; write it in words")
    return Notice(" ".join(title.split()), tuple(" ".join(line.split()) for line in lines))


def _is_text(text: Any, longest: int) -> bool:
    return isinstance(text, str) and len(text) <= longest and text.isprintable()


def read_alarm(path: Path) -> Alarm | None:
    """The alarm in the file at *path*; None when there is none that can be read."""
    try:
        return Alarm.decode(path.read_bytes())
    except (OSError, ValueError):
        return None


class Siren:
    """Whether there is an emergency. Outlives the services."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        alarm: Alarm | None,
        last: LastLife | None,
        *,
        append: Callable[[Fact], object] = lambda _: None,
    ) -> None:
        """*alarm* is what an earlier life left at *path*, *last* what is known of that life's end. *append* keeps an
        event for the province; raises CounterAgentError."""
        self._path = path
        self._clock = clock
        self._append = append
        self._untold: deque[Fact] = deque(maxlen=UNTOLD)
        self._lock = threading.Lock()
        self._alarm = alarm.carried_over(clock.read(), clock.boot, last) if alarm is not None else None
        self._kept = alarm

    def sound(self, notice: Notice, *, by: str, lasts_s: float) -> Alarm:
        """Begin an emergency, in the place of one that is on.

        Raises:
            TryAgain: the disk refuses; nothing changed.
            ValueError: it would last longer than any may.
        """
        if not 0 < lasts_s <= LIMIT_S:
            raise ValueError(f"an emergency lasts at most {LIMIT_S / 3600:g} hours; order it again before it ends")
        with self._lock:
            now = self._clock.read()
            alarm = Alarm.begun(notice, by=by, lasts_s=lasts_s, now=now, boot=self._clock.boot)
            self._keep(alarm)
            self._alarm = alarm
            self._tell(EmergencyChange(code="EMERGENCY_BEGAN", by=by, title=notice.title, lasts_s=round(lasts_s)))
            return alarm

    def refused(self, *, by: str, reason: str) -> None:
        """An order for one was refused: the province is told."""
        with self._lock:
            self._tell(EmergencyChange(code="EMERGENCY_REFUSED", by=by, reason=reason[:REASON_LENGTH]))

    def silence(self, *, by: str) -> None:
        """End it now.

        Raises:
            TryAgain: the disk refuses; it is off the screen, and a next life would show it again.
        """
        with self._lock:
            if self._alarm is not None:
                title = self._alarm.notice.title
                self._alarm = None
                self._tell(EmergencyChange(code="EMERGENCY_WITHDRAWN", by=by, title=title))
            self._keep(None)

    def look(self) -> tuple[Alarm, float] | None:
        """The emergency that is on and the seconds left of it; and what is due on the disk, as far as that allows."""
        with self._lock:
            on, left_s = self._alarm, 0.0
            if on is not None:
                now, boot = self._clock.read(), self._clock.boot
                on = on.certain(now, boot)
                left_s = on.left_at(now, boot)
            on = on if left_s > 0 else None
            if on is None and self._alarm is not None:
                ended = self._alarm
                self._tell(EmergencyChange(code="EMERGENCY_ENDED", by=ended.by, title=ended.notice.title))
            self._say_untold()
            if on != self._kept:
                with suppress(TryAgain):  # tried again at the next look
                    self._keep(on)
            self._alarm = on
            return (on, left_s) if on is not None else None

    def _tell(self, change: EmergencyChange) -> None:
        self._untold.append(Fact.seen(EventType.ALERT, self._clock.read(), change.payload()))
        self._say_untold()

    def _say_untold(self) -> None:
        while self._untold:
            try:
                self._append(self._untold[0])
            except CounterAgentError as error:  # tried again at the next look
                log.debug("an emergency's event waits: %s", error)
                return
            self._untold.popleft()

    def _keep(self, alarm: Alarm | None) -> None:
        try:
            if alarm is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(self._path, alarm.encode())
            elif self._kept is not None:
                self._path.unlink(missing_ok=True)
                flush_folder(self._path.parent)
        except OSError as error:
            raise TryAgain(f"{self._path} cannot be written: {error.strerror}") from error
        self._kept = alarm
