"""Whether anybody listens: once the broker says that nobody does, one event a while asks again.

A backlog sent again and again to nobody would cost a mobile link its month. Pure; times are handed in.
"""

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0


class Hush:
    """Everybody may speak, or everybody is quiet and one asks at growing intervals."""

    def __init__(self) -> None:
        self._until_s: float | None = None
        self._wait_s = FIRST_WAIT_S
        self._is_asking = False

    @property
    def is_quiet(self) -> bool:
        return self._until_s is not None

    def may_send(self, now_s: float) -> bool:
        return self._until_s is None or (now_s >= self._until_s and not self._is_asking)

    def sent(self) -> None:
        """Something was sent; while it is quiet, that is the question."""
        self._is_asking = self.is_quiet

    def unheard(self, now_s: float) -> None:
        """The broker had nobody to give it to. What was under way with the first such answer says nothing new."""
        if self.is_quiet and not self._is_asking:
            return
        self._is_asking = False
        self._until_s = now_s + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def heard(self) -> None:
        """Somebody listens."""
        self._until_s, self._wait_s, self._is_asking = None, FIRST_WAIT_S, False
