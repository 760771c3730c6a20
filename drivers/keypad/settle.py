"""A contact that bounces -> one that does not. Pure: states and moments are handed in.

A change counts when the contact has stayed there for the settling time; whatever it did before then was
bouncing. So a press is told once, `settle_s` after its last bounce, a spike shorter than that is nothing,
and no release can be lost, because it is the state that is judged and not the number of edges.
"""


class Settle:
    """One contact."""

    def __init__(self, settle_s: float, *, is_closed: bool) -> None:
        """*is_closed* is how it is found: a key that is down already was not pressed."""
        self._settle_s = settle_s
        self._raw = self.is_closed = is_closed
        self._raw_since = float("-inf")

    def feel(self, at: float, *, is_closed: bool) -> bool:
        """The contact is seen closed or open at *at*; True when it has thereby, or before, settled as closed anew."""
        has_closed = self.judge(at)
        if is_closed != self._raw:
            self._raw, self._raw_since = is_closed, at
        return has_closed

    def look(self, at: float, *, is_closed: bool) -> bool:
        """The contact itself says at *at* how it is, whatever its edges said; True when it has settled as closed."""
        if is_closed != self._raw:
            self._raw, self._raw_since = is_closed, at
            return False
        return self.judge(at)

    def judge(self, at: float) -> bool:
        """Whether it has settled as closed, at *at*, and was open before. Told once."""
        if self._raw == self.is_closed or at - self._raw_since < self._settle_s:
            return False
        self.is_closed = self._raw
        return self.is_closed

    @property
    def due_at(self) -> float | None:
        """When there is something to judge; None while nothing bounces."""
        return None if self._raw == self.is_closed else self._raw_since + self._settle_s
