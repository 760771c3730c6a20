"""A camera on the network: RTSP over TCP, or MJPEG over HTTP.

The user and the password come from a file of their own, read anew at each opening, and go to the camera only:
no text, log or exception of this driver holds them. Opening is short, since nothing more is asked of the first
packets than what kind of video they are; that a camera answers proves nothing until a picture was decoded.
Sound is never asked for.
"""

import errno
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, urlsplit

from drivers import base
from drivers.camera.live import LiveCamera, reason

if TYPE_CHECKING:
    from av.container import InputContainer

    from drivers.camera.options import NetworkOptions

OPEN_S, READ_S = 5.0, 30.0
"""How long FFmpeg waits before it gives up by itself; while it captures, who watches from outside is quicker."""
LOGIN_LIMIT = 120
"""Characters of user and password together, as written in an address: FFmpeg cuts off the rest."""
PROBE = {"probesize": "32", "fpsprobesize": "0"}
"""As little as FFmpeg accepts: one picture. With more it waits for several before it says that the camera is open."""
RTSP = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
HOLES = re.compile(r"\{(user|password)\}")


class NetworkCamera(LiveCamera):
    """Opens `source`, and signs in where the camera asks for it."""

    Options = base.elsewhere("drivers.camera.options", "NetworkOptions")
    _options: "NetworkOptions"

    def __init__(self, options: "NetworkOptions") -> None:
        super().__init__(options)
        self._options = options
        self._asked_at = 0.0
        self.has_clock = options.source.startswith("rtsp:")

    @property
    def where(self) -> str:
        return self._options.source

    def _connect(self) -> "InputContainer":
        import av  # noqa: PLC0415

        is_rtsp = self._options.source.startswith("rtsp:")
        address = self._address()
        socket.getaddrinfo(urlsplit(self._options.source).hostname, None)  # FFmpeg calls a name nobody knows bad input
        self._asked_at = self._monotonic()
        return av.open(
            address,
            format="rtsp" if is_rtsp else "mpjpeg",  # whatever it sends, it is taken for nothing else
            options=PROBE | (RTSP if is_rtsp else {}),
            timeout=(OPEN_S, READ_S),
        )

    def _address(self) -> str:
        """The source with the sign-in in it. It goes to FFmpeg and nowhere else."""
        source, file = self._options.source, self._options.credentials_file
        if file is None:
            return source
        login = {
            name: quote(text, safe="") for name, text in zip(("user", "password"), _login(Path(file)), strict=True)
        }
        if len("".join(login.values())) > LOGIN_LIMIT:
            raise base.DriverFault("CAMERA_LOGIN", f"{file}: user and password are too long for a camera")
        if HOLES.search(source):
            return HOLES.sub(lambda hole: login[hole[1]], source)
        scheme, _, rest = source.partition("://")
        return f"{scheme}://{login['user']}:{login['password']}@{rest}"

    def _refuse(self, error: Exception) -> NoReturn:
        from av import error as of  # noqa: PLC0415

        text = f"{self.where}: {reason(error)}"
        if self._monotonic() - self._asked_at >= OPEN_S:  # FFmpeg may call it bad input that none came
            raise base.DriverNotReady("CAMERA_AWAY", f"{self.where}: no answer in {OPEN_S:g} s") from None
        if isinstance(error, of.HTTPUnauthorizedError | of.HTTPForbiddenError):
            raise base.DriverFault("CAMERA_LOGIN", text) from None
        if isinstance(error, of.InvalidDataError) or (isinstance(error, OSError) and error.errno == errno.EIO):
            raise base.DriverFault("CAMERA_UNREADABLE", f"{self.where}: what answers there is no camera") from None
        if isinstance(error, of.HTTPClientError | of.ProtocolNotFoundError):
            raise base.DriverFault("CAMERA_UNREADABLE", text) from None
        raise base.DriverNotReady("CAMERA_AWAY", text) from None


def _login(file: Path) -> tuple[str, str]:
    """The user and the password in *file*: on two lines, or on one as user:password.

    Raises:
        DriverFault: it cannot be read, or holds something else.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise base.DriverFault("CAMERA_LOGIN", f"{file}: {error.strerror}") from None
    except ValueError:  # its text would quote what stands there
        raise base.DriverFault("CAMERA_LOGIN", f"{file}: not a text") from None
    while lines and not lines[-1].strip():
        lines.pop()
    user, separator, password = lines[0].partition(":") if len(lines) == 1 else ("", "", "")
    if len(lines) == 2:
        user, separator, password = lines[0].strip(), ":", lines[1].strip()
    if not separator or not user:
        raise base.DriverFault("CAMERA_LOGIN", f"{file}: two lines are expected there, user and password")
    return user, password
