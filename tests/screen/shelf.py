"""Media made here, without the process that usually makes them (`test_develop` has that one)."""

from collections.abc import Callable
from pathlib import Path

from agent.errors import SystemReason
from agent.screen.media.develop import Developed, Refused
from agent.screen.media.document import develop_document
from agent.screen.media.film import develop_film
from agent.screen.media.medium import MediaError, Medium, Record, content_id
from agent.screen.media.picture import develop_picture
from agent.screen.media.sniff import sniff
from agent.screen.media.store import MediaStore


def developed(data: bytes, folder: Path) -> list[tuple[Path, Medium]]:
    """What a darkroom would make of *data* in *folder*, made here."""
    kind, source = sniff(data[:4096]), content_id(data)
    copy = folder / f"source.{kind.suffix}"
    copy.write_bytes(data)
    match kind.family:
        case "picture":
            made = [develop_picture(copy, source)]
        case "film":
            made = [develop_film(copy, source, kind.suffix, lambda: None)]
        case "document":
            made = develop_document(copy, source, lambda: None)
    return [(folder / name, medium.sealed(folder / name)) for name, medium in made]


def shelved(store: MediaStore, data: bytes) -> Medium:
    """Put a picture, a film or a document of one page into *store*."""
    [(file, medium)] = developed(data, store.empty_workshop())
    store.enter(Record(content_id(data), (medium,)), [file])
    return medium


def develop_here(
    file: Path,
    folder: Path,
    *,
    known: Callable[[str, int], None] = lambda source, size_bytes: None,  # noqa: ARG005
    turn: Callable[[], None] = lambda: None,
    opened: int | None = None,
) -> Developed:
    """In the place of `agent.screen.media.develop.develop`: the same, but for what a process of its own is good for."""
    turn()
    try:
        data = (file if opened is None else Path(f"/proc/self/fd/{opened}")).read_bytes()
    except OSError as error:
        raise Refused("", "unreadable", error=SystemReason.of(error)) from None
    source = ""
    try:
        kind, source = sniff(data[:4096]), content_id(data)
        known(source, len(data))
        made = developed(data, folder)
    except MediaError as refused:
        raise Refused(source, refused.reason, **refused.values) from None
    files, media = zip(*made, strict=True)
    return Developed(source, media, files, folder / f"source.{kind.suffix}")
