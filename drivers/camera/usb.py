"""A USB camera: the JPEG pictures that it makes itself, as they come.

It is found by udev's names, after its socket or after what it calls itself, never by a number: `/dev/video0` belongs
to whoever was plugged in first. Nothing is remembered: each opening looks anew and negotiates size and rate anew.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from drivers import base
from drivers.camera.live import LiveCamera, reason

if TYPE_CHECKING:
    from av.container import InputContainer

    from drivers.camera.options import Match, UsbOptions

V4L = Path("/dev/v4l")
"""udev's names of cameras: in `by-path` after the socket, in `by-id` after maker, model and serial number."""
PICTURES = "-video-index0"
"""How the names end that deliver pictures; a camera's others deliver notes about them."""


def find(match: "Match", *, folder: Path = V4L) -> Path:
    """The one device that *match* means.

    Raises:
        DriverNotReady: nothing matches; says what is there.
        DriverFault: more than one device matches.
    """
    globs = {name: value for name, value in (("by-path", match.by_path), ("by-id", match.by_id)) if value is not None}
    sought = ", ".join(f'{name} "{glob}"' for name, glob in globs.items())
    found = set.intersection(
        *({device for name, device in _there(folder / way) if _fits(name, glob)} for way, glob in globs.items())
    )
    if not found:
        there = sorted({name for way in globs for name, _ in _there(folder / way)})
        text = f"plugged in: {', '.join(there)}" if there else "no USB camera is plugged in"
        raise base.DriverNotReady("CAMERA_AWAY", f"nothing matches {sought}; {text}")
    if len(found) > 1:
        names = ", ".join(sorted(map(str, found)))
        raise base.DriverFault("CAMERA_FAULT", f"{sought} matches {len(found)} cameras: {names}")
    return found.pop()


def _fits(name: str, glob: str) -> bool:
    return fnmatchcase(name, glob) or fnmatchcase(name.removesuffix(PICTURES), glob)


def _there(folder: Path) -> list[tuple[str, Path]]:
    try:
        links = sorted(folder.iterdir())
    except OSError:  # udev removes the directory with its last name
        return []
    return [(link.name, link.resolve()) for link in links if link.name.endswith(PICTURES)]


class UsbCamera(LiveCamera):
    """Opens the camera that `match` means; asks for a size and a rate, and takes what it gives."""

    has_clock = False

    Options = base.elsewhere("drivers.camera.options", "UsbOptions")
    _options: "UsbOptions"

    def __init__(self, options: "UsbOptions", *, find: "Callable[[Match], Path]" = find) -> None:
        super().__init__(options)
        self._options = options
        self._find = find
        self._device: Path | None = None

    @property
    def where(self) -> str:
        return str(self._device or "USB")

    def _connect(self) -> "InputContainer":
        import av  # noqa: PLC0415

        options = self._options
        self._device = self._find(options.match)
        asked = {"video_size": f"{options.width}x{options.height}", "framerate": str(options.fps)}
        return av.open(str(self._device), format="v4l2", options={"input_format": "mjpeg", **asked})

    def _refuse(self, error: Exception) -> NoReturn:
        text = f"{self.where}: {reason(error)}"
        if isinstance(error, PermissionError):
            raise base.DriverFault("CAMERA_FAULT", f"{text}; the account has to be in the group video") from None
        raise base.DriverNotReady("CAMERA_AWAY", text) from None
