"""Printing: the counter's sticker as a file for the printer, every dot kept as it was drawn."""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import PersonMustAct, SystemReason
from agent.language import language
from agent.rating.phone.sticker import sticker_address
from agent.screen.code.sticker import DPI, Sticker, code_on, draw
from agent.settings.model import Settings

if TYPE_CHECKING:
    from PIL import Image


def print_sticker(settings: Settings, *, file: Path, paper: str, out: Path | None, distance_m: float) -> str:
    """Make the sticker of the counter that *file* configures; what was made, in words.

    Raises:
        PersonMustAct: there is no address, the code would be too small to scan from *distance_m*, or *out* cannot be
            written.
    """
    counter, words = settings.counter, language(settings.counter.language)
    if settings.qr is None:
        raise PersonMustAct(words.text("sticker.no_qr", file=file))
    address = sticker_address(settings.qr.url, counter.agent)
    code, needed = code_on(address, paper), code_on(address, paper).needed_at(distance_m)
    reach = f"{int(code.reach_m * 100) / 100:g}"
    if code.reach_m < distance_m:
        numbers = {"width": f"{code.width_mm:.0f}", "module": f"{code.module_mm:.1f}", "reach": reach}
        needs = {"needed_width": f"{needed.width_mm:.0f}", "needed_module": f"{needed.module_mm:.1f}"}
        raise PersonMustAct(words.text("sticker.too_far", paper=paper, distance=f"{distance_m:g}", **numbers, **needs))
    other = language("en" if counter.language == "vi" else "vi")
    sticker = Sticker(address, counter.name, counter.number, counter.hotlines, words, other)
    path = out if out is not None else Path(f"{counter.agent}-{paper}.pdf")
    save(draw(sticker, paper), path, title=f"{counter.name} · {words.text('screen.counter', number=counter.number)}")
    made = words.text("sticker.made", file=path, paper=paper, address=address, reach=reach)
    return f"{made}\n{words.text('sticker.static')}"


def save(image: "Image.Image", path: Path, *, title: str) -> None:
    """Write *image* to *path*: a PDF or a PNG, as its name says.

    Raises:
        PersonMustAct: another kind of file, or it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".pdf", ".png"):
        raise PersonMustAct(f'{path}: a sticker is a PDF or a PNG; end its name in ".pdf" or ".png"')
    try:
        if suffix == ".png":
            image.save(path, dpi=(DPI, DPI))
        else:
            path.write_bytes(pdf(image, title=title))
    except OSError as error:
        raise PersonMustAct(f"{path}: {SystemReason.of(error)}") from error


def pdf(image: "Image.Image", *, title: str) -> bytes:
    """A PDF of one page that is *image*, a picture with a palette, kept as it is.

    Pillow's own would make a JPEG of it, whose smear around every edge is just what a scanner does not need.
    """
    width, height = image.size
    palette = bytes(image.getpalette() or b"")
    across, up = (pixels * 72 / DPI for pixels in image.size)
    content = f"q {across:.3f} 0 0 {up:.3f} 0 0 cm /Sheet Do Q".encode()
    colours = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    kind = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8 /ColorSpace {colours}"
    name = "feff" + title.encode("utf-16-be").hex()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {across:.3f} {up:.3f}] /Contents 4 0 R "
        f"/Resources << /XObject << /Sheet 5 0 R >> >> >>".encode(),
        _stream("", content),
        _stream(f"{kind} /Filter /FlateDecode", zlib.compress(image.tobytes())),
        f"<< /Title <{name}> >>".encode(),
    ]
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count, start = len(objects) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n" % (count, table)
    out += b"<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
    return bytes(out)


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"
