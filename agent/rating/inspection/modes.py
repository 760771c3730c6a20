"""Modes: what a counter does besides serving citizens, a training or an inspection. Pure.

- Inside a mode every press is a rating as ever: stored, chained, thanked for. It carries the mode's flag and
  is not counted. Nothing a mode does can keep a citizen from pressing.
- There is no mode without an end. How long it has lasted is told by the age of the boot, which no setting of
  the clock changes; beyond the boot only by clocks that could be trusted at both ends. A mode of which
  nobody can say that it still lasts is over: whoever is in doubt counts.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from agent.clock import ClockQuality, Moment
from agent.data import EventData, Stamp
from agent.rating.record import Flag


class ModeKind(StrEnum):
    """What is going on."""

    TRAINING = "training"
    INSPECTION = "inspection"

    @property
    def flag(self) -> Flag:
        """What a rating of this mode carries."""
        return Flag(self.value)

    @property
    def limit_s(self) -> float:
        """How long it may last at most."""
        return 8 * 3600.0 if self is ModeKind.TRAINING else 30 * 60.0


BY_LENGTH = 80
"""Characters of a name of who asked."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Something granted for so long, to be judged in any later life of the agent."""

    by: str
    """Who asked for it."""
    boot: str
    began: Moment
    lasts_s: float

    def left_s(self, now: Moment, boot: str) -> float:
        """Seconds until its end, seen at *now* in *boot*; not above zero when it is over, or when nobody can say."""
        if boot == self.boot:
            gone_s = (now.age - self.began.age).total_seconds()
        elif now.quality.is_trusted and self.began.quality.is_trusted:
            gone_s = (now.at - self.began.at).total_seconds()
        else:
            return 0.0
        return self.lasts_s - gone_s if gone_s >= 0 else 0.0

    def cut(self, now: Moment, boot: str) -> "Lease":
        """The same lease, over at *now*; one that was over stays as it was."""
        return replace(self, lasts_s=self.lasts_s - max(0.0, self.left_s(now, boot)))

    def body(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "boot": self.boot,
            "at": self.began.at.isoformat(timespec="milliseconds"),
            "age_s": round(self.began.age.total_seconds(), 3),
            "clock": self.began.quality,
            "lasts_s": round(self.lasts_s, 3),
        }

    @classmethod
    def of(cls, body: dict[str, Any], limit_s: float) -> "Lease":
        """Read what `body` gave.

        Raises:
            ValueError, KeyError, TypeError, OverflowError: it is none, or longer than *limit_s*.
        """
        at = datetime.fromisoformat(body["at"])
        booted = at.astimezone(UTC) - timedelta(seconds=body["age_s"])
        if at.tzinfo is None or not 0 <= body["lasts_s"] <= limit_s:
            raise ValueError("not a lease")
        began = Moment(at, ClockQuality(body["clock"]), booted)
        return cls(str(body["by"]), str(body["boot"]), began, float(body["lasts_s"]))


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode that was asked for."""

    kind: ModeKind
    lease: Lease

    def encode(self) -> bytes:
        return json.dumps({"mode": self.kind, **self.lease.body()}, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, body: bytes) -> "Mode":
        """Read what `encode` wrote.

        Raises:
            ValueError: not a whole mode, or one that lasts longer than its kind may.
        """
        try:
            found = json.loads(body)
            kind = ModeKind(found["mode"])
            return cls(kind, Lease.of(found, kind.limit_s))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a mode: {error!r}") from error


class ModeChange(EventData):
    """An `alert`: from here on ratings are not counted, or are counted again."""

    code: Literal["MODE_BEGAN", "MODE_ENDED"]
    mode: ModeKind
    by: str
    """Who asked for it."""
    began: Stamp
    lasts_s: int
    """How long it was granted for; in `MODE_ENDED`, how long it lasted."""

    @classmethod
    def of(cls, code: Literal["MODE_BEGAN", "MODE_ENDED"], mode: Mode) -> "ModeChange":
        lease = mode.lease
        return cls(code=code, mode=mode.kind, by=lease.by, began=lease.began.at, lasts_s=round(lease.lasts_s))
