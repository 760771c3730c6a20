"""The times of recorded video: a timeline that only rises, whatever a camera's clock does. Pure."""

from fractions import Fraction

TICKS_A_S = 90_000
TICK = Fraction(1, TICKS_A_S)
LONGEST_STEP_S = 2.0
"""Two pictures that say they are farther apart than this, or not apart at all, are timed by their arrival."""


class Timeline:
    """The recorder's own time, in ticks of 1/90000 s: rises with every picture, whatever a camera's clock does."""

    def __init__(self) -> None:
        self._at = 0
        self._told: float | None = None
        self._arrived: float | None = None

    def next(self, told_s: float | None, arrived_s: float) -> int:
        """When the picture that says *told_s* and arrived at *arrived_s* is decoded."""
        if self._arrived is None:
            step_s = 0.0
        else:
            step_s = told_s - self._told if told_s is not None and self._told is not None else 0.0
            if not 0 < step_s <= LONGEST_STEP_S:
                step_s = max(1 / TICKS_A_S, arrived_s - self._arrived)
        self._told, self._arrived = told_s, arrived_s
        self._at += max(1, round(step_s * TICKS_A_S)) if step_s else 0
        return self._at
