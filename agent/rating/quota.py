"""The quota of a slot: no more votes of one slot of the QR count than its tokens can honestly bring. Pure.

Flagged, never refused: whether a vote is too many is for the figures. Votes from the portal may come days later
and in any order, so the last `SLOTS` slots are remembered, whichever they are. One thread.
"""

from agent.rating.token import Token

SLOTS = 2880
"""Two days of slots of a minute."""


class Quota:
    """How many votes each slot has had."""

    def __init__(self) -> None:
        self._votes: dict[tuple[int, int], int] = {}

    def is_used_up(self, token: Token) -> bool:
        """Whether the slot of *token* already has all the votes it can have."""
        return self._votes.get((token.rotate_s, token.slot), 0) >= token.quota

    def count(self, token: Token) -> None:
        """A vote with *token* was stored."""
        slot = (token.rotate_s, token.slot)
        self._votes[slot] = self._votes.pop(slot, 0) + 1
        if len(self._votes) > SLOTS:
            del self._votes[next(iter(self._votes))]
