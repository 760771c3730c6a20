"""Real pictures, drawn for tests."""

from io import BytesIO
from typing import Any

from PIL import Image

Colour = tuple[int, int, int]


def plain(colour: Colour, size: tuple[int, int] = (640, 360), kind: str = "PNG") -> bytes:
    """A picture of one colour."""
    return encoded(Image.new("RGB", size, colour), kind)


def noise(size: tuple[int, int], kind: str = "JPEG", **options: Any) -> bytes:
    """A picture that no encoder can make small: cutting it anywhere cuts into the image."""
    return encoded(Image.effect_noise(size, 80).convert("RGB"), kind, **options)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image
