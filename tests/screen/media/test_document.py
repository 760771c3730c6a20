"""Documents: a picture a page."""

from pathlib import Path

import pytest

from agent.screen.media.document import LIMIT_PAGES
from agent.screen.media.medium import MediaError, content_id
from tests.screen.documents import pdf
from tests.screen.pictures import decoded
from tests.screen.shelf import developed

A4, SLIDE = (595, 842), (960, 540)


def test_each_page_becomes_a_picture_as_large_as_the_panel_shows_it(tmp_path: Path) -> None:
    data = pdf(A4, SLIDE)
    made = developed(data, tmp_path)
    media = [medium for _, medium in made]
    assert [(medium.id, medium.page) for medium in media] == [(f"{content_id(data)}-{n}", n) for n in (1, 2)]
    assert [(medium.width_px, medium.height_px) for medium in media] == [(1357, 1920), (1920, 1080)]
    for file, medium in made:
        image = decoded(file.read_bytes())
        assert image.size == (medium.width_px, medium.height_px)
        left, right = image.getpixel((20, image.height - 20)), image.getpixel((image.width - 20, 20))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[0] > 200, "the red square is where it was drawn"
        assert left[1] < 60
        assert min(right) > 250, "paper is white"


def test_a_page_that_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    [(_, medium)] = developed(pdf(A4, turned=90), tmp_path)
    assert medium.width_px > medium.height_px


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pdf(A4)[:200], "broken"),
        (b"%PDF-1.7 " + b"\0" * 500, "broken"),
        (pdf((1, 5000)), "broken"),
        (pdf(*[A4] * (LIMIT_PAGES + 1)), "pages"),
        (
            pdf(A4).replace(
                b"/Root 1 0 R",
                b"/Root 1 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4"
                b" /O <" + b"00" * 32 + b"> /U <" + b"00" * 32 + b"> >>",
            ),
            "locked",
        ),
    ],
    ids=["cut", "a lie", "a ribbon", "a book", "locked"],
)
def test_what_is_no_notice_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError) as refused:
        developed(data, tmp_path)
    assert refused.value.reason == reason
