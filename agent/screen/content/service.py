"""The content service: from the province's word to what the screen plays, and never less than what it played before.

A word is judged, its files are fetched one after another and taken in like anybody's, and only when each of them is
in the media store does the set become the active one, in a single step. Downloads yield: to ratings and alerts that
wait to be sent, to the hours and the daily limit of the settings, to the last tenth of the card. Whatever
goes wrong is said to the province and in health, and what plays goes on playing. One thread.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from datetime import date
from pathlib import Path

from agent.clock import Clock
from agent.errors import SystemReason, TryAgain
from agent.health import OK, Condition, Health, Status
from agent.language import Language
from agent.screen.content.allowance import Allowance
from agent.screen.content.fetch import BLOCK_BYTES, Fetcher, sweep
from agent.screen.content.inbox import Inbox
from agent.screen.content.line import PATIENT, Broken, Limits, tls_context
from agent.screen.content.manifest import ContentRefused, File, Word, public_key, read_word
from agent.screen.content.sets import Sets
from agent.screen.content.teller import Teller
from agent.screen.media.ingest import Ingest
from agent.screen.media.medium import Record
from agent.screen.media.store import NoRoom
from agent.service import Service
from agent.settings.content import Content
from agent.uplink.backoff import Backoff

log = logging.getLogger(__name__)

COMPONENT = "content"
TICK_S = 0.5
IDLE_S = 2.0
"""So often it looks whether the province said something, while nothing is on its way."""
GATE_S = 1.0
"""So often it is asked during a download whether it may go on."""
SPREAD_S, CAP_S = 10.0, 600.0
YIELDS = frozenset({"link", "backlog", "hours", "clock", "cap"})
"""Reasons to wait that are nobody's fault."""
UNCONFIGURED = Condition(Status.DEGRADED, "CONTENT_NOT_CONFIGURED")


class _Interrupted(Exception):
    """The service stops, or something newer is to be read first."""


class ContentService(Service):
    """Reads the province's words, fetches, activates, reports."""

    name = "content"
    patience_s = 60.0

    def __init__(
        self,
        settings: Content | None,
        *,
        sets: Sets,
        ingest: Ingest,
        inbox: Inbox,
        health: Health,
        clock: Clock,
        language: Language,
        yields_to: Callable[[], str | None],
        tell: Callable[[bytes], None],
        link: Callable[[], int | None],
        limits: Limits = PATIENT,
        backoff: Callable[[], Backoff] = lambda: Backoff(spread_s=SPREAD_S, cap_s=CAP_S),
    ) -> None:
        """*yields_to* names what goes before a download now (`link`, `backlog`), *tell* says the report to the
        province, *link* is the number of the connection that there is."""
        super().__init__()
        self._settings, self._sets, self._ingest, self._inbox = settings, sets, ingest, inbox
        self._health, self._clock, self._language = health, clock, language
        self._yields_to = yields_to
        self._limits, self._backoff_made = limits, backoff
        self._parts = sets.folder / "parts"
        self._stop = threading.Event()
        self._refusal: tuple[ContentRefused, Word | None] | None = None
        self._is_damaged, self._losses = False, 0
        self._waits: Broken | None = None
        self._again_at_s = 0.0
        self._gate_at_s = 0.0
        self._backoff = backoff()
        self._teller = Teller(sets, self._parts, self._spelled, tell, link)
        self._is_unconfigured = False

    # -- the loop ----------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        self._stop = stop
        with suppress(_Interrupted):
            self._begin()
        while not stop.is_set():
            with suppress(_Interrupted):
                if self._ingest.store.losses != self._losses:
                    self._begin()
                self._read()
                self._load()
            self._turn()
            stop.wait(IDLE_S if self._sets.loading is None else TICK_S)

    def _begin(self) -> None:
        """Look whether what is shown is whole; fall back on the set before it if not."""
        self._losses = self._ingest.store.losses
        if not self._sets.check(self._beat):
            log.warning("content: files of the active set are damaged")
            self._is_damaged = True
            with suppress(OSError):
                self._sets.roll_back(is_order=False)
        if self._settings is not None:
            self._prepare(self._sets.lost)
        else:
            sweep(self._parts)

    def _beat(self) -> None:
        self.progress.beat()
        if self._stop.is_set():
            raise _Interrupted

    def _turn(self) -> None:
        self.progress.beat()
        self._health.report(COMPONENT, self._condition())
        self._report()

    def _read(self) -> None:
        while (payload := self._inbox.take()) is not None:
            if not payload:
                continue
            if self._settings is None:
                self._is_unconfigured = True
                log.warning("content: the province sends some; screen.content is not configured")
                continue
            word: Word | None = None
            try:
                word = read_word(payload, key=public_key(self._settings.key_file), hosts=self._settings.hosts)
                if self._sets.judge(word):
                    self._prepare(word)
            except ContentRefused as refused:
                self._refuse(refused, word)

    def _prepare(self, word: Word | None) -> None:
        """Fetch *word* from now on, in the place of what was being fetched."""
        if word is None or word == self._sets.loading:
            return
        if self._sets.loading is not None and word.manifest.version < self._sets.loading.manifest.version:
            return
        self._sets.loading, self._refusal, self._waits, self._again_at_s = word, None, None, 0.0
        self._backoff = self._backoff_made()
        log.info("content: set %s, version %d, is being fetched", word.manifest.set, word.manifest.version)
        sweep(self._parts, {file.sha256 for file in word.manifest.files})

    def _refuse(self, refused: ContentRefused, word: Word | None) -> None:
        log.warning("content: refused: %s", self._spelled(refused))
        if self._refusal is None or refused.reason != "older":
            self._refusal = refused, word

    # -- fetching ----------------------------------------------------------------------------------

    def _load(self) -> None:
        word = self._sets.loading
        if word is None or self._settings is None or time.monotonic() < self._again_at_s:
            return
        began_s = time.monotonic()
        try:
            for file in self._sets.missing(word):
                self._bring(file, word, self._settings)
            if self._sets.missing(word):  # one has gone while another came
                raise Broken("ingest")
            self._sets.activate(word)
        except ContentRefused as refused:
            self._sets.loading = None
            self._refuse(refused, word)
        except Broken as broken:
            self._wait(broken, time.monotonic() - began_s)
        except NoRoom:
            self._wait(Broken("room"), 0)
        except TryAgain:
            self._wait(Broken("ingest"), 0)
        except OSError as error:
            self._wait(Broken("disk", error=SystemReason.of(error)), 0)
        else:
            log.info("content: set %s, version %d, is shown", word.manifest.set, word.manifest.version)
            self._waits, self._is_damaged = None, False

    def _wait(self, broken: Broken, held_s: float) -> None:
        if self._waits is None or self._waits.reason != broken.reason:
            log.info("content: waits: %s", self._language.text(f"content.waits.{broken.reason}", **broken.values))
        self._waits = broken
        wait_s = GATE_S if broken.reason in YIELDS else self._backoff.lost(held_s=held_s)
        self._again_at_s = time.monotonic() + wait_s

    def _bring(self, file: File, word: Word, settings: Content) -> None:
        """Fetch *file* and have it taken in."""
        self._ask_gate()
        if (known := self._ingest.store.known(file.source)) is not None:
            self._check(known, file)
        self._ingest.store.check_room(file.bytes)
        allowance = self._allowance(settings)

        def spend(count: int) -> None:
            self._ingest.store.check_room(BLOCK_BYTES)
            allowance.spend(count)

        fetcher = Fetcher(
            self._parts, tls_context(settings.ca_file), wanted=self._wanted, spend=spend, limits=self._limits
        )
        try:
            path = fetcher.fetch(file, word.manifest.base)
        finally:
            allowance.settle()
        self._backoff, self._waits = self._backoff_made(), None
        self._check(self._taken_in(path), file)
        path.unlink(missing_ok=True)

    def _taken_in(self, path: Path) -> Record:
        ticket: Future[Record] = self._ingest.submit(path)
        try:
            while True:
                try:
                    return ticket.result(timeout=TICK_S)
                except NotYet:
                    self._wanted()
                    self._turn()
        finally:
            ticket.cancel()

    def _check(self, record: Record, file: File) -> None:
        """Raises ContentRefused: no screen shows *file*. Raises Broken: it is not what was fetched, or may yet do."""
        if record.source not in ("", file.source):
            (self._parts / file.sha256).unlink(missing_ok=True)
            raise Broken("hash")
        if record.may_be_tried_again:
            raise Broken("ingest")
        if record.refusal is not None:
            (self._parts / file.sha256).unlink(missing_ok=True)
            why = self._language.text(f"screen.refused.{record.refusal.reason}", **record.refusal.values)
            raise ContentRefused("file", name=file.name, why=why)

    def _allowance(self, settings: Content) -> Allowance:
        return Allowance(self._sets.folder / "spent.json", settings.daily_mb * 10**6, self._today)

    def _today(self) -> date | None:
        now = self._clock.read()
        return now.at.date() if now.quality.is_trusted else None

    def _wanted(self) -> None:
        """Called again and again while something is fetched or taken in."""
        self._beat()
        if not self._inbox.is_empty:
            raise _Interrupted
        now_s = time.monotonic()
        if now_s >= self._gate_at_s:
            self._ask_gate()
            self._turn()

    def _ask_gate(self) -> None:
        """Raises Broken: something goes before a download now."""
        self._gate_at_s = time.monotonic() + GATE_S
        if (reason := self._yields_to()) is not None:
            raise Broken(reason)
        if self._settings is not None and self._settings.window:
            now = self._clock.read()
            if not now.quality.is_trusted:
                raise Broken("clock")
            if not self._settings.is_open(now.at.strftime("%H:%M")):
                raise Broken("hours", hours=", ".join(self._settings.window))

    # -- what is said of it ------------------------------------------------------------------------

    def _spelled(self, refused: ContentRefused) -> str:
        return self._language.text(f"content.refused.{refused.reason}", **refused.values)

    def _condition(self) -> Condition:
        if self._settings is None:
            return UNCONFIGURED if self._is_unconfigured else Condition(Status.OFF, "CONTENT_OFF")
        if self._refusal is not None and self._refusal[0].reason != "older":
            return Condition(Status.DEGRADED, "CONTENT_REFUSED", {"reason": self._spelled(self._refusal[0])})
        if self._is_damaged:
            return Condition(Status.DEGRADED, "CONTENT_DAMAGED")
        if self._waits is not None and self._waits.reason not in YIELDS and self._sets.loading is not None:
            return Condition(Status.DEGRADED, "CONTENT_WAITS", {"reason": self._waiting})
        return OK

    @property
    def _waiting(self) -> str | None:
        waits = self._waits
        return None if waits is None else self._language.text(f"content.waits.{waits.reason}", **waits.values)

    def _report(self) -> None:
        if self._settings is not None:
            self._teller.tell(self._waiting, self._refusal)
