"""What a measurement says: rows of the table, and the few sums behind them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: more says more and takes longer."""

    presses: int
    """Presses whose time is taken."""
    lives: int
    """Ratings whose whole life is counted at the device."""
    backlog: int
    drained_singly: int
    """What a rival that sends one by one is given: it needs longer for each."""
    great_backlog: int
    rounds: int
    film_s: int
    """Length of the film that a camera sends; of half of it where every moment is measured."""


FULL = Size(1000, 1500, backlog=100_000, drained_singly=10_000, great_backlog=1_000_000, rounds=5, film_s=40)
QUICK = Size(200, 600, backlog=20_000, drained_singly=2_000, great_backlog=100_000, rounds=3, film_s=16)
SMOKE = Size(10, 30, backlog=1_200, drained_singly=200, great_backlog=1_500, rounds=1, film_s=2)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours to theirs, paired: the median of the pairs, and the middle half of them."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    here: str
    beside: str = ""
    """What it is held against, with that one's own figure."""
    ratio: Ratio | None = None
    reach: str = ""
    """What was to be reached, in words; empty: nothing was promised."""
    reached: bool | None = None


class NotPossible(Exception):
    """This machine cannot measure that; the message says what is missing."""


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of values taken in turns, pair by pair."""
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Ratio(median(pairs), percentile(pairs, 25), percentile(pairs, 75))


def ratio_of_blocks(
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    blocks: int = 10,
    percent: float = 50.0,
) -> Ratio:
    """Of many values taken in turns: a percentile of each block of neighbours against the other's, then as `ratio`."""
    length = max(1, len(ours) // blocks)
    starts = range(0, len(ours) - length + 1, length)
    return ratio(
        [percentile(ours[start : start + length], percent) for start in starts],
        [percentile(theirs[start : start + length], percent) for start in starts],
    )


def us(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"
