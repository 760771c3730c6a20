"""Documents: each page of a PDF as a picture as large as the panel shows it. Runs in the darkroom."""

from collections.abc import Callable
from pathlib import Path

import pypdfium2
from PIL import Image
from pypdfium2 import raw

from agent.screen.media.medium import MediaError, Medium, medium_id
from agent.screen.media.picture import LONG_SIDE_PX, written

LIMIT_PAGES = 20
"""A longer document is no notice: nobody in a queue reads it to its end."""
NARROWEST = 1 / 20
"""A page that is longer and narrower than this is damaged, or a trap."""


def develop_document(copy: Path, source: str, alive: Callable[[], None]) -> list[tuple[str, Medium]]:
    """A file beside *copy* for each page, and what it is.

    Raises:
        MediaError: locked with a password, damaged, without a page, or with too many.
    """
    try:
        document = pypdfium2.PdfDocument(copy)
    except pypdfium2.PdfiumError as error:
        is_locked = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD
        raise MediaError("locked" if is_locked else "broken") from None
    with document:
        if not 1 <= len(document) <= LIMIT_PAGES:
            raise MediaError("pages", seen=len(document), limit=LIMIT_PAGES) if len(document) else MediaError("broken")
        made = []
        for page in range(1, len(document) + 1):
            alive()
            picture = _drawn(document, page - 1)
            made.append(written(picture, copy.with_name(f"page-{page}"), medium_id(source, page), page))
        return made


def _drawn(document: pypdfium2.PdfDocument, number: int) -> Image.Image:
    try:
        page = document[number]
        width, height = page.get_size()
        if not (min(width, height) > 0 and NARROWEST <= width / height <= 1 / NARROWEST):
            raise MediaError("broken")
        bitmap = page.render(scale=LONG_SIDE_PX / max(width, height))
        picture: Image.Image = bitmap.to_pil()
    except pypdfium2.PdfiumError:
        raise MediaError("broken") from None
    if max(picture.size) > LONG_SIDE_PX:  # pdfium rounds up
        picture = picture.crop((0, 0, min(picture.width, LONG_SIDE_PX), min(picture.height, LONG_SIDE_PX)))
    return picture
