"""What a counter tells of the province's content, `up/content`, retained. Pure."""

from typing import Self

from agent.screen.content.manifest import Word
from agent.uplink.payload import Payload


class ShownSet(Payload):
    """A set that is shown, or was."""

    set: str
    version: int
    items: int

    @classmethod
    def of(cls, word: Word | None) -> Self | None:
        if word is None:
            return None
        return cls(set=word.manifest.set, version=word.manifest.version, items=len(word.manifest.items))


class LoadingSet(Payload):
    """A set on its way."""

    set: str
    version: int
    files: int
    """So many are here…"""
    of_files: int
    """…of so many."""
    bytes: int
    of_bytes: int
    waits: str | None = None
    """Why nothing is fetched now, in the counter's language."""


class RefusedSet(Payload):
    """A word that was not taken."""

    reason: str
    """Its code."""
    message: str
    """The same in the counter's language."""
    set: str | None = None
    version: int | None = None


class ContentReport(Payload):
    """`up/content`, retained: what of the province's content this counter shows, fetches and refused."""

    active: ShownSet | None = None
    previous: ShownSet | None = None
    """What a rollback would show."""
    loading: LoadingSet | None = None
    refused: RefusedSet | None = None
    """The last word that was not taken, until another one is."""

    @property
    def but_for_bytes(self) -> "ContentReport":
        """The same, however far the present file has come."""
        if self.loading is None:
            return self
        return self.model_copy(update={"loading": self.loading.model_copy(update={"bytes": 0})})
