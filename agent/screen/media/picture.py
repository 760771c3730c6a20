"""Pictures: decoded in full, turned the way they were held, made no larger than the panel.

A browser draws a JPEG that was cut to a third as if nothing were missing: only reading every byte tells.
Runs in the darkroom.
"""

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from agent.screen.media.medium import MediaError, Medium

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LONG_SIDE_PX = 1920
"""What a full-HD panel can show."""
LIMIT_PIXELS = 50_000_000
"""A 50 MP picture takes 150 MB decoded: as much as a 1 GB board can spare."""

_FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_ORIENTATION = 0x0112
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files, each in its own way."""


def develop_picture(copy: Path, source: str) -> tuple[str, Medium]:
    """The rendition's file beside *copy*, and what it is. A picture that is right as it stands is the copy itself.

    Raises:
        MediaError: not a picture, damaged, or larger than a board can decode.
    """
    try:
        image = Image.open(copy, formats=tuple(_FORMATS))
    except UnidentifiedImageError:
        raise MediaError("broken") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except _BROKEN:
        raise MediaError("broken") from None
    with image:
        if image.width * image.height > LIMIT_PIXELS:
            raise _too_many_pixels()
        try:
            is_right = _is_right(image)
            # `thumbnail` decodes a JPEG at a half or a quarter where that is enough; every byte is still read.
            image.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
            image.load()
        except _BROKEN:
            raise MediaError("broken") from None
        if is_right:
            return copy.name, Medium(source, "", "image", copy.stat().st_size, *image.size)
        return written(ImageOps.exif_transpose(image), copy.with_name("picture"), source)


def written(image: "Picture", file: Path, id_: str, page: int | None = None) -> tuple[str, Medium]:
    """Encode *image* as *file*, with the suffix of what it became."""
    colours = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    if image.mode.startswith(("I", "F")):
        image = image.point(lambda value: value / 256).convert("L")  # 16 bits of grey; `convert` alone would clip
    if image.has_transparency_data:
        file = file.with_name(f"{file.name}.webp")
        image.convert("RGBA").save(file, "WEBP", quality=90, icc_profile=colours)
    else:
        file = file.with_name(f"{file.name}.jpg")
        # Full colour resolution: posters are red letters on blue, which subsampling frays.
        image.convert("RGB").save(file, "JPEG", quality=90, subsampling=0, icc_profile=colours)
    return file.name, Medium(id_, "", "image", file.stat().st_size, *image.size, page=page)


def _is_right(image: "Picture") -> bool:
    return (
        max(image.size) <= LONG_SIDE_PX
        and image.mode in ("1", "L", "LA", "P", "RGB", "RGBA")
        and image.getexif().get(_ORIENTATION, 1) == 1
        and not getattr(image, "is_animated", False)
    )


def _too_many_pixels() -> MediaError:
    return MediaError("pixels", limit=LIMIT_PIXELS // 1_000_000)
