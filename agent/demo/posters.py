"""The demo's pictures: three posters in the branded style, drawn when the demo starts."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE_PX = (1440, 810)
"""The screen's stage in landscape, exactly."""


@dataclass(frozen=True)
class Poster:
    """One message: what to do, and what it is for."""

    title: str
    lines: tuple[str, ...]
    top: tuple[int, int, int]
    bottom: tuple[int, int, int]


POSTERS = (
    Poster(
        "Nộp hồ sơ trực tuyến,\nkhông phải chờ",
        ("Cư trú, căn cước, đăng ký xe", "dichvucong.bocongan.gov.vn"),
        (10, 42, 94),
        (21, 87, 176),
    ),
    Poster(
        "Một tài khoản VNeID\ncho mọi thủ tục",
        ("Mang căn cước đến quầy,", "cán bộ sẽ giúp ông/bà kích hoạt mức 2"),
        (7, 64, 58),
        (11, 107, 86),
    ),
    Poster(
        "Ý kiến của ông/bà\ngiúp chúng tôi phục vụ tốt hơn",
        ("Bấm một phím trên bàn phím", "hoặc quét mã QR bên cạnh. Không ghi tên."),
        (84, 26, 38),
        (150, 46, 52),
    ),
)


def draw_posters(folder: Path) -> None:
    """Write the posters into *folder* as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, poster in enumerate(POSTERS, start=1):
        _draw(poster).save(folder / f"{number}.png", optimize=False, compress_level=1)


def _font(weight: str, size_px: int) -> ImageFont.FreeTypeFont:
    file = files("fontpkg_be_vietnam_pro") / "files" / f"BeVietnamPro-{weight}.ttf"
    return ImageFont.truetype(str(file), size_px)


def _draw(poster: Poster) -> Image.Image:
    width, height = SIZE_PX
    blend = Image.linear_gradient("L").resize(SIZE_PX)
    picture = Image.composite(Image.new("RGB", SIZE_PX, poster.bottom), Image.new("RGB", SIZE_PX, poster.top), blend)
    shade = Image.new("L", SIZE_PX, 0)
    pen = ImageDraw.Draw(shade)
    for ring in range(5):
        radius = 180 + ring * 110
        pen.ellipse((width - radius, height - radius, width + radius, height + radius), outline=26, width=34)
    picture.paste((255, 255, 255), mask=shade)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((96, 128, 196, 138), fill=(255, 207, 51))
    pen.multiline_text((92, 172), poster.title, font=_font("Bold", 84), fill="white", spacing=34)
    for number, line in enumerate(poster.lines):
        pen.text((96, 520 + number * 74), line, font=_font("Regular", 46), fill=(226, 234, 246))
    return picture
