"""Sets of sequence numbers, kept as sorted disjoint closed ranges.

A backlog of a million events is one pair of numbers. Both ends use it: the counter for what it
still has to send, the province for what it has stored and what is missing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice


class Ranges:
    """A mutable set of whole numbers; `(first, last)` pairs in order, never touching each other."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in pairs:
            self.add(first, last)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __len__(self) -> int:
        """How many numbers are in the set."""
        return sum(last - first + 1 for first, last in self)

    def __contains__(self, number: int) -> bool:
        index = bisect_left(self._lasts, number)
        return index < len(self._firsts) and self._firsts[index] <= number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    def __hash__(self) -> int:
        raise TypeError("Ranges change; they have no hash")

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"

    @property
    def first(self) -> int | None:
        return self._firsts[0] if self._firsts else None

    @property
    def last(self) -> int | None:
        return self._lasts[-1] if self._lasts else None

    def add(self, first: int, last: int) -> None:
        """Put every number from *first* to *last* in; an empty range (first > last) changes nothing."""
        if first > last:
            return
        low = bisect_left(self._lasts, first - 1)
        high = bisect_left(self._firsts, last + 2)
        if low < high:
            first, last = min(first, self._firsts[low]), max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def remove(self, first: int, last: int) -> None:
        """Take every number from *first* to *last* out."""
        if first > last:
            return
        low = bisect_left(self._lasts, first)
        high = bisect_left(self._firsts, last + 1)
        if low >= high:
            return
        kept = []
        if self._firsts[low] < first:
            kept.append((self._firsts[low], first - 1))
        if self._lasts[high - 1] > last:
            kept.append((last + 1, self._lasts[high - 1]))
        self._firsts[low:high] = [pair[0] for pair in kept]
        self._lasts[low:high] = [pair[1] for pair in kept]

    def copy(self) -> "Ranges":
        """The same numbers, to be changed apart from these."""
        made = Ranges()
        made._firsts, made._lasts = self._firsts.copy(), self._lasts.copy()
        return made

    def without(self, other: Iterable[tuple[int, int]]) -> "Ranges":
        """A copy with every number of *other* taken out."""
        rest = self.copy()
        for first, last in other:
            rest.remove(first, last)
        return rest

    def within(self, first: int, last: int) -> "Ranges":
        """A copy of what lies between *first* and *last*."""
        return Ranges((max(first, a), min(last, b)) for a, b in self if a <= last and b >= first)

    def take(self, limit: int) -> tuple[int, int] | None:
        """Remove and return the lowest run of at most *limit* consecutive numbers."""
        if not self._firsts or limit < 1:
            return None
        first = self._firsts[0]
        last = min(self._lasts[0], first + limit - 1)
        self.remove(first, last)
        return first, last

    def pairs(self, limit: int) -> list[list[int]]:
        """The lowest *limit* ranges as JSON lists."""
        return [[first, last] for first, last in islice(self, limit)]
