"""The sets on the disk: which one is shown, which one was before it, and how far the version has risen.

Words lie in `<digest>.word`, as they were signed; `sets.json` names the active one and the one before it, and is
replaced whole. A set becomes active in that one step, after every rendition of it is in the store and flushed, so a
power cut leaves the old set or the new one. What a set plays is looked up in the media store, by content.
"""

import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from agent.files import replace_file
from agent.screen.content.manifest import ContentItem, ContentRefused, File, Word, parsed
from agent.screen.media.medium import Medium
from agent.screen.media.store import MediaStore
from agent.screen.planning.playlist import Entry, Window
from agent.screen.scene import Notice

log = logging.getLogger(__name__)

STATE = "sets.json"
SUFFIX = ".word"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which sets there are, by the digests of their words."""

    active: str | None = None
    previous: str | None = None
    newest: str | None = None
    """The one with the highest version that was ever shown here."""
    floor: int = 0
    """Its version."""
    withdrawn: bool = False
    """It was taken back by order, and does not come again."""


class Sets:
    """What the province wants shown, as far as it is here. Outlives the service; entries may be asked on any thread."""

    def __init__(self, folder: Path, store: MediaStore) -> None:
        self.folder = folder
        self._store = store
        self._lock = threading.Lock()
        self.pointer = _read(folder / STATE)
        self.active = self._word(self.pointer.active)
        self.previous = self._word(self.pointer.previous)
        self.loading: Word | None = None
        """A set whose files are being fetched: what is here of it is kept."""
        self._entries = self._made(self.active)

    # What the screen asks.

    def entries(self) -> tuple[Entry, ...]:
        """What the active set has to play; the same tuple while nothing changed."""
        return self._entries

    def kept(self) -> list[Medium]:
        """The media of every set that is needed: active, before it, and on its way."""
        words = [word for word in (self.active, self.previous, self.loading) if word is not None]
        return [medium for word in words for file in word.manifest.files for medium in self.media(file)]

    def media(self, file: File) -> tuple[Medium, ...]:
        """What is played of *file*; nothing while it is not here."""
        record = self._store.known(file.source)
        return record.named(file.name).media if record is not None and record.refusal is None else ()

    # What becomes of them.

    def judge(self, word: Word) -> bool:
        """Whether *word* is to be fetched; False: it is what is shown already.

        Raises:
            ContentRefused: it is older than what was shown, or was taken back.
        """
        version, now = word.manifest.version, self.pointer
        if word.digest == now.active:
            return self.active is None or bool(self.missing(word))
        if word.digest == now.newest:
            if now.withdrawn:
                raise ContentRefused("withdrawn", version=version)
            return True
        if version <= now.floor:
            raise ContentRefused("older", version=version, floor=now.floor)
        return True

    def missing(self, word: Word) -> list[File]:
        """The files of *word* that are not in the store."""
        return [file for file in word.manifest.files if not self.media(file)]

    def activate(self, word: Word) -> None:
        """Show *word*, all of which is in the store, from now on.

        Raises:
            ContentRefused: it was taken back meanwhile.
            OSError: the disk refuses; nothing changed.
        """
        with self._lock:
            if self.pointer.withdrawn and word.digest == self.pointer.newest:
                raise ContentRefused("withdrawn", version=word.manifest.version)
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._path(word.digest), word.text.encode())
            now = self.pointer
            previous = now.active if now.active != word.digest else now.previous
            pointer = replace(now, active=word.digest, previous=previous)
            if word.manifest.version > now.floor:
                pointer = replace(pointer, newest=word.digest, floor=word.manifest.version, withdrawn=False)
            self._point(pointer)
            self.loading = None
            self._tidy()

    def roll_back(self, *, is_order: bool) -> bool:
        """Show the set before this one; False: there is none that is whole.

        Raises:
            OSError: the disk refuses; nothing changed.
        """
        with self._lock:
            if self.previous is None or self.missing(self.previous):
                return False
            now = self.pointer
            self._point(replace(now, active=now.previous, previous=None, withdrawn=now.withdrawn or is_order))
            return True

    @property
    def lost(self) -> Word | None:
        """A set that was shown and is damaged: it is to be fetched again."""
        if self.active is not None and self.missing(self.active):
            return self.active
        now = self.pointer
        return self._word(now.newest) if now.newest != now.active and not now.withdrawn else None

    def check(self, turn: Callable[[], None]) -> bool:
        """Whether all of the active set is here and as long as it was; what is not is taken out of the store.

        *turn* is called before each file.
        """
        is_whole = True
        for file in self.active.manifest.files if self.active is not None else ():
            turn()
            media = self.media(file)
            damaged = [medium for medium in media if not self._is_whole(medium)]
            with suppress(OSError):  # a card that went read-only keeps what it has
                for medium in damaged:
                    self._store.lose(file.source, medium)
            is_whole = is_whole and bool(media) and not damaged
        if not is_whole:
            self._entries = self._made(self.active)
        return is_whole

    def _is_whole(self, medium: Medium) -> bool:
        found = self._store.find(medium.id)
        try:
            return found is not None and found[0].stat().st_size == medium.bytes
        except OSError:
            return False

    def _point(self, pointer: Pointer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(self.folder / STATE, json.dumps(asdict(pointer)).encode())
        self.pointer = pointer
        self.active, self.previous = self._word(pointer.active), self._word(pointer.previous)
        self._entries = self._made(self.active)

    def _made(self, word: Word | None) -> tuple[Entry, ...]:
        if word is None:
            return ()
        made = (self._entry(word, item) for item in word.manifest.items)
        return tuple(entry for entry in made if entry.media or entry.notice is not None)

    def _entry(self, word: Word, item: ContentItem) -> Entry:
        file = item.known_file
        first, last = word.manifest.days(item)
        notice = Notice(item.notice.title, item.notice.lines) if item.notice is not None else None
        return Entry(
            name=item.file or (notice.title if notice is not None else ""),
            media=self.media(file) if file is not None else (),
            notice=notice,
            seconds=item.seconds,
            layout=item.layout,
            window=Window(first, last, item.weekdays, item.hours),
            weight=item.weight,
            origin="province",
        )

    def _word(self, digest: str | None) -> Word | None:
        """The word of that digest, if it is there and is that one."""
        if digest is None:
            return None
        with suppress(OSError, ValueError, ContentRefused):
            word = parsed(self._path(digest).read_text(encoding="utf-8"))
            if word.digest == digest:
                return word
        log.warning("the province's set %s cannot be read", digest[:12])
        return None

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}{SUFFIX}"

    @property
    def _needed(self) -> tuple[str | None, ...]:
        return self.pointer.active, self.pointer.previous, self.pointer.newest

    def _tidy(self) -> None:
        kept = {self._path(digest) for digest in self._needed if digest is not None}
        for path in self.folder.glob(f"*{SUFFIX}"):
            if path not in kept:
                path.unlink(missing_ok=True)


def _read(path: Path) -> Pointer:
    """Where an earlier life stood; the beginning where that cannot be read."""
    try:
        found = Pointer(**json.loads(path.read_bytes()))
        texts = (found.active, found.previous, found.newest)
        if all(text is None or isinstance(text, str) for text in texts) and isinstance(found.floor, int):
            return found
    except FileNotFoundError:
        return Pointer()
    except (OSError, ValueError, TypeError):
        pass
    log.warning("%s cannot be read; the province's content begins anew", path)
    return Pointer()
