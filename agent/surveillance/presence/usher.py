"""The usher: keeps one camera's visits, also over restarts, and tells them when it is time.

One thread beside the camera's, so that a slow card keeps nobody waiting. The visits that wait are one small file in the
agent's own folder, written when somebody goes or is told. When the visit that goes on began stands to the second, and
so never on the card, which forgets nothing: it is in memory that a restart outlives and a power cut does not. A visit
that the agent's end cut ends when the agent was last alive; one that a power cut cut is not told. A power cut between
the outbox and that file tells a visit twice, with one nonce. Nothing is logged of a visit.
"""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.alive import LastLife
from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.files import replace_file
from agent.handover import Handover
from agent.service import Service
from agent.surveillance.facts import Cut
from agent.surveillance.presence.presence import Change
from agent.surveillance.presence.visits import Instant, Release, Seal, Visits

log = logging.getLogger(__name__)

WAIT_S = 1.0
LOOK_S = 15.0
"""Whether somebody is to be told of is asked so often."""
LIMIT_BYTES = 1024 * 1024
WAITING = 1000
"""Changes that were not taken in yet; the oldest is dropped."""


class Turns(Handover[tuple[Change, Cut]]):
    """Who came and went, on its way from a camera's service to its usher."""

    def __init__(self) -> None:
        super().__init__(WAITING)

    def turned(self, change: Change, cut: Cut) -> None:
        """As the camera's service tells it."""
        self.put((change, cut))


class Usher(Service):
    def __init__(
        self,
        name: str,
        visits: Visits,
        turns: Turns,
        *,
        file: Path,
        begun: Path | None,
        clock: Clock,
        seal: Seal,
        release: Release,
        append: Callable[..., object],
        life: LastLife | None = None,
    ) -> None:
        """*seal* and *release* are the ballot box's rule; *append* may raise TryAgain or PersonMustAct.

        *life* is the agent's life before this one. *begun* is a file in memory; None: a restart forgets who is there.
        """
        super().__init__()
        self.name = name
        self._visits = visits
        self._turns = turns
        self._file = file
        self._begun = begun
        self._clock = clock
        self._seal = seal
        self._release = release
        self._append = append
        self._life = life
        self._looked_at: float | None = None
        self._kept = b""
        self._is_refused = self._is_unkept = False

    def run(self, stop: threading.Event) -> None:
        if not self._visits.is_taken_over:
            self._take_over()
        while not stop.is_set():
            self.progress.beat()
            if (turned := self._turns.take(WAIT_S)) is not None:
                self._turn(*turned)
            if self._looked_at is None or self._clock.monotonic() - self._looked_at >= LOOK_S:
                self._looked_at = self._clock.monotonic()
                self._tell()
        while (turned := self._turns.take(0)) is not None:
            self._turn(*turned)
        self._tell()

    def wake(self) -> None:
        self._turns.wake()

    def _turn(self, change: Change, cut: Cut) -> None:
        moment = self._clock.read().before(self._clock.monotonic() - change.at)
        at = Instant(moment, self._clock.boot)
        if self._visits.turn(change.turn, at, self._seal, is_seen=change.is_seen, cut=cut):
            self._keep()
            if not self._visits.bucket_min:
                self._tell()

    def _tell(self) -> None:
        told, stays = self._visits.due(self._clock.read(), self._clock.boot, self._release)
        if len(stays) == len(self._visits.waiting):
            return
        try:
            if told:
                self._append(*told)
        except (TryAgain, PersonMustAct) as error:
            if not self._is_refused:
                log.warning("visits wait, for they cannot be stored: %s", error)
            self._is_refused = True
        else:
            if self._is_refused:
                log.info("visits are stored again")
            self._is_refused = False
            self._visits.waiting = stays
            self._visits.note_told(told)
            self._keep()

    # -- across lives ------------------------------------------------------------------------------

    def _take_over(self) -> None:
        """Go on where the life before stopped: whoever was there then was not seen leaving."""
        self._visits.is_taken_over = True
        try:
            notes = {"waiting": [], **(_read(self._file) or {}), "began": None}
            if self._begun is not None:
                notes.update(_read(self._begun) or {})
            self._visits.take_over(notes)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("the visits before this start cannot be read: %s", error)
        if self._visits.began is not None:
            life = self._life
            last = Instant(life.moment, life.boot) if life is not None else self._visits.began
            self._visits.end(last, self._seal, cut="agent")
            self._keep()

    def _keep(self) -> None:
        try:
            notes = self._visits.notes
            if self._begun is not None:
                self._begun.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(self._begun, json.dumps({"began": notes.pop("began")}).encode())
            notes["began"] = None
            kept = json.dumps(notes).encode()
            if kept != self._kept:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(self._file, kept)
                self._kept = kept
        except OSError as error:
            if not self._is_unkept:
                log.warning("visits would not outlive a restart: %s", error)
            self._is_unkept = True
        else:
            self._is_unkept = False


def _read(file: Path) -> Any:
    """What is noted in *file*; None without one."""
    try:
        return json.loads(file.read_bytes()) if file.stat().st_size <= LIMIT_BYTES else None
    except FileNotFoundError:
        return None
