"""What a program does to a folder and says to the world, as a list: the input of every cut."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Make:
    """*path* became the name of the new file number *file*."""

    path: str
    file: int


@dataclass(frozen=True, slots=True)
class MakeFolder:
    path: str


@dataclass(frozen=True, slots=True)
class Move:
    path: str
    to: str


@dataclass(frozen=True, slots=True)
class Remove:
    path: str


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """The file's length was set."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Flush:
    """A flush of *file* returned; it covers the operations before number *began*."""

    file: int
    began: int


@dataclass(frozen=True, slots=True)
class FlushFolder:
    path: str
    began: int


@dataclass(frozen=True, slots=True)
class Said:
    """These bytes are leaving the program: from now on somebody may rely on them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    data: bytes


Operation = Make | MakeFolder | Move | Remove | Write | Resize | Flush | FlushFolder | Said | Heard


@dataclass
class Recording:
    """What was in a folder, and everything that happened to it since. Paths are relative to it."""

    root: Path
    start: dict[str, bytes]
    """Files that were there, durable, before the record began."""
    folders: set[str]
    operations: list[Operation] = field(default_factory=list)
    end: dict[str, bytes] = field(default_factory=dict)
    """The files that the program left: replaying the operations over `start` must give exactly these."""

    @classmethod
    def of(cls, root: Path) -> "Recording":
        """An empty record over *root* as it is now."""
        folders = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}
        return cls(root, contents(root), folders)


def contents(root: Path) -> dict[str, bytes]:
    """Every file below *root* that a power cut leaves to be read again."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }
