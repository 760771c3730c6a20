"""The watched folder, look by look: which files stand still, and what became of each.

A file is handed to the ingest when it has been copied to its end, and again only when it changed. What was found
is remembered over restarts, so that a box which comes back from a power cut plays at once and reads no
film again. While a file is replaced, what it was goes on playing until the new one is ready.

Runs on the screen service's thread; nothing here waits or watches.
"""

import json
import os
import re
import unicodedata
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import SystemReason, TryAgain
from agent.files import replace_file
from agent.screen.media.ingest import Ingest
from agent.screen.media.medium import Medium, Offer, Record, Refusal, shown_name
from agent.screen.media.store import NoRoom

SETTLE_S = 2.0
"""A file whose size and times stood still this long has been copied to its end."""
AGAIN_S = 60.0
"""When a file is offered again that found no room, or changed while it was read."""
CHANCE_S = 3600.0
"""When a file is tried again whose darkroom was ended by circumstances."""
MOST_FILES = 500
"""More files than this are no playlist; the first by name are taken."""
ORIGIN = "folder"

Mark = tuple[int, int, int, int]
"""Size, times of writing and of any change (ns) and number of a file: other bytes, another mark."""

_NOTHING: Mark = (0, 0, 0, 0)
_UNFINISHED = re.compile(r"(^[.~])|(\.(tmp|temp|part|partial|crdownload|download|swp|filepart)$)", re.IGNORECASE)
_LITTER = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class _Sight:
    """A file as it was last seen."""

    mark: Mark
    since: float
    """When it was first seen so."""
    record: Record | None = None
    """What became of it; until it is final, of what it was before."""
    is_final: bool = False
    ticket: "Future[Record] | None" = None
    again_at: float = float("-inf")
    """Not before is it handed in; one that is final, not before it is handed in again."""
    has_no_room: bool = False


def _final(sight: _Sight, record: Record, monotonic: float) -> _Sight:
    """*sight*, of which *record* is what became; for good, unless the box may have been to blame."""
    again_at = monotonic + CHANCE_S if record.may_be_tried_again else float("inf")
    return _Sight(sight.mark, sight.since, record, is_final=True, again_at=again_at)


class MediaFolder:
    """A folder into which people drop files."""

    def __init__(self, path: Path, ingest: Ingest, *, settle_s: float = SETTLE_S) -> None:
        self.path = path
        self._ingest = ingest
        self._settle_s = settle_s
        self._sights: dict[str, _Sight] = {}
        self._memory = ingest.store.path / ".folder.json"
        self._remembered: dict[str, tuple[Mark, str]] | None = None
        self._written = b""
        self._trouble: OSError | None = None

    def look(self, *, wall_s: float, monotonic: float) -> Offer:
        """See what is there now; *wall_s* is compared with file times, *monotonic* with earlier looks.

        Raises:
            OSError: the folder is not there or cannot be read.
        """
        present = self._present()
        before, self._sights = self._sights, {}
        for name, mark in present.items():
            self._sights[name] = self._seen(name, mark, before.get(name), wall_s=wall_s, monotonic=monotonic)
        kept = {id(sight.ticket) for sight in self._sights.values()}
        for sight in before.values():
            if sight.ticket is not None and id(sight.ticket) not in kept:
                sight.ticket.cancel()
        offer = self._offer()
        self._ingest.refusals.tell(ORIGIN, offer.refusals)
        if not offer.is_settling:
            self._remembered = {}
            self._trouble = self._remember()
        return replace(offer, trouble=self._trouble)

    @property
    def sources(self) -> frozenset[str]:
        """The contents of the files that were there when it could last be read, by this life or an earlier one."""
        earlier = {source for _, source in self._earlier.values()}
        return frozenset(earlier | {sight.record.source for sight in self._sights.values() if sight.record is not None})

    def close(self) -> None:
        """Take back what is still waiting to be looked into."""
        for sight in self._sights.values():
            if sight.ticket is not None:
                sight.ticket.cancel()

    def _present(self) -> dict[str, Mark | OSError]:
        """The files that are there, in the order of their names."""
        with os.scandir(self.path) as entries:
            files = [entry for entry in entries if is_candidate(entry.name) and _is_file(entry)]
        files.sort(key=lambda entry: unicodedata.normalize("NFC", entry.name).casefold())
        marks: dict[str, Mark | OSError] = {}
        for entry in files[:MOST_FILES]:
            try:
                stat = entry.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                marks[entry.name] = error
            else:
                marks[entry.name] = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        return marks

    def _seen(
        self, name: str, mark: Mark | OSError, sight: _Sight | None, *, wall_s: float, monotonic: float
    ) -> _Sight:
        """The file *name* as it is now, one step further on its way in."""
        if isinstance(mark, OSError):
            refusal = Refusal(shown_name(name), "unreadable", {"error": SystemReason.of(mark)})
            return _final(_Sight(_NOTHING, monotonic), Record(refusal=refusal), monotonic)
        sight = sight or self._recalled(name, mark, monotonic) or _Sight(mark, monotonic)
        if sight.mark != mark:
            sight = _Sight(mark, monotonic, sight.record)
        is_whole = sight.record is not None and self._ingest.store.has(sight.record.media)
        if sight.is_final and is_whole and monotonic < sight.again_at:
            return sight
        if sight.ticket is not None:
            return self._answered(sight, sight.ticket, monotonic) if sight.ticket.done() else sight
        is_still = monotonic - sight.since >= self._settle_s or wall_s - mark[1] / 1e9 >= self._settle_s
        if is_still and (sight.is_final or monotonic >= sight.again_at):
            return replace(sight, is_final=False, ticket=self._ingest.submit(self.path / name))
        return sight

    def _answered(self, sight: _Sight, ticket: "Future[Record]", monotonic: float) -> _Sight:
        again = _Sight(sight.mark, monotonic, sight.record, again_at=monotonic + self._settle_s)
        try:
            record = ticket.result()
        except NoRoom:
            return replace(again, again_at=monotonic + AGAIN_S, has_no_room=True)
        except TryAgain:
            return again
        except OSError as error:
            self._trouble = error
            return again
        self._trouble = None
        return _final(sight, record, monotonic)

    def _offer(self) -> Offer:
        media: dict[str, Medium] = {}
        refusals = []
        for name, sight in self._sights.items():
            for medium in sight.record.media if sight.record is not None else ():
                if sight.is_final or self._ingest.store.has((medium,)):
                    media.setdefault(medium.id, medium)
            if sight.has_no_room:
                refusals.append(Refusal(shown_name(name), "room"))
            elif sight.record is not None and sight.record.refusal is not None:
                refusals.append(sight.record.refusal)
        return Offer(
            media=tuple(media.values()),
            refusals=tuple(refusals),
            is_settling=any(not (sight.is_final or sight.has_no_room) for sight in self._sights.values()),
        )

    # Over restarts.

    def _recalled(self, name: str, mark: Mark, monotonic: float) -> _Sight | None:
        """The file as an earlier life knew it."""
        then, source = self._earlier.pop(name, (_NOTHING, ""))
        record = self._ingest.store.known(source) if then == mark else None
        sight = _Sight(mark, monotonic)
        return _final(sight, record.named(shown_name(name)), monotonic) if record is not None else None

    @property
    def _earlier(self) -> dict[str, tuple[Mark, str]]:
        """What an earlier life left, but for the files that were seen since."""
        if self._remembered is None:
            self._remembered = _read(self._memory, self.path)
        return self._remembered

    def _remember(self) -> OSError | None:
        """Write down what was found, where it is not written already; why that cannot be done."""
        found = {
            name: [*sight.mark, sight.record.source]
            for name, sight in self._sights.items()
            if sight.is_final and sight.record is not None and sight.record.source
        }
        body = json.dumps({"folder": str(self.path), "files": found}).encode()
        if body == self._written:
            return None
        try:
            if not (self._memory.is_file() and self._memory.read_bytes() == body):
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                replace_file(self._memory, body)
        except OSError as error:
            return error
        self._written = body
        return None


def _read(memory: Path, folder: Path) -> dict[str, tuple[Mark, str]]:
    """What *memory* holds of *folder*; nothing when it is not there, damaged, or of another folder."""
    try:
        found = json.loads(memory.read_bytes())
        if found["folder"] != str(folder):
            return {}
        return {
            str(name): ((int(size), int(written), int(changed), int(number)), str(source))
            for name, (size, written, changed, number, source) in found["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file; what cannot even be looked at (links in a circle) counts, to be refused by its name."""
    try:
        return entry.is_file()
    except OSError:
        return True


def names_in(path: Path) -> list[str]:
    """The names of the files in the folder at *path* that are looked into, as they are shown, in order.

    Raises:
        OSError: it is not there or cannot be read.
    """
    with os.scandir(path) as entries:
        names = [shown_name(entry.name) for entry in entries if is_candidate(entry.name) and _is_file(entry)]
    return sorted(names, key=str.casefold)[:MOST_FILES]


def is_candidate(name: str) -> bool:
    """Neither hidden, nor a download under way, nor what file browsers leave behind."""
    return _UNFINISHED.search(name) is None and name.casefold() not in _LITTER
