"""The teller: says to the province what of its content is shown here, fetched and refused, whenever that is another.

How far a download has come is told no more often than every ten seconds; a province that was away is told again. Lives
on the content service's thread.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from agent.screen.content.manifest import ContentRefused, File, Word
from agent.screen.content.report import ContentReport, LoadingSet, RefusedSet, ShownSet
from agent.screen.content.sets import Sets

TOLD_S = 10.0


class Teller:
    """What was told, and over which connection."""

    def __init__(
        self,
        sets: Sets,
        parts: Path,
        spelled: Callable[[ContentRefused], str],
        tell: Callable[[bytes], None],
        link: Callable[[], int | None],
    ) -> None:
        """*parts* is the folder of what is being fetched."""
        self._sets, self._parts, self._spelled, self._tell, self._link = sets, parts, spelled, tell, link
        self._told: ContentReport | None = None
        self._told_at_s = 0.0
        self._told_over: int | None = None

    def tell(self, waits: str | None, refusal: tuple[ContentRefused, Word | None] | None) -> None:
        """Say how it stands, if that is due; *waits*: why nothing is fetched now, *refusal*: what was not taken."""
        link, now_s = self._link(), time.monotonic()
        made = self._made(waits, refusal)
        is_other = self._told is None or made.but_for_bytes != self._told.but_for_bytes
        is_due = now_s - self._told_at_s >= TOLD_S
        if (made != self._told and (is_other or is_due)) or (link is not None and link != self._told_over):
            self._told, self._told_at_s, self._told_over = made, now_s, link
            self._tell(made.encode())

    def _made(self, waits: str | None, refusal: tuple[ContentRefused, Word | None] | None) -> ContentReport:
        loading = self._sets.loading
        active, previous = (ShownSet.of(word) for word in (self._sets.active, self._sets.previous))
        return ContentReport(
            active=active,
            previous=previous,
            loading=self._loading_of(loading, waits) if loading is not None else None,
            refused=self._refused_of(*refusal) if refusal is not None else None,
        )

    def _loading_of(self, word: Word, waits: str | None) -> LoadingSet:
        missing = self._sets.missing(word)
        files, whole = word.manifest.files, sum(file.bytes for file in word.manifest.files)
        return LoadingSet(
            set=word.manifest.set,
            version=word.manifest.version,
            files=len(files) - len(missing),
            of_files=len(files),
            bytes=whole - sum(file.bytes - self._come(file) for file in missing),
            of_bytes=whole,
            waits=waits,
        )

    def _come(self, file: File) -> int:
        """How much of *file* has been fetched."""
        for path in (self._parts / file.sha256, self._parts / f"{file.sha256}.part"):
            with suppress(OSError):
                return path.stat().st_size
        return 0

    def _refused_of(self, refused: ContentRefused, word: Word | None) -> RefusedSet:
        return RefusedSet(
            reason=refused.reason,
            message=self._spelled(refused),
            set=word.manifest.set if word is not None else None,
            version=word.manifest.version if word is not None else None,
        )
