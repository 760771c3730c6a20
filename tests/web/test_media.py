"""What the page fetches: films in pieces, types that are true, and kept for ever."""

import pytest

from agent.screen.hub import Item
from tests.screen.documents import pdf
from tests.screen.films import RIGHT, film
from tests.screen.pictures import plain
from tests.screen.shelf import shelved
from tests.web.conftest import OpenPage
from tests.web.looking import until
from tests.web.serving import Serving

FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def reel() -> bytes:
    return film(seconds=1.5, **RIGHT)


def test_a_film_comes_whole_and_is_kept_for_ever(serving: Serving, reel: bytes) -> None:
    medium = shelved(serving.store, reel)
    answer, body = serving.ask("GET", f"/media/{medium.id}")
    assert (answer.status, body) == (200, reel)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == FOREVER
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer, body = serving.ask("HEAD", f"/media/{medium.id}")
    assert (answer.status, body, answer.headers["Content-Length"]) == (200, b"", str(len(reel)))


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None)]
)
def test_a_film_comes_in_pieces(serving: Serving, reel: bytes, asked: str, first: int, last: int | None) -> None:
    medium = shelved(serving.store, reel)
    answer, body = serving.ask("GET", f"/media/{medium.id}", headers={"Range": asked})
    assert (answer.status, body) == (206, reel[first : last + 1 if last is not None else None])
    begin = first % len(reel)
    assert answer.headers["Content-Range"] == f"bytes {begin}-{begin + len(body) - 1}/{len(reel)}"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == FOREVER


def test_a_piece_that_is_not_there_is_refused(serving: Serving, reel: bytes) -> None:
    medium = shelved(serving.store, reel)
    answer, _ = serving.ask("GET", f"/media/{medium.id}", headers={"Range": f"bytes={len(reel)}-"})
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(reel)}")


def test_a_piece_of_what_became_something_else_comes_whole(serving: Serving, reel: bytes) -> None:
    medium = shelved(serving.store, reel)
    answer, body = serving.ask(
        "GET", f"/media/{medium.id}", headers={"Range": "bytes=5-9", "If-Range": '"something else"'}
    )
    assert (answer.status, body) == (200, reel)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_has_its_own_type(serving: Serving, kind: str) -> None:
    medium = shelved(serving.store, plain((1, 2, 3), kind=kind))
    answer, _ = serving.ask("GET", f"/media/{medium.id}")
    assert answer.headers["Content-Type"] == f"image/{kind.lower()}"


@pytest.mark.parametrize("id_", ["f" * 32, "..%2f" + "a" * 27, ".folder.json", "a" * 32 + ".png", "%00", "A" * 32])
def test_nothing_else_is_served(serving: Serving, id_: str) -> None:
    (serving.store.path / ".folder.json").parent.mkdir(parents=True, exist_ok=True)
    (serving.store.path / ".folder.json").write_text("{}")
    assert serving.ask("GET", f"/media/{id_}")[0].status == 404


@pytest.mark.parametrize("options", [RIGHT, {"container": "matroska", "sound": True}], ids=["as it is", "wrapped anew"])
def test_a_browser_plays_what_was_taken_in(serving: Serving, open_page: OpenPage, options: dict[str, object]) -> None:
    medium = shelved(serving.store, film(seconds=1.5, **options))  # type: ignore[arg-type]
    page = open_page("/status")
    page.evaluate(
        "url => { window.film = document.createElement('video'); film.muted = true; film.src = url; film.play(); }",
        f"/media/{medium.id}",
    )
    until(page, "film.ended || film.error")
    assert page.evaluate("[film.error, film.videoWidth, film.videoHeight, Math.round(film.duration * 10)]") == [
        None,
        medium.width_px,
        medium.height_px,
        15,
    ]


def test_a_page_of_a_document_is_drawn(serving: Serving, open_page: OpenPage) -> None:
    medium = shelved(serving.store, pdf((595, 842)))
    serving.hub.set_playlist([Item(id=medium.id, url=f"/media/{medium.id}", bytes=medium.bytes)])
    page = open_page("/screen")
    drawn = f"image.src.endsWith('{medium.id}') && image.naturalHeight === 1920"
    until(page, f"[...document.images].some((image) => {drawn})")
