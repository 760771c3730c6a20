"""The figures of a counter: each a pure function, with its definition and where it comes from.

`docs/figures.md` says the same for people. Shares are in percent, rounded to one decimal where they are told.
"""

from collections import deque
from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

ENOUGH = 30
"""Below so many ratings a share is no figure to publish: "chưa đủ dữ liệu"."""
Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""
MARGIN = 0.05
LOWEST = 0
WINDOW, TOO_MANY = 20, 3
FEW = 3
"""Cells of fewer ratings are hidden."""


def percent(part: int, whole: int) -> float:
    """*part* of *whole*, in percent to one decimal, as the one-stop forms print it."""
    return round(100 * part / whole, 1)


class Interval(NamedTuple):
    """Bounds of a share, in percent."""

    low: float
    high: float


def wilson(part: int, whole: int) -> Interval | None:
    """The 95 % score interval of the share *part* of *whole*; None of nothing.

    Wilson (1927), recommended for every sample size by Brown, Cai and DasGupta, "Interval Estimation for a Binomial
    Proportion" (2001). Unlike the textbook interval it never leaves 0 to 100 % and holds for the shares near 100 %
    that counters have. Counters are ranked by its lower bound.
    """
    if not whole:
        return None
    share, square = part / whole, Z95 * Z95
    centre = share + square / (2 * whole)
    reach = Z95 * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    scale = 100 / (1 + square / whole)
    low, high = (centre - reach) * scale, (centre + reach) * scale
    return Interval(max(0.0, round(low, 1)), min(100.0, round(high, 1)))


def needed_sample(transactions: int) -> int:
    """How many ratings a day of so many transactions takes for a margin of 5 %: n = N / (1 + N e²).

    Yamane's formula, as the Ministry of Home Affairs' method for measuring satisfaction uses it: 171 of 300, 240 of
    600.
    """
    return round(transactions / (1 + transactions * MARGIN**2))


def hidden(counts: Mapping[int, int]) -> frozenset[int]:
    """The cells of *counts* that are not told, so that nobody can work out a small one.

    A cell of one or two ratings says who was there at that hour. With one cell hidden, the total and the others would
    tell it, so the next smallest goes too (primary and complementary suppression with threshold 3, as in official
    statistics), and with it all that are as small: which of them went would tell again. An empty cell says nothing of
    anybody; empty ones are hidden only where there is no other.
    """
    small = {cell for cell, count in counts.items() if 0 < count < FEW}
    rest = {cell: count for cell, count in counts.items() if cell not in small}
    next_smallest = min((count for count in rest.values() if count), default=0)
    return frozenset(small | {cell for cell, count in rest.items() if count == next_smallest} if small else ())


class LowRatings:
    """The rule of the low-rating alert: at least 3 of the last 20 valid ratings are of the lowest level.

    At the national base of 3.55 % lowest ratings, chance alone brings this about in 3.3 % of all windows (2 of 20:
    15.7 %), so it is worth somebody's look and no more. It is told when it begins to hold and not again until it
    ceased. Fed in the order of lane `record`, that is after the ballot box has shuffled a bucket: never at a press.
    """

    def __init__(self) -> None:
        self._window: deque[tuple[str, int]] = deque(maxlen=WINDOW)

    @property
    def lowest(self) -> int:
        """How many of the window's ratings are of the lowest level."""
        return sum(level == LOWEST for _, level in self._window)

    @property
    def size(self) -> int:
        return len(self._window)

    @property
    def holds(self) -> bool:
        return self.lowest >= TOO_MANY

    def take(self, event_id: str, level: int, *, corrects: str | None = None) -> bool:
        """Count a valid rating, or a correction of one; whether the rule began to hold with it."""
        held = self.holds
        if corrects is None:
            self._window.append((event_id, level))
        else:
            self._window = deque(
                ((event_id, level) if each[0] == corrects else each for each in self._window), maxlen=WINDOW
            )
        return self.holds and not held
