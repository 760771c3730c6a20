"""Somebody looks at a camera for a while: told as one event once that is over, and never left untold.

Before the first picture is shown a note lies on the card: the event that the next life of the agent tells should
this one end without a word, saying the most that there can have been. Any thread may call; waits for the disk only.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from agent.clock import Clock
from agent.errors import CounterAgentError, TryAgain
from agent.event import EventType, Fact
from agent.files import replace_file
from agent.surveillance.egress.account import EgressData, Ended
from agent.surveillance.egress.still import Still

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Viewing:
    """One person's look at one camera."""

    kind: Literal["watch", "status"]
    camera: str
    egress: Literal["pixelated", "masked", "plain"]
    longest_s: float
    """It will not last longer."""
    most: int
    """So many pictures at most."""
    order: str = ""
    by: str | None = None
    began_at: datetime = field(init=False)
    began_s: float = field(init=False)
    """The same, monotonic."""
    pictures: int = 0
    always_hidden: tuple[str, ...] = ()
    """What is hidden whatever the pictures show."""
    hidden: set[str] = field(default_factory=set)

    def shows(self, still: Still) -> None:
        """*still* is about to be shown."""
        self.pictures += 1
        self.hidden.update(still.hidden)

    def told(self, ended: Ended, *, to: datetime, lasted_s: float, pictures: int) -> EgressData:
        """What is to be told of it when it *ended*; *to* is when, by a clock that may have been set meanwhile."""
        return EgressData.model_validate(
            {
                "kind": self.kind,
                "camera": self.camera,
                "order": self.order,
                "is_broadcast": False,
                "by": self.by,
                "pictures": pictures,
                "egress": self.egress,
                "hidden": sorted(self.hidden.union(self.always_hidden)),
                "from": to - timedelta(seconds=lasted_s),
                "to": to,
                "ended": ended,
            }
        )

    def note(self) -> EgressData:
        """What has to be told when nobody comes to tell how it ended."""
        to = self.began_at + timedelta(seconds=self.longest_s)
        return self.told(Ended.RESTART, to=to, lasted_s=self.longest_s, pictures=self.most)


class Viewings:
    """Everybody's looks. Outlives the services."""

    def __init__(self, path: Path, clock: Clock, append: Callable[[Fact], object]) -> None:
        """*path* is the notes' file; *append* keeps an event, or raises `CounterAgentError`."""
        self._path = path
        self._clock = clock
        self._append = append
        self._lock = threading.Lock()
        self._open: list[Viewing] = []
        self._untold: list[EgressData] | None = None
        """Over and not told; None while nobody has read what an earlier life left."""
        self._is_stale = False
        """Whether the notes on the card say what is not so any more: the card refused."""

    def begin(self, viewing: Viewing) -> None:
        """From now on *viewing* cannot go untold.

        Raises:
            TryAgain: it cannot be written down, so nothing may be shown.
        """
        with self._lock:
            self._recall()
            viewing.began_at, viewing.began_s = self._clock.now(), self._clock.monotonic()
            self._open.append(viewing)
            try:
                self._write()
            except OSError as error:
                self._open.remove(viewing)
                raise TryAgain(f"{self._path}: {error.strerror}") from error

    def end(self, viewing: Viewing, ended: Ended) -> None:
        """*viewing* is over; an event store that refuses now is told later."""
        with self._lock:
            self._open.remove(viewing)
            now, lasted_s = self._clock.now(), self._clock.monotonic() - viewing.began_s
            self._recall().append(viewing.told(ended, to=now, lasted_s=lasted_s, pictures=viewing.pictures))
        self.settle()

    def settle(self) -> None:
        """Tell what is over and was not told yet, also what an earlier life left."""
        with self._lock:
            if not (untold := self._recall()) and not self._is_stale:
                return
            try:
                while untold:
                    self._append(Fact.seen(EventType.EGRESS, self._clock.read(), untold[0].payload()))
                    untold.pop(0)
                self._write()
            except (CounterAgentError, OSError) as error:
                log.debug("who looked at a camera is told later: %s", error)

    def _recall(self) -> list[EgressData]:
        if self._untold is None:
            self._untold = read_notes(self._path)
        return self._untold

    def _write(self) -> None:
        self._is_stale = True
        notes = [*self._recall(), *(viewing.note() for viewing in self._open)]
        if notes:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps([note.payload() for note in notes]).encode())
        else:
            self._path.unlink(missing_ok=True)
        self._is_stale = False


def read_notes(path: Path) -> list[EgressData]:
    """What an earlier life left; what cannot be read is said in the log."""
    try:
        return [EgressData.model_validate(note) for note in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, ValidationError) as error:
        log.warning("%s: who looked at a camera before cannot be read: %s", path, error)
        return []
