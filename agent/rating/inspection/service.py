"""Leads an inspector through an inspection: hears the keys, shows the steps, stores the result.

One thread. Every press reaches it beside its way to the desk, which judges and stores it whatever happens here; it
waits in a small queue, and when that is full the newest is not heard. An inspection is on while the sign says so; a
restart begins it again at its first step, within the time that was granted. Its result, and every wrong code, waits
here while the outbox refuses.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact
from agent.language import Language
from agent.panel import Panel
from agent.rating.inspection.chord import Chord, CodeMissed, Verdict
from agent.rating.inspection.findings import Findings
from agent.rating.inspection.guide import code_strip, findings_panel, step_panel
from agent.rating.inspection.inspection import LASTS_S, Inspection, Step
from agent.rating.inspection.modes import Mode, ModeKind
from agent.rating.inspection.sign import Sign
from agent.rating.inspection.slip import Slip
from agent.rating.keypad.keys import Contact, Keys, Touch
from agent.rating.scale import Scale
from agent.rating.tray import Arrival, Felt
from agent.service import Service

log = logging.getLogger(__name__)

LOOK_S = 0.25
WAITING = 20
"""Events that wait for an outbox that refuses; then the oldest goes."""


@dataclass(frozen=True)
class Fitted:
    """What this counter has to be inspected."""

    scale: Scale
    keys: Mapping[str, Keys]
    """By keypad."""
    has_qr: bool
    cameras: Sequence[str]


@dataclass(frozen=True)
class Evidence:
    """Where the inspector's evidence comes from."""

    look: Callable[[], Mapping[str, bool]]
    """Looks at every camera; may take some seconds."""
    findings: Callable[[], Findings]
    """Thirty days; raises TryAgain while the disk refuses."""
    heads: Callable[[], str]
    """The chain heads of all lanes in one line."""
    draw: Callable[[str], str]
    """A text as the SVG of a QR code."""


class InspectionService(Service):
    name = "inspection"
    patience_s = 60.0

    def __init__(
        self,
        sign: Sign,
        slip: Slip,
        felt: Felt,
        *,
        fitted: Fitted,
        evidence: Evidence,
        append: Callable[..., object],
        show: Callable[[Panel | None], None],
        language: Language,
        clock: Clock,
    ) -> None:
        super().__init__()
        self._sign, self._slip, self._felt = sign, slip, felt
        self._fitted, self._evidence = fitted, evidence
        self._append, self._show, self._words, self._clock = append, show, language, clock
        self._contacts = {keypad: Contact(keys) for keypad, keys in fitted.keys.items()}
        self._chord = Chord(fitted.scale.best)
        self._opened = threading.Event()
        self._mode: Mode | None = None
        self._inspection: Inspection | None = None
        self._ends_at = float("inf")
        self._by_keys: Mode | None = None
        """The inspection that was opened at the keypad."""
        self._found: tuple[Findings | None, str, str] | None = None
        self._shown: Panel | None = None
        self._facts: deque[Fact] = deque(maxlen=WAITING)
        self._is_refused = False

    def qr_opened(self) -> None:
        """A phone opened what the QR code says; from any thread."""
        self._opened.set()

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self.progress.beat()
                self.turn(self._felt.take(LOOK_S))
        finally:
            self._show(None)

    def wake(self) -> None:
        self._felt.wake()

    def turn(self, arrival: Arrival | None) -> None:
        """One look: at the sign, at a press if there is one, at the time."""
        self._follow_the_sign()
        if arrival is not None:
            self._hear(arrival)
            self._follow_the_sign()
        if self._inspection is not None:
            self._advance(self._inspection)
        self._draw()
        self._store()

    def _follow_the_sign(self) -> None:
        mode = self._sign.mode
        is_on = mode is not None and mode.kind is ModeKind.INSPECTION and self._sign.left_s > 0
        if self._inspection is not None and self._mode is not None and (not is_on or _other(mode, self._mode)):
            self._finish(self._inspection, self._mode)
        if is_on and self._inspection is None:
            self._mode, self._found = mode, None
            self._ends_at = self._clock.monotonic() + self._sign.left_s
            self._opened.clear()
            self._inspection = Inspection(
                [(keypad, level) for keypad, keys in self._fitted.keys.items() for level in _levels(keys)],
                has_qr=self._fitted.has_qr,
                cameras=self._fitted.cameras,
                since=self._clock.monotonic(),
            )

    def _hear(self, arrival: Arrival) -> None:
        contact = self._contacts.get(arrival.keypad)
        press = arrival.press
        if contact is None or contact.feel(press.code, press.at_monotonic) is not Touch.PRESS:
            return
        level = self._fitted.keys[arrival.keypad].levels[press.code]
        if self._inspection is not None:
            self._inspection.press(arrival.keypad, level, press.at_monotonic)
        else:
            self._hear_code(level, press.at_monotonic)

    def _hear_code(self, level: int, at: float) -> None:
        passcode = self._slip.passcode
        if passcode is None:
            return
        typed = self._chord.feel(level, at, length=len(passcode.code))
        if typed is None:
            return
        try:
            judged = self._slip.try_code(typed)
            if judged is None:
                return
            verdict, passcode = judged
            if verdict is Verdict.RIGHT:
                self._by_keys = self._sign.hang(ModeKind.INSPECTION, by=passcode.lease.by, lasts_s=LASTS_S)
                return
        except TryAgain as error:
            log.warning("an inspection code was typed and cannot be used: %s", error)
            return
        log.warning("a wrong inspection code was typed; %d tries are left", passcode.tries_left)
        missed = CodeMissed(by=passcode.lease.by, tries_left=passcode.tries_left)
        self._facts.append(Fact.seen(EventType.ALERT, self._clock.read(), missed.payload()))

    def _advance(self, inspection: Inspection) -> None:
        now = self._clock.monotonic()
        if self._opened.is_set():
            self._opened.clear()
            inspection.qr_opened(now)
        if inspection.step is Step.CAMERA:
            self._draw()
            inspection.looked(self._evidence.look(), now)
            self.progress.beat()
        inspection.wait(self._clock.monotonic())
        if inspection.step is Step.FINDINGS and self._found is None:
            self._found = self._look_back()
        if inspection.step is Step.OVER and self._mode is not None:
            self._finish(inspection, self._mode)
            self._sign.end(ModeKind.INSPECTION)

    def _look_back(self) -> tuple[Findings | None, str, str]:
        heads = self._evidence.heads()
        try:
            found: Findings | None = self._evidence.findings()
        except TryAgain as error:
            log.warning("the last thirty days cannot be read: %s", error)
            found = None
        self.progress.beat()
        return found, heads, self._evidence.draw(heads)

    def _finish(self, inspection: Inspection, mode: Mode) -> None:
        now = self._clock.read()
        lease = mode.lease
        opened: Literal["command", "keys"] = (
            "keys" if self._by_keys is not None and not _other(self._by_keys, mode) else "command"
        )
        took_s = lease.lasts_s - max(0.0, lease.left_s(now, self._clock.boot))
        heads = self._found[1] if self._found is not None else self._evidence.heads()
        data = inspection.data(by=lease.by, opened=opened, took_s=took_s, heads=heads)
        self._facts.append(Fact.seen(EventType.INSPECTION, now, data.payload()))
        log.info("the inspection is over: %s, %d things were not right", data.ended, len(data.failed))
        self._inspection = self._mode = self._found = None

    def _draw(self) -> None:
        panel = self._panel()
        if panel != self._shown:
            self._shown = panel
            self._show(panel)

    def _panel(self) -> Panel | None:
        inspection, mode, now = self._inspection, self._mode, self._clock.monotonic()
        if inspection is None or mode is None:
            passcode, typed = self._slip.passcode, self._chord.typed(now)
            if passcode is None or typed is None:
                return None
            return code_strip(self._words, typed, len(passcode.code))
        if self._found is not None:
            found, heads, drawing = self._found
            return findings_panel(inspection, self._words, found, heads=heads, drawing=drawing, ends_at=self._ends_at)
        return step_panel(inspection, self._words, self._fitted.scale, ends_at=self._ends_at)

    def _store(self) -> None:
        if not self._facts:
            return
        try:
            self._append(*self._facts)
        except (TryAgain, PersonMustAct) as error:
            if not self._is_refused:
                log.warning("what an inspection found cannot be stored yet: %s", error)
            self._is_refused = True
        else:
            self._facts.clear()
            self._is_refused = False


def _levels(keys: Keys) -> list[int]:
    """The levels that a keypad has keys for, the best first."""
    return sorted(set(keys.levels.values()), reverse=True)


def _other(mode: Mode | None, than: Mode) -> bool:
    return mode is None or (mode.kind, mode.lease.began) != (than.kind, than.lease.began)
