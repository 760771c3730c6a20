"""An inspection, step by step: keys, QR code, camera, findings. Pure: told what happens and when, it says what is next.

- Keys: each key of each keypad is named and must be pressed. A key that sends another's code has a swapped cap or a
  swapped map, one that sends nothing is dead. Three wrong presses or twenty silent seconds settle it.
- QR code: a phone that opened it has read it. A key passes on: then it was not read.
- Camera: each is there when it is healthy and shows a new picture now. No picture leaves the box.
- Findings: shown until a key is pressed, or for two minutes where there is none. The result is one event, whatever was
  left out.

A step that this counter has no device for is not there. Moments are monotonic seconds and are handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from agent.data import EventData

LASTS_S = 600.0
"""It is over by itself then."""
KEY_S, QR_S, CAMERA_S = 20.0, 90.0, 20.0
READ_S = 120.0
"""How long the findings stay where there is no key to end them with."""
TRIES = 3
PAUSE_S = 1.0
"""A press so soon after a step began belongs to the step before."""


class Step(StrEnum):
    KEYS = "keys"
    QR = "qr"
    CAMERA = "camera"
    FINDINGS = "findings"
    OVER = "over"


class KeyTried(EventData):
    """One key of one keypad."""

    keypad: str
    level: int
    """What the key that was named shall mean."""
    pressed: tuple[int, ...] = ()
    """What came, in order; empty: nothing."""

    @property
    def is_right(self) -> bool:
        return self.pressed[-1:] == (self.level,)


class InspectionData(EventData):
    """`data` of `vn.motcua.inspection.v1`: what an inspector found at the counter."""

    by: str
    """Who asked for it."""
    opened: Literal["command", "keys"]
    """By the province's order, or at the keypad with a one-time code."""
    ended: Literal["finished", "time"]
    took_s: int
    keys: tuple[KeyTried, ...]
    """In the order in which they were named; those not reached are missing."""
    qr: Literal["read", "not_read", "none"]
    cameras: dict[str, Literal["seen", "not_seen"]]
    failed: tuple[str, ...]
    """What was not right: `key/<keypad>/<level>`, `qr`, `camera/<name>`."""
    heads: str
    """The chain heads that the inspector photographed, as the QR code said them."""


@dataclass(slots=True)
class Inspection:
    """One inspection of one counter."""

    wanted: Sequence[tuple[str, int]]
    """Keypad and level of every key, in the order in which they are asked for."""
    has_qr: bool
    cameras: Sequence[str]
    since: float
    """When the present step, or the wait for the present key, began."""
    step: Step = Step.KEYS
    tried: list[KeyTried] = field(default_factory=list)
    is_qr_read: bool = False
    seen: dict[str, bool] = field(default_factory=dict)
    _pressed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._skip_what_is_not_there(self.since)

    @property
    def key(self) -> tuple[str, int] | None:
        """The key that is asked for now."""
        return self.wanted[len(self.tried)] if self.step is Step.KEYS else None

    @property
    def last_pressed(self) -> int | None:
        """What came in the place of the key that is asked for."""
        return self._pressed[-1] if self._pressed else None

    # -- what happens ------------------------------------------------------------------------------

    def press(self, keypad: str, level: int, at: float) -> None:
        """A key was pressed."""
        key = self.key
        if key is not None:
            if keypad != key[0]:
                return
            self._pressed.append(level)
            if level == key[1] or len(self._pressed) >= TRIES:
                self._settle_key(at)
            else:
                self.since = at
        elif at - self.since >= PAUSE_S and self.step in (Step.QR, Step.FINDINGS):
            self._go_on(at)

    def qr_opened(self, at: float) -> None:
        """A phone has read the QR code and opened what it says."""
        if self.step is Step.QR:
            self.is_qr_read = True
            self._go_on(at)

    def looked(self, there: Mapping[str, bool], at: float) -> None:
        """Each camera was looked at: whether it is there, with a new picture."""
        if self.step is Step.CAMERA:
            self.seen = {name: self.seen.get(name, False) or is_there for name, is_there in there.items()}
            if all(self.seen.get(name, False) for name in self.cameras):
                self._go_on(at)

    def wait(self, at: float) -> None:
        """Time has passed."""
        limits_s = {Step.KEYS: KEY_S, Step.QR: QR_S, Step.CAMERA: CAMERA_S}
        limit_s = (limits_s if self.wanted else {**limits_s, Step.FINDINGS: READ_S}).get(self.step)
        if limit_s is not None and at - self.since >= limit_s:
            if self.step is Step.KEYS:
                self._settle_key(at)
            else:
                self._go_on(at)

    # -- what came out -----------------------------------------------------------------------------

    def failed(self) -> tuple[str, ...]:
        """What was not right, of everything that was tried."""
        wrong = [f"key/{tried.keypad}/{tried.level}" for tried in self.tried if not tried.is_right]
        if self.has_qr and not self.is_qr_read and self.step in (Step.CAMERA, Step.FINDINGS, Step.OVER):
            wrong.append("qr")
        if self.step in (Step.FINDINGS, Step.OVER):
            wrong += [f"camera/{name}" for name in self.cameras if not self.seen.get(name, False)]
        return tuple(wrong)

    def data(self, *, by: str, opened: Literal["command", "keys"], took_s: float, heads: str) -> InspectionData:
        """The event of it; what was not reached counts as not right."""
        ended: Literal["finished", "time"] = "finished" if self.step is Step.OVER else "time"
        missing = [f"key/{keypad}/{level}" for keypad, level in self.wanted[len(self.tried) :]]
        self.step = Step.OVER
        return InspectionData(
            by=by,
            opened=opened,
            ended=ended,
            took_s=round(took_s),
            keys=tuple(self.tried),
            qr="none" if not self.has_qr else "read" if self.is_qr_read else "not_read",
            cameras={name: "seen" if self.seen.get(name, False) else "not_seen" for name in self.cameras},
            failed=(*missing, *self.failed()),
            heads=heads,
        )

    def _settle_key(self, at: float) -> None:
        keypad, level = self.wanted[len(self.tried)]
        self.tried.append(KeyTried(keypad=keypad, level=level, pressed=tuple(self._pressed)))
        self._pressed.clear()
        self.since = at
        self._skip_what_is_not_there(at)

    def _go_on(self, at: float) -> None:
        steps = list(Step)
        self.step, self.since = steps[steps.index(self.step) + 1], at
        self._skip_what_is_not_there(at)

    def _skip_what_is_not_there(self, at: float) -> None:
        if (
            (self.step is Step.KEYS and len(self.tried) == len(self.wanted))
            or (self.step is Step.QR and not self.has_qr)
            or (self.step is Step.CAMERA and not self.cameras)
        ):
            self._go_on(at)
