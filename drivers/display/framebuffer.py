"""A small display on the Linux framebuffer (`/dev/fb1`): HATs, SPI and USB displays of any size.

The kernel is asked what the device is at each opening: size, depth, where red, green and blue stand in a pixel, how
long a row is in memory and which part of it is shown. Nothing of it is configured, and a display of another size
may be plugged in. Pictures are packed whole, by Pillow, and written in one go, so that no half card is ever seen
for longer than the transfer takes.

Source of the structures: the kernel's `include/uapi/linux/fb.h`.
"""

import errno
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from drivers.base import Card, Display, DriverError, DriverFault, DriverNotReady, Identity, Options

if TYPE_CHECKING:
    from PIL.Image import Image

FBIOGET_VSCREENINFO, FBIOGET_FSCREENINFO = 0x4600, 0x4602
_VARIABLE = struct.Struct("@8I 12I 20I")
"""`fb_var_screeninfo`: sizes, offsets, depth, grey; then (offset, length, mirrored) for each colour."""
_FIXED = struct.Struct("@16s L 4I 3H I L 2I 3H 0L")
"""`fb_fix_screeninfo`, padded as the compiler does."""
PACKED_PIXELS, TRUE_COLOR, DIRECT_COLOR = 0, 2, 4

_REFUSALS: dict[int, tuple[type[DriverError], str]] = {
    errno.EACCES: (DriverFault, "DISPLAY_DENIED"),
    errno.EPERM: (DriverFault, "DISPLAY_DENIED"),
    errno.ENOTTY: (DriverFault, "DISPLAY_NO_FRAMEBUFFER"),
    errno.EISDIR: (DriverFault, "DISPLAY_NO_FRAMEBUFFER"),
    errno.EINVAL: (DriverFault, "DISPLAY_NO_FRAMEBUFFER"),
}
"""Why it could not be opened. Any other number is an absence."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the kernel says of a framebuffer."""

    name: str
    width_px: int
    height_px: int
    bits: int
    """A pixel's."""
    red: tuple[int, int]
    green: tuple[int, int]
    blue: tuple[int, int]
    """Each colour's lowest bit and number of bits within a pixel."""
    row_bytes: int
    start_bytes: int = 0
    """Where the part that is shown begins."""

    @classmethod
    def asked(cls, descriptor: int) -> "Geometry":
        """What the kernel says of the open framebuffer.

        Raises:
            OSError: it is none.
            DriverFault: it is none that can be drawn on.
        """
        buffer = bytearray(_FIXED.size)
        ioctl(descriptor, FBIOGET_FSCREENINFO, buffer)
        name, _, _, kind, _, visual, _, _, _, row_bytes, *_ = _FIXED.unpack(buffer)
        buffer = bytearray(_VARIABLE.size)
        ioctl(descriptor, FBIOGET_VSCREENINFO, buffer)
        width, height, _, _, left, top, bits, grey, *fields = _VARIABLE.unpack(buffer)
        text = name.partition(b"\0")[0].decode(errors="replace")
        if kind != PACKED_PIXELS or visual not in (TRUE_COLOR, DIRECT_COLOR) or grey or bits not in (16, 24, 32):
            raise DriverFault("DISPLAY_FORMAT", f"{text} has pixels of {bits} bits, visual {visual}", bits=str(bits))
        red, green, blue = ((fields[at], fields[at + 1]) for at in (0, 3, 6))
        start = top * row_bytes + left * bits // 8
        return cls(text, width, height, bits, red, green, blue, row_bytes, start)


class FramebufferOptions(Options):
    """`driver: framebuffer`."""

    device: Path = Path("/dev/fb1")
    """The framebuffer: /dev/fb0 is the first one, often the console's."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees by which the picture is turned clockwise, for a display that hangs otherwise than it was built."""


class FramebufferDisplay(Display):
    """Draws cards into a framebuffer."""

    Options = FramebufferOptions

    def __init__(self, options: FramebufferOptions, *, ask: Callable[[int], Geometry] = Geometry.asked) -> None:
        """*ask* stands for the kernel in tests."""
        self._options = options
        self._ask = ask
        self._descriptor: int | None = None
        self._geometry: Geometry | None = None

    def open(self) -> None:
        self.close()
        device = self._options.device
        try:
            self._descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            self._geometry = self._ask(self._descriptor)
        except DriverError:
            self.close()
            raise
        except OSError as error:
            self.close()
            family, code = _REFUSALS.get(error.errno or 0, (DriverNotReady, "DISPLAY_MISSING"))
            raise family(code, f"{device}: {error.strerror}", path=str(device)) from error

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def show(self, card: Card) -> None:
        descriptor, geometry = self._opened()
        width, height = geometry.width_px, geometry.height_px
        is_turned = self._options.rotate in (90, 270)
        picture = card.picture(*((height, width) if is_turned else (width, height)))
        rows = packed(picture, geometry, self._options.rotate)
        try:
            written = 0
            while written < len(rows):
                taken = os.pwrite(descriptor, rows[written:], geometry.start_bytes + written)
                if taken == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # it was made smaller meanwhile
                written += taken
        except OSError as error:
            raise DriverNotReady("DISPLAY_UNPLUGGED", f"{self._options.device}: {error.strerror}") from error

    def probe(self) -> Identity:
        _, geometry = self._opened()
        size = f"{geometry.width_px}x{geometry.height_px}, {geometry.bits} bits"
        return Identity(model=f"{geometry.name} ({size})", where=str(self._options.device))

    def _opened(self) -> tuple[int, Geometry]:
        if self._descriptor is None or self._geometry is None:
            raise DriverNotReady("DISPLAY_MISSING", f"{self._options.device} is not open", path="")
        return self._descriptor, self._geometry


def packed(picture: bytes, geometry: Geometry, rotate: int = 0) -> bytes:
    """The rows of *picture* (three bytes a pixel) as the framebuffer keeps them, from the first to the last pixel.

    Raises:
        DriverFault: no such pixels are known here.
    """
    from PIL import Image  # noqa: PLC0415 - slow to import, and only such displays need it

    width, height = geometry.width_px, geometry.height_px
    size = (height, width) if rotate in (90, 270) else (width, height)
    image = Image.frombytes("RGB", size, picture)
    if rotate:
        turns = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
        image = image.transpose(turns[rotate])
    pixels = _pixels(image, geometry)
    length = width * geometry.bits // 8
    if geometry.row_bytes == length:
        return pixels
    gap = bytes(geometry.row_bytes - length)
    return gap.join(pixels[at : at + length] for at in range(0, len(pixels), length))


def _pixels(image: "Image", geometry: Geometry) -> bytes:
    """The pixels without gaps. Framebuffers keep them as numbers, the lowest byte first (all supported boards)."""
    offsets = (geometry.red[0], geometry.green[0], geometry.blue[0])
    lengths = (geometry.red[1], geometry.green[1], geometry.blue[1])
    if geometry.bits == 16 and lengths == (5, 6, 5) and offsets in ((11, 5, 0), (0, 5, 11)):
        return _five_six_five(image if offsets == (11, 5, 0) else _swapped(image))
    raw = {(32, (16, 8, 0)): "BGRX", (32, (0, 8, 16)): "RGBX", (24, (16, 8, 0)): "BGR", (24, (0, 8, 16)): "RGB"}
    name = raw.get((geometry.bits, offsets))
    if name is None or lengths != (8, 8, 8):
        text = f"pixels of {geometry.bits} bits with red, green, blue at {offsets}"
        raise DriverFault("DISPLAY_FORMAT", text, bits=str(geometry.bits))
    return image.tobytes("raw", name)


def _swapped(image: "Image") -> "Image":
    from PIL import Image  # noqa: PLC0415

    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))


def _five_six_five(image: "Image") -> bytes:
    """RGB565, the lowest byte first: gggbbbbb rrrrrggg."""
    from PIL import Image, ImageChops  # noqa: PLC0415

    red, green, blue = image.split()
    low = ImageChops.add(green.point([value << 3 & 0xE0 for value in range(256)]), blue.point(_shifted(3)))
    high = ImageChops.add(red.point([value & 0xF8 for value in range(256)]), green.point(_shifted(5)))
    return Image.merge("LA", (low, high)).tobytes()


def _shifted(bits: int) -> list[int]:
    return [value >> bits for value in range(256)]
