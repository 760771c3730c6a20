"""What a camera's child told of what it sees: the parent's half of its eye. It means something to a child only.

One sight goes from each child to the next, so that a child that was killed costs nothing of what was learned.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from agent.surveillance.presence.presence import Change
from agent.surveillance.seeing.look import Look
from agent.surveillance.wire import Message


@dataclass
class Sight:
    look: Look = Look.CLEAR
    """What its pictures look like."""
    look_since: float = 0.0
    """Since when they do."""
    view: bytes = b""
    """What it learned of the place it looks at, to notice tampering."""
    ground: bytes = b""
    """What it learned of the place without people."""
    turns: list[Change] = field(default_factory=list)
    """Who came and went, not yet taken from here."""
    main_only: str = ""
    """Why the smaller stream cannot be looked at; empty while it can, or there is none."""

    @property
    def words(self) -> dict[str, Any]:
        """As a child is told it at its start."""
        return {
            "look": self.look,
            "view": base64.b64encode(self.view).decode(),
            "ground": base64.b64encode(self.ground).decode(),
        }

    def hear(self, message: Message) -> None:
        """What a child tells, which is believed as far as it makes sense.

        Raises:
            KeyError, TypeError, ValueError: it makes none.
        """
        words = message.words
        match words["kind"]:
            case "eye":
                self.look, self.look_since = Look(words["look"]), float(words["since"])
            case "view":
                self.view = message.body
            case "ground":
                self.ground = message.body
            case "presence":
                self.turns.append(Change.of(words))
            case "smaller":
                self.main_only = str(words["trouble"])
