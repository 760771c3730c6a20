"""What the outbox offers of its ballot box. Any thread may call; each call is one short transaction."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from agent.event import Fact
from agent.outbox.book import Book
from agent.outbox.box import new_key

Stored = TypeVar("Stored")


class Ballots(ABC):
    """Votes go in and are put right here; `Outbox.release` lets them out."""

    @abstractmethod
    def _vote(self, write: Callable[[Book], Stored], landed: Callable[[Book], Stored | None]) -> Stored:
        """Do *write* durably; *landed* says what an interrupted one left. Errors leave as `TryAgain`."""

    @abstractmethod
    def _asking(self) -> AbstractContextManager[Book]:
        """The open book, for one question; errors leave as `TryAgain`."""

    def hold(self, fact: Fact, *, token: bytes | None = None, slot: int = 0) -> int:
        """Put a vote into the ballot box, durably, and spend its token; returns the key it can be amended by.

        *slot* is when the token was shown, in seconds since 1970.

        Raises:
            TokenSpent: the token has voted; nothing was stored.
            TryAgain: nothing was stored.
        """
        key = new_key()

        def write(book: Book) -> int:
            book.box.hold(key, fact, book.author.clock.read, token=token, slot=slot)
            return key

        return self._vote(write, lambda book: key if book.box.has(key) else None)

    def amend(self, key: int, fact: Fact) -> None:
        """Put *fact* in the place of the vote held under *key*, durably.

        Raises:
            BallotGone: it is not in the box any more.
            TryAgain: the one before it still stands.
        """
        self._vote(lambda book: book.box.amend(key, fact), lambda _: None)

    def is_spent(self, token: bytes, slot: int) -> bool:
        """Whether this token has voted."""
        with self._asking() as book:
            return book.box.is_spent(token, slot)

    def spent_in(self, slot: int, kind: bytes = b"") -> int:
        """How many tokens of *slot* that begin with *kind* have voted."""
        with self._asking() as book:
            return book.box.spent_in(slot, kind)
