"""What a disk holds while a record runs over it, and what is left of it when the power goes.

Certain is only what was flushed. Of the rest, every sector of 512 bytes lives on its own: it is found as it was
at some moment since its last flush, the moment drawn sector by sector, and so is a file's length. Which names
are there follows one of two laws:

- `Law.JOURNAL`, as ext4 keeps it: names change in order, and a flush of anything makes all earlier ones durable;
- `Law.LETTER`, as POSIX promises it: a name is durable once its folder was flushed, and not a moment sooner;
  of the others any may be there.

How unkind the moment is says `Luck`: nothing of what was not flushed, all of it, only the very last, all names
with none of the data, or a random part.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath

from tests.powercut.operations import (
    Flush,
    FlushFolder,
    Make,
    MakeFolder,
    Move,
    Operation,
    Recording,
    Remove,
    Resize,
    Write,
)

SECTOR = 512


class Law(Enum):
    """How names reach the disk."""

    JOURNAL = "journal"
    LETTER = "letter"


class Luck(Enum):
    """What becomes of what was not flushed."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    LAST = "last"
    NAMES = "names"
    SOME = "some"


class Fate:
    """Draws what is left, at one moment."""

    def __init__(self, luck: Luck, chance: random.Random) -> None:
        self.luck = luck
        self._chance = chance
        self._whole = chance.choice((0.1, 0.5, 0.9))

    def changes_of_a_sector(self, count: int, *, is_last: bool) -> int:
        """How many of the *count* changes that a sector may have seen it did see."""
        match self.luck:
            case Luck.NOTHING | Luck.NAMES:
                return 0
            case Luck.EVERYTHING:
                return count
            case Luck.LAST:
                return count if is_last else 0
            case Luck.SOME:
                return count if self._chance.random() < self._whole else self._chance.randrange(count + 1)

    def changes_of_a_length(self, count: int) -> int:
        if self.luck is Luck.NAMES:
            return count
        return self.changes_of_a_sector(count, is_last=True)

    def names(self, count: int, law: Law) -> list[int]:
        """Which of *count* changes of names are there."""
        everything = list(range(count))
        match self.luck:
            case Luck.NOTHING:
                return []
            case Luck.EVERYTHING | Luck.NAMES:
                return everything
            case Luck.LAST:
                return everything if law is Law.JOURNAL else everything[-1:]
            case Luck.SOME if law is Law.JOURNAL:
                return everything[: self._chance.randrange(count + 1)]
            case Luck.SOME:
                return [number for number in everything if self._chance.random() < self._whole]


@dataclass(slots=True)
class _File:
    """A file's flushed bytes, and what happened to it since, by number of operation."""

    flushed: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, Write | Resize]] = field(default_factory=list)

    def flush(self, began: int) -> None:
        while self.pending and self.pending[0][0] < began:
            _apply(self.flushed, self.pending.pop(0)[1])

    def live(self) -> bytes:
        image = bytearray(self.flushed)
        for _, change in self.pending:
            _apply(image, change)
        return bytes(image)

    def left(self, fate: Fate) -> bytes:
        if not self.pending or fate.luck is Luck.NOTHING:
            return bytes(self.flushed)
        if fate.luck is Luck.EVERYTHING:
            return self.live()
        image = bytearray(self.flushed)
        lengths = [len(image)]
        count = len(self.pending)
        seen: dict[int, int] = {}
        last = self._sectors(self.pending[-1][1], len(image))
        for number, (_, change) in enumerate(self.pending):
            lengths.append(_length(lengths[-1], change))
            for sector in self._sectors(change, len(image)):
                if sector not in seen:
                    seen[sector] = fate.changes_of_a_sector(count, is_last=sector in last)
                if number < seen[sector]:
                    _apply_to_sector(image, change, sector)
        length = lengths[fate.changes_of_a_length(count)]
        del image[length:]
        image.extend(bytes(length - len(image)))
        return bytes(image)

    @staticmethod
    def _sectors(change: Write | Resize, length: int) -> range:
        match change:
            case Write(_, at, data):
                return range(at // SECTOR, (at + len(data) - 1) // SECTOR + 1)
            case Resize(_, size):
                return range(size // SECTOR, (length - 1) // SECTOR + 1)


def _length(before: int, change: Write | Resize) -> int:
    return change.size if isinstance(change, Resize) else max(before, change.at + len(change.data))


def _apply(image: bytearray, change: Write | Resize) -> None:
    length = _length(len(image), change)
    del image[length:]
    image.extend(bytes(length - len(image)))
    if isinstance(change, Write):
        image[change.at : change.at + len(change.data)] = change.data


def _apply_to_sector(image: bytearray, change: Write | Resize, sector: int) -> None:
    """Put the part of *change* that lies in *sector* into *image*, which may grow for it but never shrinks."""
    first, after = sector * SECTOR, (sector + 1) * SECTOR
    if isinstance(change, Resize):
        first, after = max(first, change.size), min(after, len(image))
        image[first:after] = bytes(max(0, after - first))
        return
    first, after = max(first, change.at), min(after, change.at + len(change.data))
    image.extend(bytes(max(0, after - len(image))))
    image[first:after] = change.data[first - change.at : after - change.at]


NameChange = Make | MakeFolder | Move | Remove
FOLDER = -1


class Disk:
    """A disk under a record. `step` runs operation after operation; `cut` may be asked at any moment."""

    def __init__(self, recording: Recording, law: Law) -> None:
        self._law = law
        self._files = [_File(bytearray(data)) for data in recording.start.values()]
        self._names = {path: number for number, path in enumerate(recording.start)}
        self._names |= dict.fromkeys(recording.folders, FOLDER)
        self._live = dict(self._names)
        self._pending: list[tuple[int, NameChange, int]] = []
        self._count = 0

    def step(self, operation: Operation) -> None:
        number, self._count = self._count, self._count + 1
        match operation:
            case Make() | MakeFolder() | Move() | Remove():
                if isinstance(operation, Make):
                    self._files.append(_File())
                file = self._meant_by(operation)
                _rename(self._live, operation, file)
                self._pending.append((number, operation, file))
            case Write(file) | Resize(file):
                self._files[file].pending.append((number, operation))
            case Flush(file, began):
                self._files[file].flush(began)
                if self._law is Law.JOURNAL:
                    self._flush_names(None, began)
            case FlushFolder(path, began):
                self._flush_names(None if self._law is Law.JOURNAL else path, began)
            case _:
                pass

    def _meant_by(self, operation: NameChange) -> int:
        match operation:
            case Make(_, file):
                return file
            case MakeFolder():
                return FOLDER
            case Move(path) | Remove(path):
                return self._live[path]

    def _flush_names(self, folder: str | None, began: int) -> None:
        rest = []
        for number, change, file in self._pending:
            if number < began and folder in (None, _folder_of(change)):
                _rename(self._names, change, file)
            else:
                rest.append((number, change, file))
        self._pending = rest

    def content(self, path: str) -> bytes:
        """What a program reads in *path* while the power is on."""
        return self._files[self._live[path]].live()

    def live(self) -> dict[str, bytes]:
        """What a program finds while the power is on."""
        return self._read(self._live, lambda file: file.live())

    def cut(self, fate: Fate) -> dict[str, bytes]:
        """What the next start finds when the power goes now. The disk itself goes on as if nothing had been."""
        names = dict(self._names)
        for number in fate.names(len(self._pending), self._law):
            _, change, file = self._pending[number]
            _rename(names, change, file)
        return self._read(names, lambda file: file.left(fate))

    def _read(self, names: Mapping[str, int], of: Callable[[_File], bytes]) -> dict[str, bytes]:
        """The files that can be reached: of each, what *of* says. One name of a file is as good as another."""
        folders = {".", *(path for path, file in names.items() if file == FOLDER)}
        return {
            path: of(self._files[file])
            for path, file in names.items()
            if file != FOLDER and all(str(parent) in folders for parent in PurePosixPath(path).parents)
        }


def _folder_of(change: NameChange) -> str:
    return str(PurePosixPath(change.to if isinstance(change, Move) else change.path).parent)


def _rename(names: dict[str, int], change: NameChange, file: int) -> None:
    match change:
        case Make(path) | MakeFolder(path):
            names[path] = file
        case Move(path, to):
            if names.get(path) == file:
                del names[path]
            names[to] = file
        case Remove(path):
            if names.get(path) == file:
                del names[path]
