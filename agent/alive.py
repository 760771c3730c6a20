"""The alive mark: one small file, written once a minute, that dates a power cut afterwards.

It is all that the agent writes periodically, but for the pulse of a counter with cameras
(`agent.surveillance.coverage.watchbook`). It says which boot the box was in, what its clock said
and how far that was to be believed, the last time the box saw (the floor under the next life's clock), which
parts of the counter were gone, and whether the agent ended on purpose. After a cut the old mark or the new one
is there, whole (`agent.files`). A file that cannot be read as a mark counts as none.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.clock import ClockQuality, LastSeen, Moment
from agent.files import replace_file


class Ending(StrEnum):
    """How a life of the agent ended."""

    CLEAN = "clean"
    """It was told to stop."""
    KILLED = "killed"
    """The agent died and the machine went on: a crash, a kill, the watchdog."""
    POWER = "power"
    """The machine died with it: a power cut, or a kernel that hung."""


@dataclass(frozen=True, slots=True)
class AliveMark:
    """The box was alive at `moment`."""

    boot: str
    moment: Moment
    floor: datetime
    is_clean: bool
    """The agent's last words: it ended on purpose right after."""
    outages: tuple[Any, ...] = ()
    """What is gone at that moment, as `agent.rating.figures.ledger` notes it: a power cut does not end it unseen."""

    @property
    def seen(self) -> LastSeen:
        return LastSeen(self.boot, self.moment, self.floor)

    def encode(self) -> bytes:
        body: dict[str, Any] = {
            "boot": self.boot,
            "age_s": round(self.moment.age.total_seconds(), 3),
            "at": self.moment.at.isoformat(timespec="milliseconds"),
            "clock": self.moment.quality,
            "floor": self.floor.isoformat(timespec="milliseconds"),
            "clean": self.is_clean,
        }
        if self.outages:
            body["outages"] = self.outages
        return json.dumps(body).encode() + b"\n"

    @classmethod
    def decode(cls, body: bytes) -> "AliveMark":
        """Read what `encode` wrote.

        Raises:
            ValueError: not a whole mark.
        """
        try:
            found = json.loads(body)
            at, floor = (datetime.fromisoformat(found[key]) for key in ("at", "floor"))
            booted = at.astimezone(UTC) - timedelta(seconds=found["age_s"])
            floor = floor.astimezone(UTC)
            boot, is_clean, outages = found["boot"], found["clean"], tuple(found.get("outages", ()))
            moment = Moment(at, ClockQuality(found["clock"]), booted)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not an alive mark: {error!r}") from error
        if at.tzinfo is None or not isinstance(boot, str) or not isinstance(is_clean, bool):
            raise ValueError("not an alive mark")
        return cls(boot, moment, floor, is_clean, outages)


@dataclass(frozen=True, slots=True)
class LastLife:
    """The life of the agent before this one: how it ended, and when it was last seen."""

    ending: Ending
    boot: str
    moment: Moment
    """Within a minute before the end; exactly the end of a clean one."""


def last_life(mark: AliveMark | None, boot: str) -> LastLife | None:
    """What *mark* says of the life that left it, seen from a life in *boot*; None without a mark."""
    if mark is None:
        return None
    died = Ending.KILLED if mark.boot == boot else Ending.POWER
    return LastLife(Ending.CLEAN if mark.is_clean else died, mark.boot, mark.moment)


def read_mark(path: Path) -> AliveMark | None:
    """The mark at *path*; None when there is none that can be read."""
    try:
        return AliveMark.decode(path.read_bytes())
    except (OSError, ValueError):
        return None


def write_mark(path: Path, mark: AliveMark) -> None:
    """Replace the mark at *path*; when this returns, a power cut cannot take it back.

    Raises:
        OSError: the disk refuses; the mark before is still there.
    """
    replace_file(path, mark.encode())
