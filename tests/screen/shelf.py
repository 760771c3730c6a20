"""Media in a store, without the process that usually makes them."""

from pathlib import Path

from agent.screen.document import develop_document
from agent.screen.film import develop_film
from agent.screen.media import MediaStore, Medium, Record, content_id
from agent.screen.picture import develop_picture
from agent.screen.sniff import sniff


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
    return [(folder / name, medium) for name, medium in made]


def shelved(store: MediaStore, data: bytes) -> Medium:
    """Put a picture, a film or a document of one page into *store*."""
    [(file, medium)] = developed(data, store.empty_workshop())
    store.enter(Record(content_id(data), (medium,)), [file])
    return medium
